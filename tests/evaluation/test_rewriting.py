from __future__ import annotations

from collections.abc import Sequence

import pytest

from corpora.rewriting import RewriteExample
from domain.conversation import Gate, Query
from evaluation.quality import ExpectedTurn, Gold, QualityConversation, TurnKind
from evaluation.rewriting import (
    GateRow,
    dialogue_of,
    gate_rows_of_quality,
    gate_rows_of_rewrites,
    measure_gate,
    measure_rewrites,
    report,
)

TITLES = ("A page", "A section")


def example(name: str, question: str, rewrite: str, turns: int = 1) -> RewriteExample:
    return RewriteExample(name, (TITLES, *[("q", "a")] * turns), question, rewrite)


EXAMPLES = [
    example("d1_q#1", "When did they split up in the end?", "When did the band split up in the end?"),
    example("d1_q#2", "Why was that then?", "Why did the band split?"),
    example("d2_q#1", "Where was he born?", "Where was the president born?"),
    example("d2_q#0", "Who is he?", "Who is the president?", turns=0),
]


def test_each_system_is_measured_on_every_example() -> None:
    told: list[tuple[int, int]] = []
    answers = {one.question: one.rewrite for one in EXAMPLES}
    systems = {"as typed": lambda question, _: question, "perfect": lambda question, _: answers[question].upper()}
    typed, perfect = measure_rewrites(EXAMPLES, systems, lambda done, total: told.append((done, total)))
    found = {name: one.mean for name, one in perfect.measures.items()}
    assert found == pytest.approx({"BLEU": 1.0, "ROUGE-1": 1.0, "exact": 1.0})
    assert typed.measures["exact"].mean == 0.0
    assert typed.measures["ROUGE-1"].mean == pytest.approx((7 / 9 + 1 / 5 + 3 / 5 + 2 / 4) / 4)
    assert told[-1] == (8, 8)


def test_a_rewrite_goes_back_into_its_own_conversation_and_into_anothers() -> None:
    rows = gate_rows_of_rewrites(EXAMPLES, "rewrites")
    assert len(rows) == 6  # the first turn of d2 has only titles before it
    assert [row.question for row in rows if not row.switched] == [one.rewrite for one in EXAMPLES[:3]]
    for row in (row for row in rows if row.switched):
        source = next(one for one in EXAMPLES if one.rewrite == row.question)
        assert dialogue_of(source) != row.cluster


def test_one_dialogue_alone_has_no_other_to_switch_to() -> None:
    assert [row.switched for row in gate_rows_of_rewrites(EXAMPLES[:2], "rewrites")] == [False, False]


def test_the_dialogue_is_the_id_without_its_turn() -> None:
    assert dialogue_of(EXAMPLES[0]) == "d1_q"
    assert dialogue_of(example("71_3", "", "")) == "71"
    assert dialogue_of(example("alone", "", "")) == "alone"


def resets_shouting(question: str, history: Sequence[tuple[str, str]]) -> Query:
    if question.isupper():
        return Query(question, question, Gate.RESET)
    return Query(f"{question} {history[0][0]}" if question.endswith("it") else question, question, Gate.KEEP)


def test_the_gate_is_measured_by_data_set_and_purpose() -> None:
    history = (("fibre", "yes"),)
    rows = [
        GateRow("A", "stays", history, False, "1"),
        GateRow("A", "what is it", history, False, "2"),
        GateRow("A", "NEW", history, True, "1"),
        GateRow("A", "not seen", history, True, "2"),
        GateRow("B", "stays", history, False, "1"),
    ]
    lines = measure_gate(rows, resets_shouting, lambda done, total: None)
    assert [(line.name, line.count, {name: one.mean for name, one in line.measures.items()}) for line in lines] == [
        ("A: standalone questions", 2, {"kept": 0.5}),
        ("A: switched topics", 2, {"kept": 1.0, "reset": 0.5}),
        ("B: standalone questions", 1, {"kept": 1.0}),
    ]
    assert "A: switched topics" in report(lines, "Rewriting", {"commit": "abc"}).as_text()


def turn(message: str, query: str, *, switch: bool = False, kind: TurnKind = TurnKind.ANSWERABLE) -> ExpectedTurn:
    return ExpectedTurn(message, kind, query, switch, (Gold("f.md", "s"),), (("s",),), f"reply to {message}")


def test_quality_turns_that_stand_alone_or_switch_become_rows() -> None:
    conversation = QualityConversation(
        "c",
        (
            turn("price of fibre 100", "price of fibre 100"),
            turn("and the 500?", "price of fibre 500"),
            turn("price of fibre 500 pls", "price of fibre 500"),
            turn("my hub is red", "my hub is red", switch=True),
            turn("hi", "hi", kind=TurnKind.SMALL_TALK),
        ),
    )
    rows = gate_rows_of_quality([conversation], "H")
    assert [(row.question, row.switched, len(row.history)) for row in rows] == [
        ("price of fibre 500 pls", False, 2),
        ("my hub is red", True, 3),
    ]
    assert rows[0].history[1] == ("and the 500?", "reply to and the 500?")
