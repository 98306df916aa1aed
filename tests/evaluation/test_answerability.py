from __future__ import annotations

from collections.abc import Sequence

import pytest

from corpora.reading import ReadingExample
from domain.passage import Passage
from domain.protocols import Evidence
from evaluation.answerability import Judged, judge, measure, report, with_negatives


def asked(name: str, question: str, passage: str, *answers: str) -> ReadingExample:
    return ReadingExample(name, question, f"Title {name}", passage, answers, True)


QUESTIONS = [
    asked("1", "How much is the moving fee in Kent?", "The moving fee in Kent is twelve pounds.", "twelve pounds"),
    asked("2", "How much is the moving fee in Cork?", "The moving fee in Cork is nine euro.", "nine euro"),
    asked("3", "Who repairs the broken tower?", "The moving fee in York is twelve pounds.", "York"),
    asked("4", "When does the garden open?", "The garden opens at dawn.", "dawn"),
]


def test_the_negative_is_the_nearest_passage_that_lacks_the_answer() -> None:
    pairs = {pair.asked.id: pair.negative for pair in with_negatives(QUESTIONS, QUESTIONS)}
    assert pairs["1"] == ("Title 2", "The moving fee in Cork is nine euro.")  # York's page holds "twelve pounds" too
    assert pairs["2"][1] in {QUESTIONS[0].passage, QUESTIONS[2].passage}
    assert all(pairs[one.id][1] != one.passage for one in QUESTIONS if one.id in pairs)


def test_a_question_whose_answer_stands_everywhere_is_left_out() -> None:
    both = [asked("1", "fee?", "A fee of two.", "fee"), asked("2", "toll?", "No fee here.", "here")]
    assert [pair.asked.id for pair in with_negatives(both, both)] == ["2"]


def relevance_of_length(query: str, passages: Sequence[Passage]) -> list[Evidence]:
    return [Evidence(len(passage.text) / 1000) for passage in passages]


def test_the_most_relevant_window_counts() -> None:
    long = " ".join(["word"] * 140)
    pair = with_negatives([asked("1", "word?", long, "word"), asked("2", "x?", "other", "other")], QUESTIONS)[0]
    (judged,) = judge([pair], relevance_of_length, lambda done, total: None)
    assert judged.positive == pytest.approx((130 * 5 - 1) / 1000)
    assert judged.negative == pytest.approx(len(pair.negative[1]) / 1000)


def test_the_threshold_comes_from_even_passages_and_f1_from_odd_ones() -> None:
    judged = [
        Judged("a", 0.9, 0.4),  # even: best from 0.8
        Judged("b", 0.85, 0.82),  # odd
        Judged("c", 0.8, 0.1),  # even
        Judged("d", 0.3, 0.2),  # odd
    ]
    (every, odd), threshold = measure(judged)
    assert threshold == 0.8
    assert odd.measures["F1"].mean == pytest.approx(2 * 1 / (2 + 2))  # called 0.85 and 0.82; one of two positives
    # positives 0.9 0.85 0.8 0.3 against negatives 0.4 0.82 0.1 0.2: 4 + 4 + 3 + 2 of 16
    assert every.measures["AUROC"].mean == pytest.approx(13 / 16)
    assert every.count == 4
    assert "0.800" in report([every, odd], threshold, "Answerability", {}).facts["threshold"]
