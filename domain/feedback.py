"""What people thought of an answer, as values, and the promise of whoever keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Verdict = Literal["up", "down"]

LONGEST_COMMENT = 2000
"""Characters of ``Feedback.comment``: a paragraph, and no room for a file."""


@dataclass(frozen=True, slots=True)
class Feedback:
    """One person's verdict on one turn.

    ``reason`` is the chip they chose (a short word such as ``wrong``), ``comment`` what they typed; both may be empty.
    ``at``: Unix seconds.
    """

    verdict: Verdict
    reason: str = ""
    comment: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class GivenFeedback:
    """Feedback as operators see it: ``reference`` names the turn in ``TurnLog``, ``owner_hash`` tells one person's
    from another's without naming the person."""

    reference: str
    owner_hash: str
    question: str
    feedback: Feedback


class FeedbackStore(Protocol):
    """Where verdicts are kept.

    1. A turn has at most one: ``give`` replaces the one before, ``take_back`` removes it. Both say False for a turn
       that is not stored, and then change nothing.
    2. Feedback lives exactly as long as its turn: it goes when the turn is deleted, trimmed or expires.
    3. One owner's feedback is invisible to another; ``recent`` is for operators and spans all owners, newest first.
    4. What was acknowledged survives ``kill -9`` wherever conversations do.

    Raises ``PartUnavailable`` when the store does not answer, ``QuestionRejected`` for a comment that is longer than
    ``LONGEST_COMMENT``.
    """

    def give(self, owner: str, conversation_id: str, turn_id: str, feedback: Feedback) -> bool: ...

    def take_back(self, owner: str, conversation_id: str, turn_id: str) -> bool: ...

    def of(self, owner: str, conversation_id: str) -> Mapping[str, Feedback]:
        """The verdicts of one conversation, by turn id."""
        ...

    def recent(self, limit: int) -> Sequence[GivenFeedback]: ...
