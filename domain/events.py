"""The stream of one turn. Page, API and terminal all consume these, in this order:

``QueryRewritten`` · ``PassagesRetrieved`` · ``AnswerDelta``* · ``AnswerFinished``

Small talk, hand-offs and what is declined without a search have no passages: their ``PassagesRetrieved`` is empty. The
passages of a clarifying question are those its readings stand in. The text of the
deltas is a preview of the draft; ``AnswerFinished`` holds the answer, which replaces whatever was previewed.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.conversation import Query, Turn
from domain.passage import RetrievedPassage


@dataclass(frozen=True, slots=True)
class QueryRewritten:
    """The message was made standalone; the search starts now."""

    query: Query


@dataclass(frozen=True, slots=True)
class PassagesRetrieved:
    """The search is over; the answer is being written from these passages (best first, maybe none)."""

    passages: tuple[RetrievedPassage, ...]


@dataclass(frozen=True, slots=True)
class AnswerDelta:
    """More text of the draft, to be appended to what came before; empty as a sign of life while nothing may be
    shown yet."""

    text: str


@dataclass(frozen=True, slots=True)
class AnswerFinished:
    """The turn is over and stored; ``turn.answer`` is final. ``stored`` is False when memory was down; ``waiting``
    then says whether the turn waits on this machine, and will be stored when memory is back."""

    turn: Turn
    stored: bool = True
    waiting: bool = False


TurnEvent = QueryRewritten | PassagesRetrieved | AnswerDelta | AnswerFinished
