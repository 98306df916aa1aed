from __future__ import annotations

import math

import pytest
from sacrebleu.metrics import BLEU

from evaluation.wording import corpus_bleu, exact_match, normalised, rouge1_recall, same_text, token_f1


def test_squad_normalisation_drops_case_articles_and_punctuation() -> None:
    assert normalised("The  Bill, (an annual one): £29.50!") == "bill annual one £2950"
    assert normalised("Theatre a-side") == "theatre aside"


def test_a_match_is_exact_after_normalisation_with_any_answer() -> None:
    assert exact_match("the Denver Broncos.", ["Panthers", "Denver Broncos"]) == 1.0
    assert exact_match("Denver", ["Denver Broncos"]) == 0.0


@pytest.mark.parametrize(
    ("told", "wanted", "f1"),
    [
        ("two weeks", ["two weeks' notice"], 2 * 1.0 * (2 / 3) / (1.0 + 2 / 3)),
        ("a b b", ["b c", "x"], 0.5),  # "a" is an article; one shared "b" of two and two words
        ("", ["something"], 0.0),
        ("the", ["a"], 1.0),  # nothing is left of either
        ("nothing shared", ["else"], 0.0),
    ],
)
def test_f1_of_words_by_hand(told: str, wanted: list[str], f1: float) -> None:
    assert token_f1(told, wanted) == pytest.approx(f1)


def test_rouge_recall_is_the_share_of_the_references_words() -> None:
    assert rouge1_recall("How much is it in Ireland", "how much is fibre in Ireland?") == pytest.approx(5 / 6)
    assert rouge1_recall("charges", "charge") == 0.0


def test_texts_are_the_same_but_for_case_spacing_and_final_marks() -> None:
    assert same_text("What is  it ?", "what is it")
    assert not same_text("What is it", "What is not it")


def test_bleu_is_sacrebleus_and_its_interval_is_around_it() -> None:
    told = ["the cat sat on the mat", "how much is fibre 100 in Ireland ?", "no idea at all here"] * 8
    wanted = ["The cat sat on a mat", "how much is Fibre 100 in Ireland?", "I have no idea at all"] * 8
    found = corpus_bleu(told, wanted)
    assert found.mean == pytest.approx(BLEU(lowercase=True).corpus_score(told, [wanted]).score / 100)
    assert found.low < found.mean < found.high


def test_the_bleu_of_a_single_text_has_no_spread() -> None:
    found = corpus_bleu(["one two three four five"], ["One two three four six"])
    assert found.low == pytest.approx(found.mean) == pytest.approx(found.high)
    assert corpus_bleu(["same words as there"], ["same words as there"]).mean == pytest.approx(1.0)
    assert math.isnan(corpus_bleu([], []).mean)
