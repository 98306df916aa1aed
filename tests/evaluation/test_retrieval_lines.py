from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from corpora.doc2dial import GoldTurn, GroundedTurn, SqueezedText
from domain.conversation import Gate, Query
from domain.passage import Passage, RetrievedPassage
from evaluation.retrieval_lines import MEASURES, Asked, asked, difference, holds, judged, report, searched
from evaluation.retrieval_variants import RememberingEncoder, rewritten
from retrieval.knowledge_base import KnowledgeBaseStore
from tests.retrieval.word_encoder import WordEncoder, prepared

TEXT = "Moving costs twenty pounds. Students pay nothing at all. A letter is enough."
TURN = Asked(Query("fee", "fee"), "c1", frozenset({"fees#2"}), frozenset({"fees"}), SqueezedText(TEXT), (28, 56))


def found(*places: tuple[str, tuple[int, int]]) -> list[RetrievedPassage]:
    return [
        RetrievedPassage(Passage(id_, id_.partition("#")[0], "", TEXT[slice(*span)], "", span), 1 / n, n)
        for n, (id_, span) in enumerate(places, start=1)
    ]


class Fixed:
    """Finds the same, whatever is asked; counts the searches."""

    def __init__(self, passages: Sequence[RetrievedPassage]) -> None:
        self._passages, self.searches = passages, 0

    def retrieve(self, query: Query, k: int) -> Sequence[RetrievedPassage]:
        self.searches += 1
        return self._passages[:k]


def test_each_measure_looks_at_what_it_names() -> None:
    told = judged(found(("other#1", (0, 9)), ("other#2", (0, 9)), ("fees#1", (0, 27)), ("fees#2", (28, 56))), TURN)
    assert dict(zip(MEASURES, told, strict=True)) == {
        "R@1": 0.0,
        "R@5": 1.0,
        "R@10": 1.0,
        "MRR": 0.25,
        "doc R@1": 0.0,
        "doc R@5": 1.0,
        "held@1": 0.0,
        "held@5": 1.0,
    }


def test_a_passage_counts_as_each_place_that_says_the_same() -> None:
    [copy, gold] = found(("other#1", (28, 56)), ("fees#2", (28, 56)))
    assert judged([replace(copy, also_in=(gold.passage.place,))], TURN) == (1.0,) * len(MEASURES)
    assert judged([copy], TURN) == (0.0,) * len(MEASURES)


def test_a_grounding_is_held_by_the_passages_of_its_document_together() -> None:
    first, second = found(("fees#2", (20, 40)), ("fees#3", (36, 60)))
    assert holds([first, second], TURN)
    assert holds([second, first], TURN)
    assert not holds([first], TURN)
    elsewhere = replace(first, passage=replace(first.passage, document_id="other"))
    assert not holds([elsewhere, second], TURN)
    assert holds([replace(elsewhere, also_in=(first.passage.place,)), second], TURN)
    assert not holds([], TURN)


def test_what_two_passages_share_counts_once() -> None:
    twice = found(("fees#2", (28, 42)), ("fees#4", (28, 42)))
    assert not holds(twice, TURN)


def test_every_way_is_asked_every_turn_and_the_first_is_warmed_up() -> None:
    ways = {"right": Fixed(found(("fees#2", (28, 56)))), "wrong": Fixed([])}
    told: list[tuple[int, int]] = []
    lines = searched([TURN, TURN], ways, lambda done, total: told.append((done, total)))
    assert [(line.name, line.column("R@1"), len(line.seconds)) for line in lines] == [
        ("right", [1.0, 1.0], 2),
        ("wrong", [0.0, 0.0], 2),
    ]
    assert (ways["right"].searches, ways["wrong"].searches) == (4, 2)
    assert told == [(2, 4), (4, 4)]
    assert searched([TURN], {}, lambda done, total: None) == []


def test_a_gain_is_paired_by_turn() -> None:
    lines = searched([TURN] * 3, {"right": Fixed(found(("fees#2", (28, 56)))), "none": Fixed([])}, lambda *_: None)
    gain = difference(lines[0], lines[1], "MRR", [TURN] * 3)
    assert (gain.mean, gain.low, gain.high) == (1.0, 1.0, 1.0)


def test_the_report_has_a_line_a_way_and_the_gain_over_the_first() -> None:
    turns = [TURN, replace(TURN, conversation="c2", passages=frozenset({"none"}))]
    lines = searched(turns, {"none": Fixed([]), "right": Fixed(found(("fees#2", (28, 56))))}, lambda *_: None)
    table = report(lines, turns, "Ways", {})
    assert [row[0] for row in table.rows] == ["none", "right"]
    assert table.rows[1][1] == "50.0 [0.0–100.0]"
    assert table.rows[1][-1].startswith("+50.0 [+0.0–")
    assert table.columns[-1] == "MRR over none"
    assert table.data[1]["R@5"]["mean"] == 0.5


def test_what_answers_a_turn_is_found_in_the_knowledge_base(tmp_path: Path) -> None:
    base = KnowledgeBaseStore(tmp_path, WordEncoder()).create("help")
    base.put_many([prepared("fees", *TEXT.split(". "))])
    turn = GroundedTurn("talk_7", "and students?", (), "d1", "fees.md", "students pay nothing", 0.4)
    [one] = asked([GoldTurn(turn, frozenset({"fees#1"}))], {"talk_7": Query("q", "q")}, base)
    assert (one.conversation, one.documents, one.query.text) == ("talk", frozenset({"fees"}), "q")
    whole = base.document("fees")
    assert whole is not None
    assert whole[1][slice(*one.span)] == "Students pay nothing"


def test_queries_are_rewritten_once_and_kept(tmp_path: Path) -> None:
    turns = [GroundedTurn(f"t{n}", f"question {n}", (), "d", "f", "g", 0) for n in range(3)]
    calls: list[str] = []

    def rewrite(question: str, history: Sequence[tuple[str, str]]) -> Query:
        calls.append(question)
        return Query(question.upper(), question, Gate.REWRITE, "it leans", 0.5, ("before", "then"))

    file = tmp_path / "queries.jsonl"
    first = rewritten(turns[:2], rewrite, file, lambda *_: None)
    again = rewritten(turns, rewrite, file, lambda *_: None)
    assert calls == ["question 0", "question 1", "question 2"]
    assert (
        first["t0"]
        == again["t0"]
        == Query("QUESTION 0", "question 0", Gate.REWRITE, "it leans", 0.5, ("before", "then"))
    )
    assert len([json.loads(line) for line in file.read_text().splitlines()]) == 3
    assert list(rewritten(turns[2:], rewrite, None, lambda *_: None)) == ["t2"]


def test_a_query_is_encoded_once_for_all_ways() -> None:
    class Counting(WordEncoder):
        asked = 0

        def encode_queries(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
            self.asked += 1
            return super().encode_queries(texts)

    inner = Counting()
    encoder = RememberingEncoder(inner)
    one = encoder.encode_queries(["a", "b"])
    assert encoder.encode_queries(["a", "b"]) is one
    assert encoder.encode_queries(["a"]).shape == (1, 512)
    assert (inner.asked, len(encoder.seconds)) == (2, 2)
    assert (encoder.dimension, encoder.fingerprint) == (512, "words")
