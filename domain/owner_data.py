"""Everything that is kept of one person, as a value: what "give me my data" hands out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from domain.conversation import Conversation
from domain.feedback import Feedback
from domain.hand_off import HandOff
from domain.passage import Document


@dataclass(frozen=True, slots=True)
class OwnerData:
    """``conversations`` newest first; ``feedback`` by conversation id, then by turn id; ``hand_offs`` oldest first;
    ``files`` that the person brought along, by title."""

    conversations: tuple[Conversation, ...] = ()
    feedback: Mapping[str, Mapping[str, Feedback]] = field(default_factory=dict, hash=False)
    hand_offs: tuple[HandOff, ...] = ()
    files: tuple[Document, ...] = ()


class PersonalData(Protocol):
    """What a person may ask about everything that is kept of them.

    1. ``everything`` leaves nothing out, and changes nothing: no time to live starts anew.
    2. ``erase`` leaves nothing: conversations, verdicts, hand-offs, files they brought along, what waits for a memory
       that was down, and their lines in the operators' lists.

    Both raise ``PartUnavailable`` when memory does not answer, rather than do half.
    """

    def everything(self, owner: str) -> OwnerData: ...

    def erase(self, owner: str) -> int:
        """How many conversations that were."""
        ...
