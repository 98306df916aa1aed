"""The queue of hand-offs in Redis, for whatever runs Lua there: ``RedisConversationStore.run_script`` does.

Keys, all in one cluster slot, with R = ``colloquy:v1:{hand-offs}``:

    R:put          sorted set: id by the time it was put (µs)
    R:done         sorted set: id by the time it was done (µs)
    R:item:ID      hash: entry (JSON, as it was put), state, taken_by, taken_at, done_at, delivery, delivery_error

Each change is one script: it happens whole or not at all, and the server orders what comes at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from collections.abc import Sequence as SequenceOf
from dataclasses import replace
from typing import Any

from domain.errors import PartUnavailable
from domain.hand_off import Delivery, HandOff, HandOffState
from memory.hand_off_queue import CAPACITY, checked_capacity, decode_item, encode_item, full

RunScript = Callable[[str, SequenceOf[str], SequenceOf[str | bytes | int | float]], Any]
"""(Lua, keys, arguments) -> the server's reply; raises ``PartUnavailable`` when it does not answer."""

_ROOT = "colloquy:v1:{hand-offs}"
_PUT, _DONE = f"{_ROOT}:put", f"{_ROOT}:done"
_FULL = -1

_STORE = """
-- KEYS: put, done, item. ARGV: id, entry, delivery, capacity, prefix of items
if redis.call('EXISTS', KEYS[3]) == 1 then return 0 end
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[4]) then
  local oldest = redis.call('ZRANGE', KEYS[2], 0, 0)[1]
  if not oldest then return -1 end
  redis.call('DEL', ARGV[5] .. oldest)
  redis.call('ZREM', KEYS[1], oldest)
  redis.call('ZREM', KEYS[2], oldest)
end
local clock = redis.call('TIME')
redis.call('HSET', KEYS[3], 'entry', ARGV[2], 'state', 'open', 'delivery', ARGV[3])
redis.call('ZADD', KEYS[1], string.format('%.0f', clock[1] * 1000000 + clock[2]), ARGV[1])
return 1
"""

_TAKE = """
-- KEYS: item. ARGV: who, when
if redis.call('HGET', KEYS[1], 'state') ~= 'open' then return 0 end
redis.call('HSET', KEYS[1], 'state', 'taken', 'taken_by', ARGV[1], 'taken_at', ARGV[2])
return 1
"""

_FINISH = """
-- KEYS: item, done. ARGV: id, when
local state = redis.call('HGET', KEYS[1], 'state')
if not state or state == 'done' then return 0 end
redis.call('HSET', KEYS[1], 'state', 'done', 'done_at', ARGV[2])
local clock = redis.call('TIME')
redis.call('ZADD', KEYS[2], string.format('%.0f', clock[1] * 1000000 + clock[2]), ARGV[1])
return 1
"""

_DELIVERY = """
-- KEYS: item. ARGV: delivery, error
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[1], 'delivery', ARGV[1], 'delivery_error', ARGV[2])
end
"""

_LIST = """
-- KEYS: put. ARGV: prefix of items
local found = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  table.insert(found, redis.call('HGETALL', ARGV[1] .. id))
end
return found
"""

_FORGET = """
-- KEYS: put, done. ARGV: prefix of items, then ids
local count = 0
for i = 2, #ARGV do
  count = count + redis.call('DEL', ARGV[1] .. ARGV[i])
  redis.call('ZREM', KEYS[1], ARGV[i])
  redis.call('ZREM', KEYS[2], ARGV[i])
end
return count
"""

_GET = "return redis.call('HGETALL', KEYS[1])"


class RedisHandOffDesk:
    """A ``HandOffDesk`` in Redis. ``now``: Unix seconds, for the times that people see."""

    def __init__(self, run: RunScript, capacity: int = CAPACITY, now: Callable[[], float] = time.time) -> None:
        self._run, self._capacity, self._now = run, checked_capacity(capacity), now

    @property
    def capacity(self) -> int:
        return self._capacity

    def put(self, item: HandOff) -> None:
        """Stores ``item``; once this returns it is kept."""
        words: list[str | bytes | int | float] = [
            item.id,
            encode_item(item),
            item.delivery.value,
            self._capacity,
            _item(""),
        ]
        if self._run(_STORE, [_PUT, _DONE, _item(item.id)], words) == _FULL:
            raise full(self._capacity)

    def get(self, item_id: str) -> HandOff | None:
        """The entry of that id, or None."""
        row = self._run(_GET, [_item(item_id)], [])
        return _read(row) if row else None

    def list(self, state: HandOffState | None = None) -> SequenceOf[HandOff]:
        """Oldest first, of one state or of all."""
        rows = self._run(_LIST, [_PUT], [_item("")])
        items = [_read(row) for row in rows if row]
        return [one for one in items if state is None or one.state is state]

    def take(self, item_id: str, by: str) -> bool:
        """Moves an open entry to taken; False for one that is not open."""
        return bool(self._run(_TAKE, [_item(item_id)], [by.encode("utf-8", "replace"), repr(self._now())]))

    def finish(self, item_id: str) -> bool:
        """Moves an open or taken entry to done; False for one that is done or unknown."""
        return bool(self._run(_FINISH, [_item(item_id), _DONE], [item_id, repr(self._now())]))

    def record_delivery(self, item_id: str, delivery: Delivery, error: str = "") -> None:
        """Notes what became of the webhook's message; an unknown id stays unknown."""
        self._run(_DELIVERY, [_item(item_id)], [delivery.value, error.encode("utf-8", "replace")])

    def forget(self, owner_hash: str) -> int:
        """Takes out every entry of one owner; how many there were."""
        theirs = [one.id for one in self.list() if one.owner_hash == owner_hash]
        return int(self._run(_FORGET, [_PUT, _DONE], [_item(""), *theirs])) if theirs else 0


def _item(item_id: str) -> str:
    return f"{_ROOT}:item:{item_id}"


def _read(row: SequenceOf[bytes]) -> HandOff:
    """An entry with what has happened to it since it was put."""
    fields: Mapping[str, bytes] = {name.decode(): value for name, value in zip(row[::2], row[1::2], strict=True)}
    try:
        return replace(
            decode_item(fields["entry"]),
            state=HandOffState(fields["state"].decode()),
            taken_by=fields.get("taken_by", b"").decode("utf-8", "replace"),
            taken_at=float(fields.get("taken_at", b"0")),
            done_at=float(fields.get("done_at", b"0")),
            delivery=Delivery(fields["delivery"].decode()),
            delivery_error=fields.get("delivery_error", b"").decode("utf-8", "replace"),
        )
    except (KeyError, ValueError) as error:
        raise PartUnavailable(
            f"An entry of the hand-off queue cannot be read ({error}); update Colloquy, or restore the memory from a "
            "backup."
        ) from error
