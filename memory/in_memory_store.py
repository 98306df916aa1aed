"""Conversations in a dictionary: the plainest thing that keeps the promises of ``ConversationStore``, save the
fourth (nothing survives the process). The oracle of the contract suite, and enough for a demonstration."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass, field

from domain.conversation import Conversation, ConversationSummary, Turn
from domain.feedback import Feedback
from domain.owner_data import OwnerData
from domain.protocols import MemoryLimits
from memory.bounds import (
    already_there,
    checked,
    checked_turn_ids,
    encoded_within,
    given_title,
    shortened_title,
    title_of,
)
from memory.codec import decode_turn
from memory.rows import folded, missing_words, wanted_words, words_of


@dataclass(slots=True)
class Record:
    """One conversation. ``turns`` and ``logged_at`` are by turn id, oldest first; a turn without ``logged_at`` came
    with a whole conversation and is none of the operators' news."""

    title: str
    turns: dict[str, bytes] = field(default_factory=dict)
    updated_at: float = 0.0
    expires_at: float | None = None
    trimmed: int = 0
    pinned: bool = False
    branched_from: str | None = None
    feedback: dict[str, Feedback] = field(default_factory=dict)
    logged_at: dict[str, float] = field(default_factory=dict)

    def trim(self, limits: MemoryLimits) -> None:
        """Lets the oldest turns go until the bounds hold."""
        while len(self.turns) > limits.max_turns or sum(map(len, self.turns.values())) > limits.max_bytes:
            self.drop(next(iter(self.turns)))
            self.trimmed += 1

    def drop(self, turn_id: str) -> None:
        """Forgets a turn with its verdict."""
        del self.turns[turn_id]
        self.feedback.pop(turn_id, None)
        self.logged_at.pop(turn_id, None)

    def conversation(self, owner: str, name: str) -> Conversation:
        """As the store hands it out."""
        turns = tuple(decode_turn(data) for data in self.turns.values())
        return Conversation(name, owner, self.title, turns, self.pinned, self.branched_from, self.trimmed)

    def summary(self, name: str) -> ConversationSummary:
        """As lists show it."""
        count = len(self.turns)
        return ConversationSummary(
            name, self.title, self.updated_at, count, self.expires_at, self.pinned, self.branched_from
        )


