"""The fake assistant's conversations as a store, so that the real shelf works on them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from domain.conversation import Conversation, ConversationSummary, Turn
from domain.errors import QuestionRejected
from domain.owner_data import OwnerData
from domain.protocols import MemoryLimits

if TYPE_CHECKING:
    from tests.web.fakes import FakeAssistant


class KeptStore:
    """A ``ConversationStore`` over ``FakeAssistant.kept``."""

    def __init__(self, assistant: FakeAssistant) -> None:
        self._assistant = assistant

    @property
    def limits(self) -> MemoryLimits:
        return self._assistant.memory_limits

    def load(self, owner: str, conversation_id: str) -> Conversation:
        return self._assistant.conversation(owner, conversation_id)

    def append(self, owner: str, conversation_id: str, turn: Turn) -> None:
        before = self.load(owner, conversation_id)
        titled = replace(before, title=before.title or turn.question[:60])
        self._assistant.kept[(owner, conversation_id)] = titled.with_turn(turn)

    def list(self, owner: str) -> Sequence[ConversationSummary]:
        return self._assistant.conversations(owner)

    def rename(self, owner: str, conversation_id: str, title: str) -> None:
        self._assistant.rename_conversation(owner, conversation_id, title)

    def delete(self, owner: str, conversation_id: str) -> None:
        self._assistant.delete_conversation(owner, conversation_id)

    def set_pinned(self, owner: str, conversation_id: str, pinned: bool) -> None:
        kept = self.load(owner, conversation_id)
        self._assistant.kept[(owner, conversation_id)] = replace(kept, pinned=pinned)

    def delete_turn(self, owner: str, conversation_id: str, turn_id: str) -> bool:
        before = self.load(owner, conversation_id)
        left = tuple(turn for turn in before.turns if turn.id != turn_id)
        self._assistant.kept[(owner, conversation_id)] = replace(before, turns=left)
        return len(left) < len(before.turns)

    def put(self, owner: str, conversation: Conversation) -> None:
        if (owner, conversation.id) in self._assistant.kept:
            raise QuestionRejected("There is such a conversation already.")
        first = conversation.turns[0].question if conversation.turns else ""
        kept = replace(conversation, owner=owner, title=conversation.title or first)
        self._assistant.kept[(owner, conversation.id)] = kept

    def search(self, owner: str, text: str) -> Sequence[ConversationSummary]:
        words = text.lower().split()

        def said(item: ConversationSummary) -> str:
            turns = self.load(owner, item.id).turns
            return " ".join([item.title, *(f"{turn.question} {turn.answer.text}" for turn in turns)]).lower()

        return [item for item in self.list(owner) if all(word in said(item) for word in words)]

    def erase(self, owner: str) -> int:
        mine = [key for key in self._assistant.kept if key[0] == owner]
        for key in mine:
            del self._assistant.kept[key]
        return len(mine)

    def export(self, owner: str) -> OwnerData:
        return OwnerData(tuple(kept for (who, _), kept in self._assistant.kept.items() if who == owner))


def summary_of(kept: Conversation) -> ConversationSummary:
    asked_at = kept.turns[-1].asked_at if kept.turns else time.time()
    return ConversationSummary(
        kept.id, kept.title, asked_at, len(kept.turns), pinned=kept.pinned, branched_from=kept.branched_from
    )
