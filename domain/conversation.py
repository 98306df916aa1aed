"""What was said, as values: queries, turns, conversations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from domain.answer import Answer
from domain.passage import RetrievedPassage


class Gate(StrEnum):
    """What the rewriter decided to do with a message."""

    KEEP = "keep"
    REWRITE = "rewrite"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Query:
    """A message made standalone.

    ``text`` is what is searched; ``original`` the message as typed; ``gate`` what was done and ``reason`` why,
    in plain words; ``confidence`` the gate's probability for its decision (0..1); ``context`` is the part of
    the history that a search may lean on (empty after ``RESET`` and at the start), newest last.
    """

    text: str
    original: str
    gate: Gate = Gate.KEEP
    reason: str = ""
    confidence: float = 1.0
    context: tuple[str, ...] = ()

    def said_before(self, exchanges: int) -> str:
        """The latest ``exchanges`` of the context as one text, newest first: what is cut off is cut at the end."""
        return " ".join(reversed(self.context[-exchanges:])) if exchanges else ""

    def in_context(self, exchanges: int) -> str:
        """``text`` with what was said before, for a reader that a rewrite's gap should not mislead."""
        return f"{self.text} {self.said_before(exchanges)}".strip()


@dataclass(frozen=True, slots=True)
class Trace:
    """The numbers of one turn, for the operator: seconds per stage (``rewrite``, ``retrieve``, ``generate``, …)."""

    seconds: Mapping[str, float] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Turn:
    """One whole exchange, never half. ``asked_at`` is Unix time in seconds; ``stopped`` means the person
    pressed stop and ``answer`` holds what had been written by then."""

    id: str
    question: str
    query: Query
    answer: Answer
    evidence: tuple[RetrievedPassage, ...] = ()
    trace: Trace = field(default_factory=Trace)
    asked_at: float = 0.0
    knowledge_base: str = ""
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class ConversationSummary:
    """What the list of conversations shows: no turns, so that listing is cheap. Times are Unix seconds; ``expires_at``
    is when it is forgotten unless it is used before. ``branched_from`` is the id of the conversation it began as."""

    id: str
    title: str
    updated_at: float
    turn_count: int
    expires_at: float | None = None
    pinned: bool = False
    branched_from: str | None = None


@dataclass(frozen=True, slots=True)
class Conversation:
    """Turns in the order they happened. Frozen: a change returns a new one.

    ``branched_from`` is the id of the conversation whose first turns these were, or None. ``trimmed`` counts the
    oldest turns that the limits have taken away.
    """

    id: str
    owner: str
    title: str = ""
    turns: tuple[Turn, ...] = ()
    pinned: bool = False
    branched_from: str | None = None
    trimmed: int = 0

    def with_turn(self, turn: Turn) -> Conversation:
        """This conversation with ``turn`` at its end."""
        return replace(self, turns=(*self.turns, turn))
