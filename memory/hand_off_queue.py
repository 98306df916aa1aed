"""The queue of questions that wait for a person: how an entry is written down, and the plainest desk that keeps it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from collections.abc import Sequence as SequenceOf
from dataclasses import replace

from pydantic import TypeAdapter, ValidationError

from domain.errors import Misconfigured, PartUnavailable
from domain.hand_off import Delivery, HandOff, HandOffState

CAPACITY = 1000
"""Entries kept by default: weeks of work for a small team, and about a megabyte."""

_ITEM = TypeAdapter(HandOff)


class InMemoryHandOffDesk:
    """A ``HandOffDesk`` that dies with the process; the oracle of the contract suite. ``now``: Unix seconds."""

    def __init__(self, capacity: int = CAPACITY, now: Callable[[], float] = time.time) -> None:
        self._capacity, self._now = checked_capacity(capacity), now
        self._items: dict[str, HandOff] = {}  # in the order they were put
        self._lock = threading.Lock()

    @property
    def capacity(self) -> int:
        return self._capacity

    def put(self, item: HandOff) -> None:
        """Stores ``item``; once this returns it is kept."""
        kept = decode_item(encode_item(item))
        with self._lock:
            if item.id in self._items:
                return
            if len(self._items) >= self._capacity:
                self._drop_oldest_done()
            self._items[item.id] = kept

    def get(self, item_id: str) -> HandOff | None:
        """The entry of that id, or None."""
        with self._lock:
            return self._items.get(item_id)

    def list(self, state: HandOffState | None = None) -> SequenceOf[HandOff]:
        """Oldest first, of one state or of all."""
        with self._lock:
            return [one for one in self._items.values() if state is None or one.state is state]

    def take(self, item_id: str, by: str) -> bool:
        """Moves an open entry to taken; False for one that is not open."""
        with self._lock:
            item = self._items.get(item_id)
            if item is None or item.state is not HandOffState.OPEN:
                return False
            self._items[item_id] = replace(item, state=HandOffState.TAKEN, taken_by=by, taken_at=self._now())
            return True

    def finish(self, item_id: str) -> bool:
        """Moves an open or taken entry to done; False for one that is done or unknown."""
        with self._lock:
            item = self._items.get(item_id)
            if item is None or item.state is HandOffState.DONE:
                return False
            self._items[item_id] = replace(item, state=HandOffState.DONE, done_at=self._now())
            return True

    def record_delivery(self, item_id: str, delivery: Delivery, error: str = "") -> None:
        """Notes what became of the webhook's message; an unknown id stays unknown."""
        with self._lock:
            if (item := self._items.get(item_id)) is not None:
                self._items[item_id] = replace(item, delivery=delivery, delivery_error=error)

    def forget(self, owner_hash: str) -> int:
        """Takes out every entry of one owner; how many there were."""
        with self._lock:
            theirs = [one.id for one in self._items.values() if one.owner_hash == owner_hash]
            for item_id in theirs:
                del self._items[item_id]
            return len(theirs)

    def _drop_oldest_done(self) -> None:
        done = [one for one in self._items.values() if one.state is HandOffState.DONE]
        if not done:
            raise full(self._capacity)
        del self._items[min(done, key=lambda one: one.done_at).id]


def checked_capacity(capacity: int) -> int:
    """``capacity`` unchanged. Raises ``Misconfigured`` when it is below one."""
    if capacity < 1:
        raise Misconfigured(f"The queue of hand-offs has a capacity of {capacity}; give at least 1.")
    return capacity


def full(capacity: int) -> PartUnavailable:
    """What ``put`` raises when all ``capacity`` entries still wait for a person."""
    return PartUnavailable(
        f"The queue of hand-offs holds {capacity:,} entries that nobody has done; finish some with `colloquy handoffs "
        "done`, then pass the question on again."
    )


def encode_item(item: HandOff) -> bytes:
    """``item`` as UTF-8 JSON. A lone surrogate, which UTF-8 cannot hold, becomes ``?``."""
    text = json.dumps(_ITEM.dump_python(item), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", errors="replace")


def decode_item(data: bytes) -> HandOff:
    """The entry in ``data``; fields of a newer Colloquy are passed over. Raises ``PartUnavailable`` for none."""
    try:
        return _ITEM.validate_python(json.loads(data))
    except (ValueError, ValidationError) as error:
        start = data[:60].decode("utf-8", errors="replace")
        raise PartUnavailable(
            f"An entry of the hand-off queue cannot be read; it begins {start!r}. Restore the memory from a backup."
        ) from error
