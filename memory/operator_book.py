"""What operators write down, kept in memory: the plainest book, and what both books share."""

from __future__ import annotations

import heapq
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, replace

from pydantic import TypeAdapter, ValidationError

from domain.errors import PartUnavailable
from domain.hand_off import HandOffState
from domain.operating import AuditEntry, Mark

MARKS = 5000
"""Entries that are remembered: more than a queue of turns shows, and about a megabyte."""

ENTRIES = 2000
"""Changes in the audit: years of a knob turned once a day."""

TALLIES = 1000
"""Lines of what is only counted: a line for each person, deed and hour."""

LONGEST_NOTE = 2000
"""Characters of a note that are kept; what is longer is cut."""

_HOUR_SECONDS = 3600
_FIELDS = ("at", "by", "what", "old", "new", "count")
_ENTRY = TypeAdapter(AuditEntry)


class InMemoryOperatorBook:
    """An ``OperatorBook`` that dies with the process. ``now``: Unix seconds."""

    def __init__(self, now: Callable[[], float] = time.time, marks: int = MARKS, entries: int = ENTRIES) -> None:
        self._now, self._most = now, marks
        self._marks: dict[str, Mark] = {}  # the longest untouched first
        self._audit: deque[AuditEntry] = deque(maxlen=entries)
        self._settings: dict[str, str] = {}
        self._version = 0
        self._tallies: dict[bytes, AuditEntry] = {}  # the longest untouched first
        self._lock = threading.Lock()

    def take(self, key: str, by: str) -> bool:
        """Makes an open entry taken; False for one that is not open."""
        with self._lock:
            mark = self._marks.get(key, Mark())
            if mark.state is not HandOffState.OPEN:
                return False
            self._touch(key, replace(mark, state=HandOffState.TAKEN, by=by))
            return True

    def finish(self, key: str, by: str) -> bool:
        """Makes an entry done; False for one that is."""
        with self._lock:
            mark = self._marks.get(key, Mark())
            if mark.state is HandOffState.DONE:
                return False
            self._touch(key, replace(mark, state=HandOffState.DONE, by=by))
            return True

    def note(self, key: str, by: str, text: str) -> None:
        """Changes the note of an entry; its state stays."""
        with self._lock:
            mark = self._marks.get(key, Mark())
            self._touch(key, replace(mark, by=mark.by or by, note=text[:LONGEST_NOTE]))

    def marks(self) -> Mapping[str, Mark]:
        """Every entry that was touched."""
        with self._lock:
            return dict(self._marks)

    def record(self, entry: AuditEntry, setting: str = "") -> None:
        """Adds to the audit; with a ``setting`` its new value holds from now on."""
        with self._lock:
            self._audit.appendleft(entry)
            if setting:
                self._settings[setting] = entry.new
                self._version += 1

    def tally(self, entry: AuditEntry) -> None:
        """Counts an entry among those of its hour that are alike."""
        key = tally_key(entry)
        with self._lock:
            before = self._tallies.pop(key, replace(entry, count=0))
            self._tallies[key] = replace(entry, count=before.count + 1)
            while len(self._tallies) > TALLIES:
                del self._tallies[next(iter(self._tallies))]

    def version(self) -> int:
        """How often a setting was recorded."""
        with self._lock:
            return self._version

    def settings(self) -> Mapping[str, str]:
        """The latest value of each setting that was recorded."""
        with self._lock:
            return dict(self._settings)

    def audit(self, limit: int) -> Sequence[AuditEntry]:
        """At most ``limit`` changes and tallies, newest first."""
        with self._lock:
            tallies = sorted(self._tallies.values(), key=lambda one: -one.at)
            return merged(list(self._audit), tallies, limit)

    def _touch(self, key: str, mark: Mark) -> None:
        self._marks.pop(key, None)
        self._marks[key] = replace(mark, at=self._now())
        while len(self._marks) > self._most:
            del self._marks[next(iter(self._marks))]


def merged(changes: Iterable[AuditEntry], tallies: Iterable[AuditEntry], limit: int) -> Sequence[AuditEntry]:
    """Both, each newest first, as one list of at most ``limit``."""
    return list(heapq.merge(changes, tallies, key=lambda one: -one.at))[: max(0, limit)]


def tally_key(entry: AuditEntry) -> bytes:
    """What entries that are counted as one have in common, the hour included."""
    alike = [entry.by, entry.what, entry.old, entry.new, int(entry.at // _HOUR_SECONDS)]
    return json.dumps(alike, ensure_ascii=False).encode("utf-8", "replace")


def read_tally(key: bytes, at: bytes, count: bytes) -> AuditEntry:
    """The entry of ``tally_key``. Raises ``PartUnavailable`` for anything else."""
    try:
        by, what, old, new, _ = json.loads(key)
        return _ENTRY.validate_python(dict(zip(_FIELDS, (float(at), by, what, old, new, int(count)), strict=True)))
    except (ValueError, TypeError, ValidationError) as error:
        raise _unreadable(key) from error


def encode_entry(entry: AuditEntry) -> bytes:
    """``entry`` as UTF-8 JSON."""
    return json.dumps(asdict(entry), ensure_ascii=False).encode("utf-8", "replace")


def decode_entry(data: bytes) -> AuditEntry:
    """The inverse. Raises ``PartUnavailable`` for anything else."""
    try:
        return _ENTRY.validate_python(json.loads(data))
    except (ValueError, ValidationError) as error:
        raise _unreadable(data) from error


def _unreadable(data: bytes) -> PartUnavailable:
    return PartUnavailable(
        f"An entry of the operators' audit cannot be read; it begins {data[:60]!r}. Restore the memory from a backup."
    )
