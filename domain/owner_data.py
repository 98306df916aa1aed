"""Everything that is kept of one person, as a value: what "give me my data" hands out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from domain.conversation import Conversation
from domain.feedback import Feedback
from domain.hand_off import HandOff


@dataclass(frozen=True, slots=True)
class OwnerData:
    """``conversations`` newest first; ``feedback`` by conversation id, then by turn id; ``hand_offs`` oldest first."""

    conversations: tuple[Conversation, ...] = ()
    feedback: Mapping[str, Mapping[str, Feedback]] = field(default_factory=dict, hash=False)
    hand_offs: tuple[HandOff, ...] = ()
