"""Positives keep their answer, negatives lack it, and the label spans point at it."""

from __future__ import annotations

import random

from training.minilm import minilm_tokenizer
from training.reader import collate, encode
from training.reading_data import ReadingRow, kits, negatives, windowed


def filler(count: int) -> str:
    return " ".join(f"Sentence number {i} says very little about anything at all." for i in range(count))


def test_the_window_around_an_answer_holds_it_and_its_sentence() -> None:
    text = f"{filler(60)} The fee is nine pounds a month. {filler(60)}"
    start = text.index("nine pounds")
    (row,) = windowed("what is the fee", "Fees", text, (start, start + 11))
    assert row.answer is not None
    assert row.evidence is not None
    assert row.text[slice(*row.answer)] == "nine pounds"
    assert row.text[slice(*row.evidence)] == "The fee is nine pounds a month."
    assert 120 <= len(row.text.split()) <= 150


def test_negatives_are_near_the_query_and_lack_the_answer() -> None:
    def row(query: str, text: str, answer: str) -> ReadingRow:
        start = text.index(answer)
        return ReadingRow(query, "", text, (start, start + len(answer)), None)

    found = [
        row("late payment fee", "The late payment fee is nine pounds.", "nine pounds"),
        row("paper bill fee", "The paper bill fee is two pounds.", "two pounds"),
        row("router light colour", "A red light means a fault.", "a fault"),
    ]
    made = negatives(found, random.Random(0))
    assert made
    for negative in made:
        assert negative.answer is None
        positive = next(one for one in found if one.query == negative.query)
        assert positive.text != negative.text


def test_labels_point_at_the_tokens_of_the_answer() -> None:
    tokenizer = minilm_tokenizer()
    row = ReadingRow("who did it?", "Title", "Nobody knows. Anna did it in 1999. Then she left.", (14, 18), (14, 34))
    example = encode(tokenizer, row)
    pieces = tokenizer.convert_ids_to_tokens(example["input_ids"])
    assert pieces[example["span"][0]] == "anna"
    marked = [piece for piece, mark in zip(pieces, example["evidence"], strict=True) if mark == 1]
    assert marked == ["anna", "did", "it", "in", "1999", "."]


def test_a_passage_without_the_answer_has_no_span_to_learn() -> None:
    example = encode(minilm_tokenizer(), ReadingRow("who?", "", "Nothing here.", None, None))
    assert example["relevant"] == 0
    assert example["span"] == (-100, -100)
    # No sentence of a passage that does not answer is evidence; the query's own tokens are never asked about.
    assert {mark for mark, kind in zip(example["evidence"], example["types"], strict=True) if kind == 0} == {-100}
    assert {mark for mark in example["evidence"] if mark != -100} == {0}


def test_a_batch_is_padded_to_its_longest() -> None:
    tokenizer = minilm_tokenizer()
    texts = ["Short.", "A rather longer passage of text than the other one."]
    batch = collate([encode(tokenizer, ReadingRow("q", "", text, None, None)) for text in texts])
    assert batch["input_ids"].shape == batch["evidence"].shape == batch["token_type_ids"].shape
    assert batch["attention_mask"][0].sum() < batch["attention_mask"][1].sum()
    assert batch["evidence"][0, -1] == -100


def test_pairs_from_kits_hold_the_answer_or_lack_it() -> None:
    found = kits(random.Random(1), development=True, conversations=2)
    holding = [row for row in found if row.answer and row.evidence]
    assert len(holding) > 50
    assert 0.3 < len(holding) / len(found) < 0.7
    lacking = {(row.query, row.text) for row in found if row.answer is None}
    for row in holding:
        assert row.answer is not None
        assert row.evidence is not None
        sentence = row.text[slice(*row.evidence)]
        assert row.text[slice(*row.answer)] in sentence
        assert sentence[-1] in ".!?"
        assert (row.query, row.text) not in lacking
