"""A quality set of one conversation about a handbook of one page, for the tests of the quality run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from domain.answer import Answer, AnswerKind, Citation
from domain.conversation import Gate, Query, Turn
from domain.events import AnswerFinished, PassagesRetrieved, QueryRewritten, TurnEvent
from domain.passage import Passage, RetrievedPassage
from evaluation.quality import ExpectedTurn, Gold, TurnKind

FEE = "Moving home costs **£20** in the [UK](uk.md)."
ROW = "| Cork | €25 |"
PASSAGES = {
    name: Passage(name, "fees", "Fees", text, "harbourline/moving/fees.md", (0, len(text)))
    for name, text in {
        "uk": "Moving home costs £20 in the UK.\nStudents pay nothing.",
        "ie": "Place | Fee\nCork | €25",
        "light": "A red light means no fibre.",
    }.items()
}


def row(message: str = "fee to move in the uk?", **changes: Any) -> dict[str, Any]:
    """A turn as the file has it, answerable unless changed."""
    told = {
        "message": message,
        "kind": "answerable",
        "query": "What is the fee to move in the UK?",
        "switch": False,
        "gold": [{"file": "moving/fees.md", "sentence": FEE}],
        "facts": [["£20", "20 pounds"]],
        "reply": "It is £20.",
    }
    return {**told, **changes}


def expected(message: str = "fee to move in the uk?", **changes: Any) -> ExpectedTurn:
    """The same as a value."""
    told = {
        "message": message,
        "kind": TurnKind.ANSWERABLE,
        "query": "What is the fee to move in the UK?",
        "switch": False,
        "gold": (Gold("moving/fees.md", FEE),),
        "facts": (("£20", "20 pounds"),),
        "reply": "It is £20.",
    }
    return ExpectedTurn(**{**told, **changes})


def found(*names: str) -> tuple[RetrievedPassage, ...]:
    return tuple(RetrievedPassage(PASSAGES[name], -float(n), n) for n, name in enumerate(names, 1))


def quoted(text: str, passage: str = "uk", *, quote: str = "", confidence: float = 0.9) -> Answer:
    """An answer cited as a whole."""
    said = quote or PASSAGES[passage].text
    citation = Citation(1, passage, (0, len(text)), (0, len(said)), said, 1.0)
    return Answer(text, AnswerKind.QUOTED, (citation,), confidence)


def turn(message: str, answer: Answer, *names: str, searched: str = "", gate: Gate = Gate.KEEP) -> Turn:
    return Turn("t", message, Query(searched or message, message, gate), answer, found(*names))


class Scripted:
    """An assistant that knows what it will answer, in order, and forgets on request."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self._answers = list(answers)
        self.asked: list[tuple[str, str]] = []
        self.forgotten: list[str] = []

    def stream_reply(self, owner: str, conversation_id: str, message: str, knowledge_base: str) -> Iterator[TurnEvent]:
        done = turn(message, self._answers[len(self.asked)], "uk", "light")
        self.asked.append((conversation_id, message))
        yield QueryRewritten(done.query)
        yield PassagesRetrieved(done.evidence)
        yield AnswerFinished(done)

    def delete_conversation(self, owner: str, conversation_id: str) -> None:
        self.forgotten.append(conversation_id)
