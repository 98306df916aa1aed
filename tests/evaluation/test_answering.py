from __future__ import annotations

import json
import lzma
from pathlib import Path

import pytest

from corpora.doc2dial import GoldTurn, GroundedTurn
from domain.answer import Answer, AnswerKind
from domain.conversation import Query, Turn
from domain.passage import Passage
from evaluation.answering import Replied, gold_of, measure, reply_to_all, report, responses


def asked(name: str, *passages: str) -> GoldTurn:
    return GoldTurn(GroundedTurn(name, f"question {name}", (), "d", "f", "g", 0), frozenset(passages))


def says(turn: GoldTurn) -> Turn:
    """Abstains from the second question on."""
    kind = AnswerKind.QUOTED if turn.turn.id == "1" else AnswerKind.ABSTAINED
    return Turn("t", turn.turn.question, Query("", ""), Answer("You pay twenty dollars.", kind))


def test_turns_without_a_response_are_left_out(tmp_path: Path) -> None:
    rows = [{"id": "1", "response": "Pay it."}, {"id": "2"}, {"id": "3", "response": " "}]
    with lzma.open(tmp_path / "turns_open.jsonl.xz", "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    assert responses(tmp_path) == {"1": "Pay it."}


def test_an_abstention_says_nothing() -> None:
    told: list[tuple[int, int]] = []
    turns = [asked("1"), asked("2"), asked("3")]
    found = reply_to_all(turns, {"1": "pay it", "2": "no"}, says, lambda *at: told.append(at))
    assert found == [
        Replied("pay it", "You pay twenty dollars.", AnswerKind.QUOTED),
        Replied("no", "", AnswerKind.ABSTAINED),
    ]
    assert told == [(1, 2), (2, 2)]


def test_the_gold_passages_come_in_the_order_of_the_document() -> None:
    passages = {n: Passage(n, "d", "", n, "s", span) for n, span in {"a": (50, 60), "b": (0, 9), "c": (9, 50)}.items()}
    assert [one.id for one in gold_of(asked("1", "a", "b"), passages)] == ["b", "a"]


def test_turns_where_the_agent_asks_are_told_apart() -> None:
    replies = [
        Replied("you pay ten dollars", "you pay ten dollars", AnswerKind.QUOTED),
        Replied("you pay now", "", AnswerKind.ABSTAINED),
        Replied("do you have a car? ", "you drive", AnswerKind.GENERATED),
    ]
    every, states, asks = measure(replies)
    assert [(line.name, line.count) for line in (every, states, asks)] == [
        ("all turns", 3),
        ("the agent states", 2),
        ("the agent asks", 1),
    ]
    f1 = 2 * 1 / (4 + 2)  # "do you have car" and "you drive" share "you"
    assert every.measures["F1"].mean == pytest.approx((1 + 0 + f1) / 3)
    assert every.measures["F1 of answered"].mean == pytest.approx((1 + f1) / 2)
    assert every.measures["coverage"].mean == pytest.approx(2 / 3)
    assert states.measures["abstained"].mean == 0.5
    assert states.measures["BLEU of answered"].mean == pytest.approx(1.0)
    assert "the agent asks" in report([every, states, asks], "Answers", {"commit": "abc"}).as_text()


def test_without_answers_nothing_is_known_of_them() -> None:
    (every, _) = measure([Replied("pay", "", AnswerKind.ABSTAINED)])
    assert every.measures["F1"].mean == 0.0
    assert every.measures["F1 of answered"].mean != every.measures["F1 of answered"].mean
