"""What people do with their conversations beside asking: find, pin, branch, prune, take out and bring back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from domain.conversation import Conversation, ConversationSummary


class ConversationShelf(Protocol):
    """One owner's conversations, as a page or an API offers them.

    1. What is done to one conversation changes no other, and what is done to one turn no other turn.
    2. ``branch`` keeps the turns before a turn as they are, ids included, in a conversation that names the one it came
       from; that one stays as it was.
    3. ``take_in`` of what ``written`` gave is the same conversation under a new id; anything else is refused whole.
    4. An owner reaches their own conversations only: to others they are unknown.

    Raises ``PartUnavailable`` when memory does not answer, ``QuestionRejected`` for what cannot be done.
    """

    def search(self, owner: str, text: str) -> Sequence[ConversationSummary]:
        """Those whose title, questions and answers hold every word of ``text``, newest first."""
        ...

    def pin(self, owner: str, conversation_id: str, pinned: bool) -> None: ...

    def delete_turn(self, owner: str, conversation_id: str, turn_id: str) -> bool:
        """False when there is no such turn."""
        ...

    def branch(self, owner: str, conversation_id: str, turn_id: str, branch_id: str, title: str = "") -> Conversation:
        """A new conversation ``branch_id`` of the turns before ``turn_id``. Without a title it gets that of its first
        question. Raises ``QuestionRejected`` for a turn that is not there."""
        ...

    def written(self, owner: str, conversation_id: str, *, covered: bool = False) -> bytes:
        """A conversation as JSON in UTF-8; ``covered``: with personal data blacked out. Raises ``QuestionRejected`` for
        one without turns."""
        ...

    def take_in(self, owner: str, data: bytes) -> Conversation:
        """Stores what ``written`` gave, under a new id. Raises ``QuestionRejected`` for anything else."""
        ...
