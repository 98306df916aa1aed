"""The operators' list of turns in Redis: references only, in a slot of its own; what they name stays with its owner.

So nothing of a conversation outlives it here: whoever lists looks each turn up where it is stored, and passes over
those that are gone. A reference that finds nothing for a minute is forgotten; a fresh one may be of a turn that is
being stored at this moment.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain.conversation import Turn
from domain.errors import Misconfigured
from domain.turn_log import EVERY_TURN, LoggedTurn, TurnFilter
from memory.codec import decode_turn
from memory.redis_client import RedisConnection, Word
from memory.redis_keys import LOG_FEEDBACK, LOG_PLACES, LOG_TURNS, as_bytes, as_text, keys_under, prefix_of_digest
from memory.rows import Place, decode_row, missing_words, wanted_words

CAPACITY = 10_000
"""Turns listed by default: a month of a small team, and about two megabytes."""

_PAGE = 200
"""References looked up at once, where most may be passed over."""
_SETTLED_SECONDS = 60.0

_ADD = """
-- KEYS: list, places, the other list. ARGV: reference, place, capacity, 1 where a time that is there already stays
local clock = redis.call('TIME')
local now = string.format('%.0f', clock[1] * 1000000 + clock[2])
if ARGV[4] == '0' or not redis.call('ZSCORE', KEYS[1], ARGV[1]) then redis.call('ZADD', KEYS[1], now, ARGV[1]) end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
local over = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[3])
if over > 0 then
  for _, old in ipairs(redis.call('ZRANGE', KEYS[1], 0, over - 1)) do
    redis.call('ZREM', KEYS[1], old)
    if not redis.call('ZSCORE', KEYS[3], old) then redis.call('HDEL', KEYS[2], old) end
  end
end
"""

_PAGE_OF = """
-- KEYS: list, places. ARGV: highest time (µs; "(" before it excludes it), lowest time, how many
local page = redis.call('ZREVRANGEBYSCORE', KEYS[1], ARGV[1], ARGV[2], 'WITHSCORES', 'LIMIT', 0, ARGV[3])
local found = {}
for i = 1, #page, 2 do
  table.insert(found, {page[i], page[i + 1], redis.call('HGET', KEYS[2], page[i]) or ''})
end
return found
"""

_PLACE_OF = "return {redis.call('ZSCORE', KEYS[1], ARGV[1]), redis.call('HGET', KEYS[2], ARGV[1])}"

_DROP = """
-- KEYS: turns, feedback, places. ARGV: references
for _, reference in ipairs(ARGV) do
  redis.call('ZREM', KEYS[1], reference)
  redis.call('ZREM', KEYS[2], reference)
  redis.call('HDEL', KEYS[3], reference)
