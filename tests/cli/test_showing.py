from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from cli import showing
from domain.answer import Answer, AnswerKind, Citation, Weighting
from domain.conversation import Gate, Query, Turn
from domain.events import AnswerDelta, AnswerFinished, PassagesRetrieved, QueryRewritten, TurnEvent
from domain.passage import Passage, Place, RetrievedPassage

TEXT = "The fee is £20.\nIt is due at once."
PASSAGE = Passage("p1", "d1", "Moving", TEXT, "moving.md", (0, len(TEXT)), ("Fee",))
CITED = Citation(1, "p1", (0, 13), (0, 15), "The fee is £20.", 0.9)
TURN = Turn(
    "t",
    "and the fee?",
    Query("what is the moving fee", "and the fee?", Gate.REWRITE),
    Answer("It costs £20. Pay at once.", AnswerKind.GENERATED, (CITED,), 0.87, Weighting(0.7, "adaptive")),
    (RetrievedPassage(PASSAGE, 0.98, 1, {"relevance": 0.98}),),
)


def test_an_answer_shows_its_markers_sources_and_certainty() -> None:
    assert showing.as_text(TURN).splitlines() == [
        "It costs £20 [1]. Pay at once.",
        "",
        "●●●●○ 0.87 · generated",
        "[1] Moving › Fee — “The fee is £20.”",
        "searched: what is the moving fee",
    ]


def test_a_source_cited_twice_is_listed_once() -> None:
    twice = replace(TURN.answer, citations=(CITED, replace(CITED, sentence=(14, 26))))
    text = showing.as_text(replace(TURN, answer=twice))
    assert text.count("[1]") == 3  # two markers and one line


def test_not_knowing_shows_the_closest_and_no_certainty() -> None:
    text = showing.as_text(replace(TURN, answer=Answer("I could not find this.", AnswerKind.ABSTAINED)))
    assert "Closest:\n  Moving › Fee" in text
    assert "●" not in text


def test_a_question_back_lists_its_readings() -> None:
    asked = Answer("Which one?", AnswerKind.CLARIFYING, options=("Fibre 100", "4G Home"))
    assert showing.as_text(replace(TURN, answer=asked)).startswith("Which one?\n  1. Fibre 100\n  2. 4G Home")


def test_escape_sequences_of_a_document_never_reach_the_terminal() -> None:
    hostile = "\x1b]0;owned\x07\x1b[31mred\x9b"
    turn = replace(
        TURN,
        query=replace(TURN.query, text=hostile),
        answer=replace(TURN.answer, text=hostile, citations=(replace(CITED, quote=hostile),)),
    )
    shown = showing.as_text(turn) + showing.passage_text(
        replace(TURN.evidence[0], passage=replace(PASSAGE, text=hostile, title=hostile))
    )
    assert not set(shown) & {"\x1b", "\x07", "\x9b"}
    assert showing.printable("a\tb\nc") == "a\tb\nc"


def test_every_place_that_says_the_same_is_named() -> None:
    twin = Place("p9", "d9", "Fees › Moving", "fees.md", (7, 90))
    found = replace(TURN.evidence[0], also_in=(twin,))
    assert showing.passage_text(found).endswith("\n   also in: Fees › Moving (fees.md)")
    assert showing.passage_json(found)["also_in"][0]["document"] == "d9"


def test_json_tells_everything_a_script_needs() -> None:
    told = showing.as_json(TURN)
    assert (told["query"], told["gate"], told["kind"], told["lambda"]) == (
        "what is the moving fee",
        "rewrite",
        "generated",
        0.7,
    )
    assert told["citations"][0]["sentence"] == "It costs £20."
    assert told["passages"][0]["section"] == ["Fee"]


@pytest.mark.parametrize(("confidence", "shown"), [(0.0, "○○○○○"), (0.5, "●●○○○"), (1.0, "●●●●●"), (7.0, "●●●●●")])
def test_dots_round_and_stay_five(confidence: float, shown: str) -> None:
    assert showing.dots(confidence) == shown


def test_a_followed_turn_is_the_finished_one_and_an_interrupted_one_is_closed() -> None:
    closed: list[str] = []

    def events(interrupted: bool) -> Iterator[TurnEvent]:
        try:
            yield QueryRewritten(TURN.query)
            yield PassagesRetrieved(TURN.evidence)
            yield AnswerDelta("It ")
            if interrupted:
                raise KeyboardInterrupt
            yield AnswerFinished(TURN)
        finally:
            closed.append("closed")

    assert showing.followed(events(False), preview=True) is TURN
    with pytest.raises(KeyboardInterrupt):
        showing.followed(events(True), preview=True)
    assert closed == ["closed", "closed"]


def test_a_turn_that_could_not_be_stored_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    showing.followed(iter([AnswerFinished(TURN, stored=False)]), preview=False)
    assert "not stored" in capsys.readouterr().err
