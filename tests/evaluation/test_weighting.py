from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest

from domain.answer import Answer, AnswerKind
from domain.conversation import Query, Turn
from domain.errors import Misconfigured
from domain.passage import Passage, RetrievedPassage
from domain.protocols import Draft, Evidence
from evaluation.calibration_plots import draw
from evaluation.fit_answers import answered, example, fit_all, folds
from evaluation.quality import QualityConversation, TurnKind
from evaluation.weighting import ADAPTIVE, SYSTEMS, fit_system, line, max_probability, report, write
from evaluation.weighting_turns import (
    OPENED,
    Depths,
    PreparedTurn,
    Preparer,
    fingerprint,
    kept,
    opening_turns,
    quality_turns,
)
from generation.calibration import open_answer_weights
from tests.evaluation.handbook import expected
from tests.evaluation.weighed import by_evidence, turn, turns

TURNS = turns(30)
ABSTAINED = Answer("", AnswerKind.ABSTAINED)
EXAMPLES = [example(one, one.prepared.scored(by_evidence)) for one in TURNS]


class Replaying:
    """Finds the evidence of one prepared turn, whatever is asked, and remembers what it was asked."""

    def __init__(self, one: PreparedTurn) -> None:
        self._turn, self.asked = one, list[tuple[str, tuple[tuple[str, str], ...], int, str]]()

    def replay(
        self,
        knowledge_base: str,
        question: str,
        history: Sequence[tuple[str, str]],
        *,
        top_k: int = 5,
        until: Literal["rewrite", "retrieve", "answer"] = "answer",
    ) -> Turn:
        self.asked.append((question, tuple(history), top_k, until))
        found = self._turn.prepared
        return Turn("t", question, found.query, ABSTAINED, found.evidence)

    def read(self, question: str, passages: Sequence[Passage]) -> list[Evidence]:
        return list(self._turn.prepared.readings)

    def features(
        self, query: Query, evidence: Sequence[RetrievedPassage], readings: Sequence[Evidence], seen: int = 0
    ) -> list[list[tuple[float, ...]]]:
        return [list(rows) for rows in self._turn.prepared.features]

    def stream(
        self, question: str, history: Sequence[Turn], evidence: Sequence[RetrievedPassage]
    ) -> Iterator[str | tuple[Draft, ...]]:
        yield "Plan"
        yield tuple(Draft(one.passage.text, -1.0, 5, "beam 1") for one in evidence)


def preparer(parts: Replaying) -> Preparer:
    return Preparer(parts, "kb", parts, parts, Depths(shown=2, read=1, exchanges=1))


def test_a_turn_is_prepared_as_it_is_served() -> None:
    parts = Replaying(turn(3))
    prepared = preparer(parts).prepare("what of 3", [("hello", "yes")])
    assert parts.asked == [("what of 3", (("hello", "yes"),), 2, "retrieve")]
    assert prepared.evidence == turn(3).prepared.evidence
    assert [one.text for one in prepared.drafts] == ["Plan 3 costs £3 a month."]  # the first passage only is read


def test_the_conversation_goes_on_with_what_the_assistant_replied() -> None:
    parts = Replaying(turn(3))
    talk = QualityConversation(
        "c",
        (
            expected("first?"),
            expected("thanks", kind=TurnKind.SMALL_TALK, facts=(), gold=()),
            expected("which?", kind=TurnKind.CLARIFY, facts=()),
            expected("none?", kind=TurnKind.UNANSWERABLE, facts=(), gold=()),
        ),
    )
    told: list[tuple[int, int]] = []
    made = list(quality_turns([talk], preparer(parts).prepare, lambda _: "own words", lambda *at: told.append(at)))
    assert [one.wanted.answerable for one in made] == [True, False]  # the clarifying one is played, not judged
    assert parts.asked[-1][1] == (("first?", "own words"), ("which?", "own words"))
    assert told[-1] == (4, 4)


def test_what_was_meant_opens_conversations() -> None:
    parts = Replaying(turn(3))
    thanks = expected("thanks", kind=TurnKind.SMALL_TALK, facts=(), gold=())
    none = expected("none?", kind=TurnKind.UNANSWERABLE, facts=(), gold=())
    talk = QualityConversation("c", (expected("first?"), thanks, none))
    made = list(opening_turns([talk], preparer(parts).prepare, lambda *_: None))
    assert [(asked, history) for asked, history, *_ in parts.asked] == [(talk.turns[0].query, ()), (none.query, ())]
    assert [(one.source, one.group, one.wanted.answerable) for one in made] == [
        (OPENED, "c", True),
        (OPENED, "c", False),
    ]


