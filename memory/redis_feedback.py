"""Verdicts in Redis: beside the conversation they are about, so that they live exactly as long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.feedback import Feedback, GivenFeedback
from domain.owners import SHORT, owner_hash
from memory.redis_client import RedisConnection
from memory.redis_keys import as_bytes, as_text, conversation_keys, digest
from memory.redis_log import LogIndex, looked_up
from memory.redis_scripts import GIVE
from memory.rows import Place, decode_feedback, decode_row, encode_feedback

_OF = "return redis.call('HGETALL', KEYS[1])"


class RedisFeedback:
    """A ``FeedbackStore`` over what ``RedisConversationStore`` keeps."""

    def __init__(self, connection: RedisConnection, index: LogIndex) -> None:
        self._connection, self._index = connection, index

    def give(self, owner: str, conversation_id: str, turn_id: str, feedback: Feedback) -> bool:
        """Keeps the verdict; once this returns True it is kept."""
        written = encode_feedback(feedback)
        self._index.add(Place(owner_hash(owner), digest(conversation_id), turn_id), feedback=True)
        return self._set(owner, conversation_id, turn_id, written)

    def take_back(self, owner: str, conversation_id: str, turn_id: str) -> bool:
        """Removes the verdict, if there is one; False when there is no such turn."""
        return self._set(owner, conversation_id, turn_id, b"")

    def of(self, owner: str, conversation_id: str) -> Mapping[str, Feedback]:
        """The verdicts of one conversation, by turn id."""
        flat = self._connection.run_script(_OF, [conversation_keys(owner, conversation_id)[4]], [])
        return {as_text(name): decode_feedback(value) for name, value in zip(flat[::2], flat[1::2], strict=True)}

    def recent(self, limit: int) -> Sequence[GivenFeedback]:
        """The newest ``limit`` verdicts of all owners."""
        found: list[GivenFeedback] = []
        for page in self._index.pages(feedback=True):
            for line, row, verdict in zip(page, *looked_up(self._connection, page), strict=True):
                if row is not None and verdict is not None:
                    turn = decode_row(row, line.place, line.at)
                    short = line.place.owner[:SHORT]
                    found.append(GivenFeedback(turn.reference, short, turn.question, decode_feedback(verdict)))
            if len(found) >= limit:
                break
        return found[:limit]

    def _set(self, owner: str, conversation_id: str, turn_id: str, written: bytes) -> bool:
        keys = conversation_keys(owner, conversation_id)
        return bool(self._connection.run_kept(GIVE, keys, [as_bytes(turn_id), written]))
