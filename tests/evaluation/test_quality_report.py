from __future__ import annotations

import json

from domain.answer import Answer, AnswerKind
from evaluation.quality import ExpectedTurn, TurnKind
from evaluation.quality_report import report, transcripts
from evaluation.quality_run import Place, PlayedTurn, judge
from tests.evaluation.handbook import expected, quoted, turn

NOTHING = Answer("I could not find this.", AnswerKind.ABSTAINED)


def played(conversation: str, number: int, asked: ExpectedTurn, answer: Answer) -> PlayedTurn:
    gone = turn(asked.message, answer, "uk", "light")
    place: Place = "first" if number == 1 else "follow-up" if asked.message == "and there?" else "standalone"
    return PlayedTurn(conversation, number, place, asked, gone, judge(asked, gone, frozenset({"uk"}), place))


RUN = [
    played("a", 1, expected(), quoted("Moving home costs £20 in the UK.", confidence=0.9)),
    played("a", 2, expected("and there?"), quoted("It is £25.", confidence=0.6)),
    played("b", 1, expected(), NOTHING),
    played("b", 2, expected("fee to move in the uk?", switch=True), quoted("It costs 20 pounds", confidence=0.8)),
    played("b", 3, expected("x", kind=TurnKind.UNANSWERABLE, gold=(), facts=()), NOTHING),
    played("b", 4, expected("hi", kind=TurnKind.SMALL_TALK, gold=(), facts=(), query="hi"), NOTHING),
]


def figures() -> dict[str, dict[str, tuple[float | None, int]]]:
    results = json.loads(report(RUN, "Quality", {"commit": "abc"}).as_json())["results"]
    groups = ("all", "first", "follow-up", "standalone", "switch")
    return {row["measure"]: {group: (row[group]["mean"], row[group]["n"]) for group in groups} for row in results}


def test_shares_are_of_the_turns_to_which_they_apply() -> None:
    found = figures()
    assert found["answerable: right (all facts)"] == {
        "all": (0.5, 4),
        "first": (0.5, 2),
        "follow-up": (0.0, 1),
        "standalone": (1.0, 1),
        "switch": (1.0, 1),
    }
    assert found["answerable: wrong (answered, facts missing)"]["all"] == (0.25, 4)
    assert found["answerable: wrongly refused"]["all"] == (0.25, 4)
    assert found["answerable: gold in first 1"]["all"] == (1.0, 4)
    assert found["answerable: standalone left as typed"]["all"] == (1.0, 1)
    assert found["unanswerable: refused"]["all"] == (1.0, 1)
    assert found["small talk: recognised"]["all"] == (0.0, 1)
    assert found["clarify: answered one reading"]["all"] == (None, 0)


def test_confidence_is_measured_over_answers_that_can_be_right() -> None:
    found = figures()
    assert found["answered: right among the surest 25 %"]["all"] == (1.0, 3)
    assert found["answered: right among the surest 100 %"]["all"] == (2 / 3, 3)
    ece = found["answered: ECE of the confidence, 15 bins"]["all"][0]
    assert ece is not None
    assert abs(ece - (0.1 + 0.6 + 0.2) / 3) < 1e-9


def test_the_table_tells_counts_and_intervals() -> None:
    text = report(RUN, "Quality", {"commit": "abc"}).as_text()
    assert "50.0 [50.0–50.0] (4)" in text  # one of two in both conversations
    assert "turns: 6: 4 answerable, 1 unanswerable, 0 clarify, 1 small_talk" in text
    assert "commit: abc" in text


def test_transcripts_hold_every_turn_verbatim() -> None:
    page = transcripts(RUN)
    assert page.count("## a\n") == page.count("## b\n") == 1
    assert "### 2. answerable, follow-up: WRONG" in page
    assert "### 2. answerable, standalone, switch: right" in page
    for said in ("and there?", "It is £25 [1].", "What is the fee to move in the UK?", "£20 | 20 pounds", "0.60"):
        assert said in page
    assert "- **Found**: uk (Fees), light (Fees)" in page
