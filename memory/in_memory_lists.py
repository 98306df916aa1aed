"""Feedback and the operators' log over the conversations of ``InMemoryConversationStore``: the contracts' oracles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.conversation import Turn
from domain.errors import Misconfigured
from domain.feedback import Feedback, GivenFeedback
from domain.owners import owner_hash, short_owner_hash
from domain.turn_log import EVERY_TURN, LoggedTurn, TurnFilter
from memory.codec import decode_turn
from memory.in_memory_store import InMemoryConversationStore, Record
from memory.redis_keys import digest
from memory.rows import Place, decode_row, encode_feedback, encode_row, missing_words, wanted_words, words_of


class InMemoryFeedback:
    """A ``FeedbackStore`` that dies with the process."""

    def __init__(self, store: InMemoryConversationStore) -> None:
        self._store = store
        self._given: dict[tuple[str, str, str], None] = {}  # (owner, conversation, turn), oldest verdict first

    def give(self, owner: str, conversation_id: str, turn_id: str, feedback: Feedback) -> bool:
        """Keeps the verdict; False when there is no such turn."""
        encode_feedback(feedback)
        with self._store.lock:
            record = self._holding(owner, conversation_id, turn_id)
            if record is None:
                return False
            record.feedback[turn_id] = feedback
            self._given.pop((owner, conversation_id, turn_id), None)
            self._given[owner, conversation_id, turn_id] = None
            return True

    def take_back(self, owner: str, conversation_id: str, turn_id: str) -> bool:
        """Removes the verdict, if there is one; False when there is no such turn."""
        with self._store.lock:
            record = self._holding(owner, conversation_id, turn_id)
            if record is None:
                return False
            record.feedback.pop(turn_id, None)
            return True

    def of(self, owner: str, conversation_id: str) -> Mapping[str, Feedback]:
        """The verdicts of one conversation, by turn id."""
        with self._store.lock:
            record = self._store.record(owner, conversation_id)
            return {} if record is None else dict(record.feedback)

    def recent(self, limit: int) -> Sequence[GivenFeedback]:
        """The newest ``limit`` verdicts of all owners."""
        found: list[GivenFeedback] = []
        with self._store.lock:
            for owner, name, turn_id in reversed(self._given):
                record = self._holding(owner, name, turn_id)
                if record is not None and turn_id in record.feedback and len(found) < limit:
                    turn = decode_turn(record.turns[turn_id])
                    reference = Place(owner_hash(owner), digest(name), turn_id).reference
                    feedback = record.feedback[turn_id]
                    found.append(GivenFeedback(reference, short_owner_hash(owner), turn.question, feedback))
        return found

    def _holding(self, owner: str, conversation_id: str, turn_id: str) -> Record | None:
        record = self._store.record(owner, conversation_id)
        return record if record is not None and turn_id in record.turns else None


class InMemoryTurnLog:
    """A ``TurnLog`` that dies with the process."""

    def __init__(self, store: InMemoryConversationStore, capacity: int = 10_000) -> None:
        """Raises ``Misconfigured`` for a capacity below one."""
        if capacity < 1:
            raise Misconfigured(f"The log of turns has a capacity of {capacity}; give at least 1.")
        self._store, self._capacity = store, capacity

    @property
    def capacity(self) -> int:
        return self._capacity

    def recent(self, limit: int, before: float | None = None, where: TurnFilter = EVERY_TURN) -> Sequence[LoggedTurn]:
        """At most ``limit`` turns, newest first."""
        words = wanted_words(where.text)
        found = [
            logged
            for logged, turn in self._all()
            if (before is None or logged.logged_at < before)
            and (where.until is None or logged.logged_at < where.until)
            and (where.since is None or logged.logged_at >= where.since)
            and not missing_words(words_of(turn), words)
            and where.admits(logged)
        ]
        return found[:limit]

    def get(self, reference: str) -> tuple[LoggedTurn, Turn] | None:
        """One turn, whole, or None."""
        return next((pair for pair in self._all() if pair[0].reference == reference), None)

    def _all(self) -> list[tuple[LoggedTurn, Turn]]:
        with self._store.lock:
            pairs = [pair for owner, name, record in self._store.records() for pair in _logged(owner, name, record)]
        return sorted(pairs, key=lambda pair: -pair[0].logged_at)[: self._capacity]


def _logged(owner: str, name: str, record: Record) -> list[tuple[LoggedTurn, Turn]]:
    pairs = []
    for turn_id, at in record.logged_at.items():
        turn = decode_turn(record.turns[turn_id])
        verdict = record.feedback.get(turn_id)
        place = Place(owner_hash(owner), digest(name), turn_id)
        written = None if verdict is None else encode_feedback(verdict)
        pairs.append((decode_row(encode_row(turn), place, at, written), turn))
    return pairs