def test_first_messages_stand_beside_the_conversations_in_what_is_fitted() -> None:
    first = [replace(turn(n), source=OPENED) for n in range(101, 111)]
    beside = [example(one, one.prepared.scored(by_evidence)) for one in first]
    fitted = fit_system([*EXAMPLES, *beside], folds([*TURNS, *first]), ADAPTIVE)
    assert [one.example.turn for one in fitted.outcomes] == TURNS
    assert [one.example.turn for one in fitted.beside] == first
    assert fitted.weights.curve[-1].answered == len(TURNS)


def test_prepared_turns_are_made_once_and_read_back_as_they_were(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "dev.jsonl"
    assert kept(file, lambda: iter(TURNS[:3])) == TURNS[:3]
    assert kept(file, lambda: iter(())) == TURNS[:3]
    assert [path.name for path in file.parent.iterdir()] == ["dev.jsonl"]


def test_what_breaks_off_leaves_no_file(tmp_path: Path) -> None:
    def broken() -> Iterator[PreparedTurn]:
        yield TURNS[0]
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        kept(tmp_path / "dev.jsonl", broken)
    assert not (tmp_path / "dev.jsonl").exists()


def test_a_damaged_file_says_so(tmp_path: Path) -> None:
    (tmp_path / "dev.jsonl").write_text("{}\n", "utf-8")
    with pytest.raises(Misconfigured, match="delete the file"):
        kept(tmp_path / "dev.jsonl", lambda: iter(()))


def test_other_settings_or_weights_make_other_turns(tmp_path: Path) -> None:
    (tmp_path / "reader").mkdir()
    weights = tmp_path / "reader" / "model.safetensors"
    weights.write_bytes(b"1")
    before = fingerprint({"top_k": 5}, tmp_path)
    assert fingerprint({"top_k": 5}, tmp_path) == before
    assert fingerprint({"top_k": 6}, tmp_path) != before
    weights.write_bytes(b"2")
    assert fingerprint({"top_k": 5}, tmp_path) != before


def test_a_line_holds_what_became_of_the_turns() -> None:
    outcomes = answered(EXAMPLES, ADAPTIVE, fit_all(EXAMPLES))
    told = line("all", outcomes)
    right = sum(one.right for one in outcomes) / len(outcomes)
    assert told.measures["right"].mean == pytest.approx(right)
    assert told.measures["supported"].mean == 1.0
    assert told.measures["AURC"].mean < 0.5 < told.measures["F1"].mean
    assert told.count == 30


def test_the_table_names_every_system_and_what_is_counted() -> None:
    weights = fit_all(EXAMPLES)
    told = [(system.name, answered(EXAMPLES, system, weights)) for system in SYSTEMS]
    table = report("toy", told, {"commit": "x"})
    assert [row[0] for row in table.rows] == [
        *("quote only", "generation only", "fixed λ 0.25", "fixed λ 0.5", "fixed λ 0.75", "adaptive λ"),
    ]
    assert {"right", "supported", "F1", "coverage", "ECE", "AURC"} < set(table.columns)


def test_the_maximum_probability_is_the_share_of_the_chosen_candidate() -> None:
    (outcome,) = answered(EXAMPLES[:1], ADAPTIVE, fit_all(EXAMPLES))
    assert outcome.answer is not None
    assert 1 / len(EXAMPLES[0].made) <= max_probability(outcome) < 1


def test_what_is_fitted_and_written_opens_as_the_assistant_opens_it(tmp_path: Path) -> None:
    fitted = fit_system(EXAMPLES, folds(TURNS), ADAPTIVE)
    assert fitted.weights.curve[-1].answered == len(TURNS)
    file = tmp_path / "answers.json"
    write(file, fitted, {"n": 30})
    opened = open_answer_weights(file)
    assert opened is not None
    assert opened.balance.weights.keys() == fitted.weights.balance.weights.keys()
    assert json.loads(file.read_text("utf-8"))["cross_validated"] == {"n": 30}


def test_three_pictures_are_drawn(tmp_path: Path) -> None:
    told = [(ADAPTIVE.name, answered(EXAMPLES, ADAPTIVE, fit_all(EXAMPLES)))]
    files = draw(tmp_path / "plots", told)
    assert [file.name for file in files] == ["reliability.png", "risk_coverage.png", "lambda.png"]
    assert all(file.read_bytes().startswith(b"\x89PNG") for file in files)