class InMemoryConversationStore:
    """A ``ConversationStore`` that lives and dies with the process. ``now``: Unix seconds."""

    def __init__(self, limits: MemoryLimits, now: Callable[[], float] = time.time) -> None:
        self._limits = checked(limits)
        self._now = now
        self._records: dict[tuple[str, str], Record] = {}
        self._erased: dict[str, float] = {}  # owner -> when
        self.lock = threading.RLock()

    @property
    def limits(self) -> MemoryLimits:
        return self._limits

    def load(self, owner: str, conversation_id: str) -> Conversation:
        """The conversation, whose time to live starts anew; an unknown id is an empty one."""
        with self.lock:
            record = self.record(owner, conversation_id)
            if record is None:
                return Conversation(conversation_id, owner)
            self._renew(record)
            return record.conversation(owner, conversation_id)

    def append(self, owner: str, conversation_id: str, turn: Turn) -> None:
        """Stores ``turn``; a turn whose id is there already is left as it was, one from before an erasure out."""
        data = encoded_within(turn, self._limits)
        with self.lock:
            if turn.asked_at and turn.asked_at <= self._erased.get(owner, 0.0):
                return
            record = self.record(owner, conversation_id) or Record("")
            if turn.id in record.turns:
                return
            record.turns[turn.id], record.logged_at[turn.id] = data, self._now()
            record.title = record.title or shortened_title(turn.question)
            self._keep(owner, conversation_id, record)

    def put(self, owner: str, conversation: Conversation) -> None:
        """Stores a whole conversation. Raises ``QuestionRejected`` for an id that exists."""
        checked_turn_ids(conversation)
        turns = {turn.id: encoded_within(turn, self._limits) for turn in conversation.turns}
        record = Record(title_of(conversation), turns, trimmed=conversation.trimmed)
        record.pinned, record.branched_from = conversation.pinned, conversation.branched_from
        with self.lock:
            if self.record(owner, conversation.id) is not None:
                raise already_there(conversation.id)
            self._keep(owner, conversation.id, record)

    def list(self, owner: str) -> SequenceOf[ConversationSummary]:
        """Newest first; those whose time has passed are gone."""
        with self.lock:
            return [record.summary(name) for _, name, record in self.records(owner)]

    def rename(self, owner: str, conversation_id: str, title: str) -> None:
        """Gives an existing conversation a title; an unknown id stays unknown."""
        chosen = given_title(title)
        with self.lock:
            if (record := self.record(owner, conversation_id)) is not None:
                record.title = chosen
                self._renew(record)

    def set_pinned(self, owner: str, conversation_id: str, pinned: bool) -> None:
        """Pins or unpins an existing conversation; an unknown id stays unknown."""
        with self.lock:
            if (record := self.record(owner, conversation_id)) is not None:
                record.pinned = pinned
                self._renew(record)

    def delete(self, owner: str, conversation_id: str) -> None:
        """Forgets a conversation, and what was thought of it."""
        with self.lock:
            self._records.pop((owner, conversation_id), None)

    def delete_turn(self, owner: str, conversation_id: str, turn_id: str) -> bool:
        """Forgets one turn; False when there is none of that id."""
        with self.lock:
            record = self.record(owner, conversation_id)
            if record is None or turn_id not in record.turns:
                return False
            record.drop(turn_id)
            self._renew(record)
            return True

    def search(self, owner: str, text: str) -> SequenceOf[ConversationSummary]:
        """Those that hold every word of ``text``, newest first."""
        words = wanted_words(text)
        with self.lock:
            return [record.summary(name) for _, name, record in self.records(owner) if not _unsaid(record, words)]

    def erase(self, owner: str) -> int:
        """Forgets everything of ``owner``."""
        with self.lock:
            self._erased[owner] = self._now()
            mine = [name for _, name, _ in self.records(owner)]
            for name in mine:
                del self._records[owner, name]
            return len(mine)

    def export(self, owner: str) -> OwnerData:
        """Everything of ``owner``; nothing is renewed by reading."""
        with self.lock:
            mine = list(self.records(owner))
            conversations = tuple(record.conversation(owner, name) for _, name, record in mine)
            return OwnerData(conversations, {name: dict(r.feedback) for _, name, r in mine if r.feedback})

    def record(self, owner: str, conversation_id: str) -> Record | None:
        """The live record, for whoever holds ``lock``; one whose time has passed is forgotten here."""
        record = self._records.get((owner, conversation_id))
        if record is not None and record.expires_at is not None and record.expires_at <= self._now():
            del self._records[owner, conversation_id]
            return None
        return record

    def records(self, owner: str | None = None) -> Iterator[tuple[str, str, Record]]:
        """(owner, id, record) of one owner or of all, newest first, for whoever holds ``lock``."""
        for who, name in reversed(list(self._records)):
            if owner in (None, who) and (record := self.record(who, name)) is not None:
                yield who, name, record

    def _keep(self, owner: str, conversation_id: str, record: Record) -> None:
        record.trim(self._limits)
        record.updated_at = self._now()
        self._renew(record)
        self._records.pop((owner, conversation_id), None)  # to the end: the newest, even within one clock tick
        self._records[owner, conversation_id] = record

    def _renew(self, record: Record) -> None:
        ttl = self._limits.ttl_seconds
        record.expires_at = None if ttl is None else self._now() + ttl


def _unsaid(record: Record, words: SequenceOf[str]) -> SequenceOf[str]:
    said = " ".join(words_of(decode_turn(data)) for data in record.turns.values())
    return missing_words(folded(record.title), missing_words(said, words))
