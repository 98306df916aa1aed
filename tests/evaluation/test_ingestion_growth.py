from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

from evaluation.ingestion_growth import Grown, generated, measure, report, sentences_of
from tests.retrieval.word_encoder import WordEncoder

SENTENCES = ["The fee is due on the first day of the month.", "Bring a form of identity.", "Offices close at noon."]


def test_the_sentences_of_documents_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("The fee is due. Bring a form.")
    assert [sentence.split()[-1] for sentence in sentences_of(tmp_path)] == ["due.", "form."]


def test_generated_texts_are_about_a_passage_long_all_different_and_always_the_same() -> None:
    texts = list(islice(generated(SENTENCES), 50))
    assert len(set(texts)) == 50
    assert all(100 <= len(text.split()) <= 120 for text in texts)
    assert texts == list(islice(generated(SENTENCES), 50))
    assert texts != list(islice(generated(SENTENCES, seed=1), 50))


def test_a_tenth_of_the_words_is_changed() -> None:
    [text] = islice(generated(["alpha beta gamma delta epsilon."]), 1)
    known = {"alpha", "beta", "gamma", "delta", "epsilon."}
    assert len(text.split()) == 100
    assert sum(word not in known for word in text.split()) == 10


def test_each_size_is_reached_and_searched() -> None:
    heard: list[tuple[int, int]] = []
    grown = measure(SENTENCES, WordEncoder(8), (3, 70), lambda *done: heard.append(done))
    assert [one.passages for one in grown] == [3, 70]
    assert heard == [(3, 70), (70, 70)]
    assert all(len(one.search_seconds) == 50 for one in grown)
    assert all(one.bytes_each > 500 and one.seconds_each > 0 for one in grown)


def test_the_report_has_a_line_a_size() -> None:
    table = report([Grown(1000, 0.004, 0.003, 0.25, (0.001, 0.002, 0.003), 2345.6)], {"encoder": "words"})
    assert table.rows == (("1,000", "4.00", "3.00", "0.25", "2.0", "2.9", "2346"),)
    assert json.loads(table.as_json())["results"][0]["passages"] == "1,000"
