"""Conversations in a dictionary: the plainest thing that keeps the promises of ``ConversationStore``, save the
fourth (nothing survives the process). The oracle of the contract suite, and enough for a demonstration."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass, field

from domain.conversation import Conversation, ConversationSummary, Turn
from domain.protocols import MemoryLimits
from memory.bounds import checked, encoded_within, given_title, shortened_title
from memory.codec import decode_turn


@dataclass(slots=True)
class _Record:
    title: str
    turns: dict[str, bytes] = field(default_factory=dict)  # by turn id, oldest first
    updated_at: float = 0.0
    expires_at: float | None = None
    trimmed: int = 0

    def trim(self, limits: MemoryLimits) -> None:
        while len(self.turns) > limits.max_turns or sum(map(len, self.turns.values())) > limits.max_bytes:
            del self.turns[next(iter(self.turns))]
            self.trimmed += 1


class InMemoryConversationStore:
    """A ``ConversationStore`` that lives and dies with the process. ``now``: Unix seconds."""

    def __init__(self, limits: MemoryLimits, now: Callable[[], float] = time.time) -> None:
        self._limits = checked(limits)
        self._now = now
        self._records: dict[tuple[str, str], _Record] = {}
        self._lock = threading.Lock()

    @property
    def limits(self) -> MemoryLimits:
        return self._limits

    def load(self, owner: str, conversation_id: str) -> Conversation:
        with self._lock:
            record = self._live(owner, conversation_id)
            if record is None:
                return Conversation(conversation_id, owner)
            turns = tuple(decode_turn(data) for data in record.turns.values())
            return Conversation(conversation_id, owner, record.title, turns)

    def append(self, owner: str, conversation_id: str, turn: Turn) -> None:
        """Stores ``turn``; a turn whose id is there already is left as it was."""
        data = encoded_within(turn, self._limits)
        with self._lock:
            record = self._live(owner, conversation_id) or _Record(shortened_title(turn.question))
            if turn.id in record.turns:
                return
            record.turns[turn.id] = data
            record.trim(self._limits)
            record.updated_at = self._now()
            ttl = self._limits.ttl_seconds
            record.expires_at = None if ttl is None else record.updated_at + ttl
            self._records.pop((owner, conversation_id), None)  # to the end: the newest, even within one clock tick
            self._records[owner, conversation_id] = record

    def list(self, owner: str) -> SequenceOf[ConversationSummary]:
        with self._lock:
            mine = [name for who, name in reversed(self._records) if who == owner]
            live = [(name, record) for name in mine if (record := self._live(owner, name)) is not None]
        return [ConversationSummary(name, r.title, r.updated_at, len(r.turns), r.expires_at) for name, r in live]

    def rename(self, owner: str, conversation_id: str, title: str) -> None:
        """Gives an existing conversation a title; an unknown id stays unknown."""
        chosen = given_title(title)
        with self._lock:
            if (record := self._live(owner, conversation_id)) is not None:
                record.title = chosen

    def delete(self, owner: str, conversation_id: str) -> None:
        with self._lock:
            self._records.pop((owner, conversation_id), None)

    def delete_owner(self, owner: str) -> None:
        """Forgets every conversation of ``owner``."""
        with self._lock:
            for key in [key for key in self._records if key[0] == owner]:
                del self._records[key]

    def trimmed_turns(self, owner: str, conversation_id: str) -> int:
        """How many turns of the conversation the limits have taken away; 0 for an unknown one."""
        with self._lock:
            record = self._live(owner, conversation_id)
            return 0 if record is None else record.trimmed

    def _live(self, owner: str, conversation_id: str) -> _Record | None:
        record = self._records.get((owner, conversation_id))
        if record is not None and record.expires_at is not None and record.expires_at <= self._now():
            del self._records[owner, conversation_id]
            return None
        return record
