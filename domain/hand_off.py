"""A question that a person takes over, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from domain.answer import Reason
from domain.passage import Place


class HandOffState(StrEnum):
    """How far a hand-off has come; it only goes forward."""

    OPEN = "open"
    TAKEN = "taken"
    DONE = "done"


class Delivery(StrEnum):
    """What became of the message to the operator's webhook."""

    NOT_WANTED = "not_wanted"
    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class HandOff:
    """One entry of the queue that operators see.

    ``owner_hash`` tells one person's entries from another's without naming the person; ``question`` is the message
    as typed and ``query`` what was searched for it. ``sources``: where the nearest passages stand, best first.
    Times are Unix seconds, 0.0 where it has not come to that. ``taken_by`` is who took it, in the operators' own words.
    ``delivery`` says whether the webhook was told, ``delivery_error`` why not. ``turn``: the reference of the turn that
    an operator handed over, "" where the person asked for it.
    """

    id: str
    owner_hash: str
    conversation_id: str
    question: str
    query: str
    reason: Reason
    knowledge_base: str = ""
    sources: tuple[Place, ...] = field(default=())
    created_at: float = 0.0
    state: HandOffState = HandOffState.OPEN
    taken_by: str = ""
    taken_at: float = 0.0
    done_at: float = 0.0
    delivery: Delivery = Delivery.NOT_WANTED
    delivery_error: str = ""
    turn: str = ""
