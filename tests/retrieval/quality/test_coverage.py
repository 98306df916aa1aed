from __future__ import annotations

import numpy as np

from domain.passage import Passage
from retrieval.quality.coverage import Asked, clusters, find_gaps, unanswered
from tests.retrieval.word_encoder import WordEncoder

NEAREST = Passage("p", "d", "Prices", "Lamps cost £5.", "d.md", (0, 14))
QUESTIONS = [
    "price of the blue lamp",
    "do you ship to mars",
    "the price of the blue lamp",
    "blue lamp price",
    "can you ship to mars",
    "who is in charge",
]


def asked(question: str) -> Asked:
    return Asked(question, answered=False, confidence=0.1)


def test_answers_given_with_little_confidence_count_as_none() -> None:
    questions = [Asked("a", True, 0.9), Asked("b", True, 0.2), Asked("c", False, 0.9)]
    assert [one.question for one in unanswered(questions)] == ["b", "c"]


def test_questions_about_one_thing_are_one_finding_and_the_most_asked_comes_first() -> None:
    found = find_gaps([asked(q) for q in QUESTIONS], WordEncoder().encode_queries(QUESTIONS), lambda _: NEAREST)
    assert [one.facts["times"] for one in found] == [3, 2, 1]
    examples = {str(value) for name, value in found[0].facts.items() if name.startswith("example")}
    assert examples == {QUESTIONS[0], QUESTIONS[2], QUESTIONS[3]}
    assert "“Prices”" in found[0].remedy
    assert found[0].places[0].passage_id == "p"


def test_without_any_passage_there_is_no_nearest_page() -> None:
    (found,) = find_gaps([asked("hello")], WordEncoder().encode_queries(["hello"]), lambda _: None)
    assert (found.remedy, found.places) == ("Write the answer.", ())


def test_every_row_is_in_one_group_and_the_leader_is_like_all_of_it() -> None:
    random = np.random.default_rng(0)
    vectors = random.standard_normal((1500, 3)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    groups = clusters(vectors, 0.8)
    assert sorted(row for group in groups for row in group) == list(range(1500))
    assert all((vectors[group] @ vectors[group[0]] >= 0.8 - 1e-5).all() for group in groups)
    assert [len(group) for group in groups] == sorted((len(group) for group in groups), reverse=True)


def test_no_questions_make_no_groups() -> None:
    assert clusters(np.zeros((0, 4), dtype=np.float32)) == []
