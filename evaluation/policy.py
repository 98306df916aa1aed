"""Does the assistant know when not to answer, when to ask back, and when to keep out of it?

Three sets. ``data/unanswerable.jsonl``: 200 questions that the Harbourline handbook does not answer, half of them near
misses (a plan, a country, a device, a fee whose neighbours are there), half about other things. ``data/hostile.jsonl``:
60 messages that must not be looked up at all. And the quality set, for what must not be lost: its answerable turns,
and those that read in two ways. Each of the first two is half development, half test, by a hash of the text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bot.scope import concern
from corpora.records import records
from domain.answer import AnswerKind, Reason
from domain.conversation import Turn
from domain.protocols import ANSWERED
from evaluation.figures import Line, Tell, table
from evaluation.metrics import bootstrap, bootstrap_clusters
from evaluation.quality import TurnKind
from evaluation.quality_run import PlayedTurn
from evaluation.reports import Table

DATA = Path(__file__).parent / "data"
Half = Literal["dev", "test"]
Ask = Callable[[str], Turn]
_REFUSED = (AnswerKind.ABSTAINED, AnswerKind.HANDED_OFF)


@dataclass(frozen=True, slots=True)
class Unanswerable:
    """A question without an answer. ``near``: its neighbours are in the handbook; ``why`` says what is and is not."""

    question: str
    near: bool
    why: str

    @property
    def half(self) -> Half:
        return half_of(self.question)


@dataclass(frozen=True, slots=True)
class Hostile:
    """A message that must not be looked up, and the concern it should raise."""

    message: str
    concern: Reason

    @property
    def half(self) -> Half:
        return half_of(self.message)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question without an answer, and the turn it came to."""

    question: Unanswerable
    turn: Turn


def half_of(text: str) -> Half:
    """Which half a question belongs to, by a hash of its text."""
    return "test" if hashlib.sha256(text.encode("utf-8")).digest()[0] % 2 else "dev"


def load_unanswerable(file: Path = DATA / "unanswerable.jsonl") -> list[Unanswerable]:
    """The questions, in the file's order. Raises ``Misconfigured`` naming the row for a field that is missing."""
    return [Unanswerable(row.text("question"), row.flag("near"), row.text("why")) for row in records(file)]


def load_hostile(file: Path = DATA / "hostile.jsonl") -> list[Hostile]:
    """The messages, in the file's order. Raises ``Misconfigured`` naming the row for an unknown concern."""
    found = []
    for row in records(file):
        name = row.text("concern")
        if name not in set(Reason):
            raise row.wrong(f"'concern' is {name!r} and should be one of {', '.join(filter(None, Reason))}")
        found.append(Hostile(row.text("message"), Reason(name)))
    return found


def ask_all(questions: Sequence[Unanswerable], ask: Ask, tell: Tell) -> list[Asked]:
    """Each question put to the assistant on its own."""
    found = []
    for done, question in enumerate(questions, start=1):
        found.append(Asked(question, ask(question.question)))
        tell(done, len(questions))
    return found


def unanswerable_lines(asked: Sequence[Asked]) -> list[Line]:
    """Refused, asked back and answered, near and far, of each half and of both."""
    groups = {
        f"no answer, {distance}, {half}": [
            one for one in asked if one.question.near == (distance == "near") and half in ("all", one.question.half)
        ]
        for distance in ("near", "far")
        for half in ("dev", "test", "all")
    }
    groups["no answer, all"] = list(asked)
    return [_outcomes(name, [one.turn for one in found]) for name, found in groups.items() if found]


def quality_lines(played: Sequence[PlayedTurn], half: str) -> list[Line]:
    """The turns of the quality set by kind. ``would answer`` is the share with the threshold switched off: there was
    a candidate, whatever its confidence; ``caught`` the share of messages that the scope patterns took."""
    lines = []
    for kind in TurnKind:
        turns = [one for one in played if one.expected.kind is kind]
        if turns:
            lines.append(_quality_line(f"quality {half}, {kind.value}", turns))
    return lines


def hostile_lines(messages: Sequence[Hostile], subject_words: frozenset[str] = frozenset()) -> list[Line]:
    """The share of hostile messages that are caught, and caught for the right reason, by concern and by half."""
    groups: dict[str, list[Hostile]] = {}
    for one in messages:
        groups.setdefault(f"hostile, {one.concern.value}", []).append(one)
        groups.setdefault(f"hostile, all, {one.half}", []).append(one)
    return [_caught(name, found, subject_words) for name, found in groups.items()]


def report(lines: Sequence[Line], title: str, facts: Mapping[str, str]) -> Table:
    """The lines with what was measured."""
    told = {
        "refused": "abstained or passed to a person; a question back is neither refused nor answered",
        "would answer": "the same turns with the threshold switched off",
        "halves": "by a hash of the text; nothing is tuned on the test",
    }
    return table(title, lines, {**told, **facts}, "turns")


def _outcomes(name: str, turns: Sequence[Turn]) -> Line:
    kinds = [turn.answer.kind for turn in turns]
    return Line(
        name,
        len(turns),
        {
            "refused": bootstrap([float(kind in _REFUSED) for kind in kinds]),
            "asked back": bootstrap([float(kind is AnswerKind.CLARIFYING) for kind in kinds]),
            "answered": bootstrap([float(kind in ANSWERED) for kind in kinds]),
            "would answer": bootstrap([float(_has_candidate(turn)) for turn in turns]),
            "caught": bootstrap([float(concern(turn.question) is not Reason.NONE) for turn in turns]),
        },
    )


def _quality_line(name: str, played: Sequence[PlayedTurn]) -> Line:
    clusters = [one.conversation for one in played]
    holds: dict[str, Callable[[PlayedTurn], bool]] = {
        "refused": lambda one: one.verdict.refused,
        "asked back": lambda one: one.verdict.asked_back,
        "answered": lambda one: one.verdict.answered,
        "would answer": lambda one: _has_candidate(one.turn),
        "caught": lambda one: concern(one.expected.message) is not Reason.NONE,
    }
    measures = {
        what: bootstrap_clusters([float(test(one)) for one in played], clusters) for what, test in holds.items()
    }
    return Line(name, len(played), measures)


def _caught(name: str, messages: Sequence[Hostile], subject_words: frozenset[str]) -> Line:
    found = [concern(one.message, subject_words) for one in messages]
    right = [float(got is one.concern) for got, one in zip(found, messages, strict=True)]
    caught = bootstrap([float(got is not Reason.NONE) for got in found])
    return Line(name, len(messages), {"caught": caught, "right reason": bootstrap(right)})


def _has_candidate(turn: Turn) -> bool:
    return turn.answer.kind in ANSWERED or (
        turn.answer.weighting is not None and bool(turn.answer.weighting.candidates)
    )
