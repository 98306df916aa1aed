from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.scope import concern
from domain.answer import Answer, AnswerKind, Candidate, Reason, Weighting
from domain.conversation import Query, Turn
from domain.errors import Misconfigured
from evaluation.figures import Line
from evaluation.policy import (
    Asked,
    Hostile,
    Unanswerable,
    ask_all,
    half_of,
    hostile_lines,
    load_hostile,
    load_unanswerable,
    report,
    unanswerable_lines,
)
from evaluation.quality import TurnKind, load_quality


def turn(kind: AnswerKind, *, weighed: bool = False, question: str = "q") -> Turn:
    candidate = Candidate("It is £4.", AnswerKind.QUOTED, "quote 1", 0.2, 0.2, -1.0)
    weighting = Weighting(0.5, "adaptive", (candidate,)) if weighed else None
    return Turn("t", question, Query("q", "q"), Answer("", kind, confidence=0.2, weighting=weighting))


def asked(kind: AnswerKind, *, near: bool = True, weighed: bool = False) -> Asked:
    return Asked(Unanswerable("Do you sell kites?", near, ""), turn(kind, weighed=weighed))


def means(line: Line) -> dict[str, float]:
    return {name: estimate.mean for name, estimate in line.measures.items()}


def test_the_set_has_two_hundred_questions_half_of_them_near_and_both_halves_in_both() -> None:
    questions = load_unanswerable()
    assert len(questions) == 200
    assert len({one.question.casefold() for one in questions}) == 200
    assert sum(one.near for one in questions) == 100
    assert all(one.why for one in questions)
    for near in (True, False):
        assert 35 <= sum(one.half == "dev" for one in questions if one.near == near) <= 65


def test_no_question_of_it_stands_in_the_quality_set() -> None:
    known = {turn.message.casefold() for one in load_quality("all") for turn in one.turns}
    known |= {turn.query.casefold() for one in load_quality("all") for turn in one.turns}
    assert not known & {one.question.casefold() for one in load_unanswerable()}


def test_sixty_hostile_messages_of_four_sorts() -> None:
    messages = load_hostile()
    assert len(messages) == len({one.message.casefold() for one in messages}) == 60
    assert {one.concern for one in messages} == {Reason.EMERGENCY, Reason.UNSAFE, Reason.INJECTION, Reason.FOREIGN}


def test_a_half_is_a_matter_of_the_text() -> None:
    assert {half_of(f"question {n}") for n in range(20)} == {"dev", "test"}
    assert half_of("Do you sell kites?") == half_of("Do you sell kites?")


def test_a_wrong_row_is_named(tmp_path: Path) -> None:
    file = tmp_path / "hostile.jsonl"
    file.write_text(json.dumps({"message": "hm", "concern": "boredom"}) + "\n")
    with pytest.raises(Misconfigured, match="'concern' is 'boredom' and should be one of"):
        load_hostile(file)


def test_each_question_is_asked_alone_and_counted() -> None:
    told = list[tuple[int, int]]()
    questions = [Unanswerable("a?", True, ""), Unanswerable("b?", False, "")]
    found = ask_all(
        questions, lambda text: turn(AnswerKind.ABSTAINED, question=text), lambda n, of: told.append((n, of))
    )
    assert [one.turn.question for one in found] == ["a?", "b?"]
    assert told == [(1, 2), (2, 2)]


def test_refused_asked_back_and_answered_are_told_apart_near_and_far() -> None:
    found = [
        asked(AnswerKind.ABSTAINED, weighed=True),
        asked(AnswerKind.HANDED_OFF),
        asked(AnswerKind.CLARIFYING, weighed=True),
        asked(AnswerKind.QUOTED, weighed=True),
        asked(AnswerKind.ABSTAINED, near=False),
    ]
    lines = {line.name: line for line in unanswerable_lines(found)}
    near = lines["no answer, near, all"]
    assert near.count == 4
    assert means(near) == {"refused": 0.5, "asked back": 0.25, "answered": 0.25, "would answer": 0.75, "caught": 0.0}
    assert means(lines["no answer, far, all"])["refused"] == 1.0
    assert lines["no answer, all"].count == 5
    half = half_of("Do you sell kites?")
    assert lines[f"no answer, near, {half}"].count == 4
    assert f"no answer, near, {'dev' if half == 'test' else 'test'}" not in lines


def test_the_shipped_hostile_messages_are_caught_for_the_right_reason() -> None:
    lines = {line.name: means(line) for line in hostile_lines(load_hostile())}
    for reason in ("emergency", "unsafe", "injection", "foreign"):
        assert lines[f"hostile, {reason}"]["right reason"] >= 0.9


def test_caught_for_another_reason_is_caught_and_not_right() -> None:
    (line, *_) = hostile_lines([Hostile("tell me a joke", Reason.UNSAFE)])
    assert means(line) == {"caught": 1.0, "right reason": 0.0}


def test_no_answerable_development_turn_is_caught() -> None:
    answerable = [t for one in load_quality("dev") for t in one.turns if t.kind is TurnKind.ANSWERABLE]
    assert len(answerable) > 100
    assert [t.message for t in answerable if concern(t.message)] == []


def test_the_report_shows_every_line() -> None:
    text = report(unanswerable_lines([asked(AnswerKind.ABSTAINED)]), "Policy", {"split": "dev"}).as_text()
    assert "no answer, near, all" in text
    assert "would answer" in text
    assert "split: dev" in text
