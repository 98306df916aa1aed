"""What operators write down, in Redis, for whatever runs Lua there: ``RedisConversationStore.run_script`` does.

Keys, all in one cluster slot, with R = ``colloquy:v1:{operators}``:

    R:touched      sorted set: key of an entry by the time it was touched last (s)
    R:mark:KEY     hash: state, by, note, at
    R:settings     hash: setting -> value
    R:version      string: how often one of them was recorded
    R:tallies      hash: what is counted as one (JSON) -> how often
    R:tallied      sorted set: the same by the time it happened last (s)
    R:audit        list: changes as JSON, newest first
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from domain.errors import PartUnavailable
from domain.hand_off import HandOffState
from domain.operating import AuditEntry, Mark
from memory.operator_book import (
    ENTRIES,
    LONGEST_NOTE,
    MARKS,
    TALLIES,
    decode_entry,
    encode_entry,
    merged,
    read_tally,
    tally_key,
)
from memory.redis_hand_offs import RunScript

Word = str | bytes | int | float
_ROOT = "colloquy:v1:{operators}"
_TOUCHED, _SETTINGS, _AUDIT = f"{_ROOT}:touched", f"{_ROOT}:settings", f"{_ROOT}:audit"
_VERSION, _TALLIES, _TALLIED = f"{_ROOT}:version", f"{_ROOT}:tallies", f"{_ROOT}:tallied"

_CHANGE = """
-- KEYS: touched, mark. ARGV: key, what, by, note, now, most, prefix of marks
local state = redis.call('HGET', KEYS[2], 'state') or 'open'
local what = ARGV[2]
if what == 'taken' and state ~= 'open' then return 0 end
if what == 'done' and state == 'done' then return 0 end
if what == 'note' then
  redis.call('HSETNX', KEYS[2], 'by', ARGV[3])
  redis.call('HSET', KEYS[2], 'state', state, 'note', ARGV[4], 'at', ARGV[5])
else
  redis.call('HSET', KEYS[2], 'state', what, 'by', ARGV[3], 'at', ARGV[5])
end
redis.call('ZADD', KEYS[1], ARGV[5], ARGV[1])
local over = redis.call('ZCARD', KEYS[1]) - tonumber(ARGV[6])
if over > 0 then
  for _, key in ipairs(redis.call('ZRANGE', KEYS[1], 0, over - 1)) do
    redis.call('DEL', ARGV[7] .. key)
    redis.call('ZREM', KEYS[1], key)
  end
end
return 1
"""

_MARKS = """
-- KEYS: touched. ARGV: prefix of marks
local found = {}
for _, key in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  table.insert(found, {key, redis.call('HMGET', ARGV[1] .. key, 'state', 'by', 'note', 'at')})
end
return found
"""

_RECORD = """
-- KEYS: audit, settings, version. ARGV: entry, most, setting, value
redis.call('LPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], 0, tonumber(ARGV[2]) - 1)
if ARGV[3] ~= '' then
  redis.call('HSET', KEYS[2], ARGV[3], ARGV[4])
  redis.call('INCR', KEYS[3])
end
"""

_TALLY = """
-- KEYS: tallies, tallied. ARGV: what is counted, when, most
redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
local over = redis.call('ZCARD', KEYS[2]) - tonumber(ARGV[3])
if over > 0 then
  for _, old in ipairs(redis.call('ZRANGE', KEYS[2], 0, over - 1)) do
    redis.call('HDEL', KEYS[1], old)
    redis.call('ZREM', KEYS[2], old)
  end
end
"""

_READ_SETTINGS = "return redis.call('HGETALL', KEYS[1])"
_READ_VERSION = "return redis.call('GET', KEYS[1])"
_READ_AUDIT = """
-- KEYS: audit, tallies, tallied. ARGV: how many of each
local last, found = tonumber(ARGV[1]) - 1, {}
local rows = redis.call('ZREVRANGE', KEYS[3], 0, last, 'WITHSCORES')
for i = 1, #rows, 2 do table.insert(found, {rows[i], rows[i + 1], redis.call('HGET', KEYS[2], rows[i])}) end
return {redis.call('LRANGE', KEYS[1], 0, last), found}
"""


class RedisOperatorBook:
    """An ``OperatorBook`` in Redis. ``now``: Unix seconds."""

    def __init__(
        self, run: RunScript, now: Callable[[], float] = time.time, marks: int = MARKS, entries: int = ENTRIES
    ) -> None:
        self._run, self._now, self._most_marks, self._most_entries = run, now, marks, entries

    def take(self, key: str, by: str) -> bool:
        """Makes an open entry taken; False for one that is not open."""
        return self._change(key, "taken", by)

    def finish(self, key: str, by: str) -> bool:
        """Makes an entry done; False for one that is."""
        return self._change(key, "done", by)

    def note(self, key: str, by: str, text: str) -> None:
        """Changes the note of an entry; its state stays."""
        self._change(key, "note", by, text[:LONGEST_NOTE])

    def marks(self) -> Mapping[str, Mark]:
        """Every entry that was touched."""
        rows = self._run(_MARKS, [_TOUCHED], [_mark("")])
        return {key.decode("utf-8", "replace"): _read(fields) for key, fields in rows}

    def record(self, entry: AuditEntry, setting: str = "") -> None:
        """Adds to the audit; with a ``setting`` its new value holds from now on."""
        words: list[Word] = [encode_entry(entry), self._most_entries, setting, entry.new.encode("utf-8", "replace")]
        self._run(_RECORD, [_AUDIT, _SETTINGS, _VERSION], words)

    def tally(self, entry: AuditEntry) -> None:
        """Counts an entry among those of its hour that are alike."""
        self._run(_TALLY, [_TALLIES, _TALLIED], [tally_key(entry), repr(entry.at), TALLIES])

    def version(self) -> int:
        """How often a setting was recorded."""
        return int(self._run(_READ_VERSION, [_VERSION], []) or 0)

    def settings(self) -> Mapping[str, str]:
        """The latest value of each setting that was recorded."""
        row = [item.decode("utf-8", "replace") for item in self._run(_READ_SETTINGS, [_SETTINGS], [])]
        return dict(zip(row[::2], row[1::2], strict=True))

    def audit(self, limit: int) -> Sequence[AuditEntry]:
        """At most ``limit`` changes and tallies, newest first."""
        if limit < 1:
            return []
        changes, tallies = self._run(_READ_AUDIT, [_AUDIT, _TALLIES, _TALLIED], [limit])
        return merged(map(decode_entry, changes), [read_tally(*row) for row in tallies], limit)

    def _change(self, key: str, what: str, by: str, note: str = "") -> bool:
        name = key.encode("utf-8", "replace")
        written = [text.encode("utf-8", "replace") for text in (by, note)]
        words: list[Word] = [name, what, *written, repr(self._now()), self._most_marks, _mark("")]
        return bool(self._run(_CHANGE, [_TOUCHED, _mark(key)], words))


def _mark(key: str) -> str:
    return f"{_ROOT}:mark:{key.encode('utf-8', 'replace').decode()}"


def _read(fields: Sequence[bytes | None]) -> Mark:
    state, by, note, at = ((value or b"").decode("utf-8", "replace") for value in fields)
    try:
        return Mark(HandOffState(state), by, note, float(at))
    except ValueError as error:
        raise PartUnavailable(
            f"A mark of the operators' queue cannot be read ({error}); update Colloquy, or restore the memory from a "
            "backup."
        ) from error