end
"""

_FORGET = """
-- KEYS: turns, feedback, places. ARGV: an owner's digest
local all = redis.call('HGETALL', KEYS[3])
for i = 1, #all, 2 do
  if string.sub(all[i + 1], 1, #ARGV[1]) == ARGV[1] then
    redis.call('ZREM', KEYS[1], all[i])
    redis.call('ZREM', KEYS[2], all[i])
    redis.call('HDEL', KEYS[3], all[i])
  end
end
"""

_TURN = """
-- KEYS: turns, ids, about, rows, feedback. ARGV: turn id
local at = redis.call('LPOS', KEYS[2], ARGV[1])
if not at then return {} end
return {redis.call('LINDEX', KEYS[1], at), redis.call('HGET', KEYS[4], ARGV[1]), redis.call('HGET', KEYS[5], ARGV[1])}
"""


@dataclass(frozen=True, slots=True)
class Reference:
    """A line of the log: where the turn is stored, and when the line was written (Unix seconds)."""

    place: Place
    at: float

    @property
    def keys(self) -> list[str]:
        """turns, ids, about, rows, feedback of its conversation."""
        return keys_under(prefix_of_digest(self.place.owner), self.place.conversation)


class LogIndex:
    """The references, in two lists of at most ``capacity`` each: of turns, and of feedback."""

    def __init__(self, connection: RedisConnection, capacity: int = CAPACITY) -> None:
        """Raises ``Misconfigured`` for a capacity below one."""
        if capacity < 1:
            raise Misconfigured(f"The log of turns has a capacity of {capacity}; give at least 1.")
        self._run, self.capacity = connection.run_script, capacity

    def add(self, place: Place, *, feedback: bool = False) -> None:
        """Notes a turn, or a verdict, as of now."""
        lists = (LOG_FEEDBACK, LOG_TURNS) if feedback else (LOG_TURNS, LOG_FEEDBACK)
        words: list[Word] = [place.reference, _written(place), self.capacity, int(not feedback)]
        self._run(_ADD, [lists[0], LOG_PLACES, lists[1]], words)

    def pages(
        self, before: float | None = None, since: float | None = None, *, size: int = _PAGE, feedback: bool = False
    ) -> Iterator[Sequence[Reference]]:
        """Pages of ``size`` references, newest first: from before ``before`` back to ``since``, in Unix seconds."""
        top = "+inf" if before is None else f"({_micro(before)}"
        bottom = "-inf" if since is None else _micro(since)
        keys = [LOG_FEEDBACK if feedback else LOG_TURNS, LOG_PLACES]
        while rows := self._run(_PAGE_OF, keys, [top, bottom, size]):
            yield [Reference(_read(place), int(float(at)) / 1e6) for _, at, place in rows if place]
            top = f"({int(float(rows[-1][1]))}"

    def find(self, reference: str) -> Reference | None:
        """The line of that name, or None."""
        at, place = self._run(_PLACE_OF, [LOG_TURNS, LOG_PLACES], [as_bytes(reference)])
        return Reference(_read(place), int(float(at)) / 1e6) if at and place else None

    def drop(self, gone: Sequence[Reference]) -> None:
        """Forgets the lines of turns that are gone; a fresh line may be of one that is being stored at this moment."""
        settled = [one.place.reference for one in gone if one.at < time.time() - _SETTLED_SECONDS]
        if settled:
            self._run(_DROP, [LOG_TURNS, LOG_FEEDBACK, LOG_PLACES], settled)

    def remove(self, place: Place) -> None:
        """Forgets the line of a turn that is not stored after all."""
        self._run(_DROP, [LOG_TURNS, LOG_FEEDBACK, LOG_PLACES], [place.reference])

    def forget(self, owner_digest: str) -> None:
        """Forgets every line of one owner."""
        self._run(_FORGET, [LOG_TURNS, LOG_FEEDBACK, LOG_PLACES], [owner_digest])


class RedisTurnLog:
    """A ``TurnLog`` over what ``RedisConversationStore`` keeps."""

    def __init__(self, connection: RedisConnection, index: LogIndex) -> None:
        self._connection, self._index = connection, index

    @property
    def capacity(self) -> int:
        return self._index.capacity

    def recent(self, limit: int, before: float | None = None, where: TurnFilter = EVERY_TURN) -> Sequence[LoggedTurn]:
        """At most ``limit`` turns, newest first."""
        bounds = [time for time in (before, where.until) if time is not None]
        size = _PAGE if where != EVERY_TURN else min(max(limit, 1), _PAGE)
        found: list[LoggedTurn] = []
        for page in self._index.pages(min(bounds, default=None), where.since, size=size):
            found += self._wanted(page, where)
            if len(found) >= limit:
                break
        return found[:limit]

    def get(self, reference: str) -> tuple[LoggedTurn, Turn] | None:
        """One turn, whole, or None."""
        line = self._index.find(reference)
        if line is None:
            return None
        stored = self._connection.run_script(_TURN, line.keys, [as_bytes(line.place.turn_id)])
        if not stored or stored[1] is None:
            return None
        turn, row, feedback = [*stored, None][:3]
        return decode_row(row, line.place, line.at, feedback), decode_turn(turn)

    def _wanted(self, page: Sequence[Reference], where: TurnFilter) -> list[LoggedTurn]:
        rows, verdicts = looked_up(self._connection, page)
        self._index.drop([line for line, row in zip(page, rows, strict=True) if row is None])
        words, found = wanted_words(where.text), []
        for line, row, verdict in zip(page, rows, verdicts, strict=True):
            if row is None or missing_words(row.partition(b"\n")[2].decode("utf-8", "replace"), words):
                continue
            turn = decode_row(row, line.place, line.at, verdict)
            if where.admits(turn):
                found.append(turn)
        return found


def looked_up(
    connection: RedisConnection, page: Sequence[Reference]
) -> tuple[Sequence[bytes | None], Sequence[bytes | None]]:
    """The rows of ``page`` and the verdicts, None where there is none."""
    fields = [(key, as_bytes(line.place.turn_id)) for line in page for key in line.keys[3:5]]
    values = connection.hash_fields(fields)
    return values[::2], values[1::2]


def _micro(seconds: float) -> str:
    return str(round(seconds * 1e6))


def _written(place: Place) -> bytes:
    return as_bytes(f"{place.owner}:{place.conversation}:{place.turn_id}")


def _read(written: bytes) -> Place:
    owner, conversation, turn_id = as_text(written).split(":", 2)
    return Place(owner, conversation, turn_id)
