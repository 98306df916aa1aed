"""What people do with their conversations beside asking; see ``domain.shelf.ConversationShelf``."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from domain.conversation import Conversation, ConversationSummary, Turn
from domain.errors import QuestionRejected
from domain.protocols import ConversationStore, MemoryLimits, TurnStore
from domain.redaction import redacted_conversation

Write = Callable[[Conversation], bytes]
Read = Callable[[bytes, str, str, int], Conversation]


@dataclass(frozen=True, slots=True)
class Shelf:
    """``ConversationShelf`` over a store. ``write`` and ``read`` (data, owner, id, most bytes) know the archive."""

    store: ConversationStore
    write: Write
    read: Read

    def search(self, owner: str, text: str) -> Sequence[ConversationSummary]:
        """Those that hold every word of ``text``."""
        return self.store.search(owner, text)

    def pin(self, owner: str, conversation_id: str, pinned: bool) -> None:
        """Pins or unpins; an unknown id stays unknown."""
        self.store.set_pinned(owner, conversation_id, pinned)

    def delete_turn(self, owner: str, conversation_id: str, turn_id: str) -> bool:
        """Forgets one turn; False when there is none of that id."""
        return self.store.delete_turn(owner, conversation_id, turn_id)

    def branch(self, owner: str, conversation_id: str, turn_id: str, branch_id: str, title: str = "") -> Conversation:
        """A new conversation of the turns before ``turn_id``."""
        source = self.store.load(owner, conversation_id)
        before = tuple(takewhile(lambda turn: turn.id != turn_id, source.turns))
        if len(before) == len(source.turns):
            raise QuestionRejected("The question that was edited is no longer in this conversation; ask it anew below.")
        branch = Conversation(branch_id, owner, title if before else "", before, branched_from=conversation_id)
        self.store.put(owner, branch)
        return branch

    def written(self, owner: str, conversation_id: str, *, covered: bool = False) -> bytes:
        """A conversation as JSON; ``covered``: with personal data blacked out."""
        conversation = self.store.load(owner, conversation_id)
        if not conversation.turns:
            raise QuestionRejected("This conversation holds no questions; there is nothing to export.")
        return self.write(redacted_conversation(conversation) if covered else conversation)

    def take_in(self, owner: str, data: bytes) -> Conversation:
        """Stores an archive under a new id."""
        # Written with indents, an archive is larger than what is stored, but never twice as large.
        conversation = self.read(data, owner, uuid.uuid4().hex, 2 * self.store.limits.max_bytes)
        self.store.put(owner, conversation)
        return conversation


@dataclass(frozen=True, slots=True)
class WithoutTurn:
    """A memory as it would be without one turn, which goes for good once another has been stored: asking again.

    The order matters: whatever breaks off in between leaves one answer too many, never one too few.
    """

    store: ConversationStore
    turn_id: str

    @property
    def limits(self) -> MemoryLimits:
        """Those of the store."""
        return self.store.limits

    def load(self, owner: str, conversation_id: str) -> Conversation:
        """The conversation up to the turn."""
        conversation = self.store.load(owner, conversation_id)
        return replace(conversation, turns=tuple(takewhile(lambda turn: turn.id != self.turn_id, conversation.turns)))

    def append(self, owner: str, conversation_id: str, turn: Turn) -> None:
        """Stores ``turn`` and forgets the one it replaces; of a stopped one nothing is kept, and the old one stays."""
        if turn.stopped:
            return
        self.store.append(owner, conversation_id, turn)
        self.store.delete_turn(owner, conversation_id, self.turn_id)


def memory_for(store: ConversationStore, replacing: str) -> TurnStore:
    """Where a turn is stored that replaces the turn ``replacing``; "" replaces none."""
    return WithoutTurn(store, replacing) if replacing else store
