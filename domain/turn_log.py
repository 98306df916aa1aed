"""Turns as operators see them, across owners, and the promise of whoever lists them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from domain.answer import AnswerKind, Reason
from domain.conversation import Turn
from domain.feedback import Feedback, Verdict


@dataclass(frozen=True, slots=True)
class LoggedTurn:
    """One turn in the operators' list.

    ``reference`` names the turn and ``session`` its conversation, ``owner_hash`` the person, all three as short
    hashes. Times are Unix seconds: ``logged_at`` when it was stored (what paging goes by), ``asked_at`` when it was
    asked. ``seconds`` are those of ``Trace``: by stage, and ``total``. ``feedback`` is None without a verdict.
    """

    reference: str
    session: str
    owner_hash: str
    logged_at: float
    asked_at: float
    question: str
    answer: str
    kind: AnswerKind
    reason: Reason = Reason.NONE
    confidence: float = 0.0
    knowledge_base: str = ""
    stopped: bool = False
    seconds: Mapping[str, float] = field(default_factory=dict, hash=False)
    feedback: Feedback | None = None


@dataclass(frozen=True, slots=True)
class TurnFilter:
    """Which turns are wanted; what is left as it is lets everything through.

    ``confidence`` is a closed range; ``since`` and ``until`` bound ``logged_at`` in Unix seconds, ``until`` excluded;
    every word of ``text`` must stand in question or answer, in any case; ``verdict`` asks for that feedback.
    """

    kinds: frozenset[AnswerKind] = frozenset()
    confidence: tuple[float, float] = (0.0, 1.0)
    knowledge_base: str = ""
    since: float | None = None
    until: float | None = None
    text: str = ""
    verdict: Verdict | None = None
    session: str = ""

    def admits(self, turn: LoggedTurn) -> bool:
        """Whether everything but ``text``, ``since`` and ``until`` holds of ``turn``."""
        return (
            (not self.kinds or turn.kind in self.kinds)
            and self.confidence[0] <= turn.confidence <= self.confidence[1]
            and self.knowledge_base in ("", turn.knowledge_base)
            and self.session in ("", turn.session)
            and (self.verdict is None or (turn.feedback is not None and turn.feedback.verdict == self.verdict))
        )


EVERY_TURN = TurnFilter()


class TurnLog(Protocol):
    """The turns of all owners, for operators.

    1. Every turn that was appended is in it, in the order they were stored, until ``capacity`` newer ones are.
    2. It holds no words of its own: a turn that was deleted, trimmed or has expired is gone from it at once.
    3. Owners are told apart by a short hash, and never named.
    4. ``recent`` gives the newest first; ``before`` (``logged_at`` of the last one seen) gives the next page.

    Raises ``PartUnavailable`` when the log does not answer.
    """

    @property
    def capacity(self) -> int: ...

    def recent(
        self, limit: int, before: float | None = None, where: TurnFilter = EVERY_TURN
    ) -> Sequence[LoggedTurn]: ...

    def get(self, reference: str) -> tuple[LoggedTurn, Turn] | None:
        """One turn, whole, or None."""
        ...
