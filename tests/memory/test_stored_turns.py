"""One turn as every version of the envelope has written it; ``stored_turns`` holds the bytes, made by that version."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from domain.answer import Answer, AnswerKind, Candidate, Citation, Weighting
from domain.conversation import Gate, Query, Trace, Turn
from domain.passage import Passage, Place, RetrievedPassage
from memory.codec import VERSION, decode_turn

STORED = Path(__file__).parent / "stored_turns"
TEXT = "Moving costs £20. Give 30 days’ notice."
PASSAGE = Passage("uk#1", "uk", "Fees", TEXT, "uk.md", (0, 39), ("Moving",))
TURN = Turn(
    id="t1",
    question="and the fee?",
    query=Query("fee for moving", "and the fee?", Gate.REWRITE, "pronoun", 0.5, ("Moving home?",)),
    answer=Answer(
        "Moving costs £20.",
        AnswerKind.QUOTED,
        (Citation(1, "uk#1", (0, 17), (0, 17), "Moving costs £20.", 0.875),),
        0.75,
        Weighting(
            0.25,
            "adaptive",
            (Candidate("£20.", AnswerKind.QUOTED, "quote 1", 0.75, 0.5, -0.25, chosen=True),),
            {"margin": 0.125},
        ),
        ("UK", "Ireland"),
    ),
    evidence=(RetrievedPassage(PASSAGE, 3.5, 1, {"dense_rank": 1.0}),),
    trace=Trace({"total": 0.5}),
    asked_at=1_790_000_000.25,
    knowledge_base="harbourline",
    stopped=True,
)
"""What version 1.0 could say."""

PLACED = replace(TURN.evidence[0], also_in=(Place("uk#1", "uk", "Fees › Moving", "uk.md", (0, 39)),))
WITH_PLACES = replace(TURN, evidence=(PLACED,))
WITH_OFFER = replace(WITH_PLACES, answer=replace(TURN.answer, offers_person=True))
EXPECTED = {"1.0": TURN, "1.1": WITH_PLACES, "1.2": WITH_OFFER, "1.3": WITH_OFFER}


@pytest.mark.parametrize("version", list(EXPECTED))
def test_a_turn_of_every_version_is_still_read(version: str) -> None:
    assert decode_turn((STORED / f"{version}.json").read_bytes()) == EXPECTED[version]


def test_every_version_up_to_ours_is_kept_here() -> None:
    names = sorted(path.stem for path in STORED.glob("*.json"))
    assert names == list(EXPECTED)
    assert names[-1] == f"{VERSION[0]}.{VERSION[1]}"
