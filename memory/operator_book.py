"""What operators write down, kept in memory: the plainest book, and what both books share."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace

from pydantic import TypeAdapter, ValidationError

from domain.errors import PartUnavailable
from domain.hand_off import HandOffState
from domain.operating import AuditEntry, Mark

MARKS = 5000
"""Entries that are remembered: more than a queue of turns shows, and about a megabyte."""

ENTRIES = 2000
"""Changes in the audit: years of a knob turned once a day."""

LONGEST_NOTE = 2000
"""Characters of a note that are kept; what is longer is cut."""

_ENTRY = TypeAdapter(AuditEntry)


class InMemoryOperatorBook:
    """An ``OperatorBook`` that dies with the process. ``now``: Unix seconds."""

    def __init__(self, now: Callable[[], float] = time.time, marks: int = MARKS, entries: int = ENTRIES) -> None:
        self._now, self._most = now, marks
        self._marks: dict[str, Mark] = {}  # the longest untouched first
        self._audit: deque[AuditEntry] = deque(maxlen=entries)
        self._settings: dict[str, str] = {}
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

    def settings(self) -> Mapping[str, str]:
        """The latest value of each setting that was recorded."""
        with self._lock:
            return dict(self._settings)

    def audit(self, limit: int) -> Sequence[AuditEntry]:
        """At most ``limit`` changes, newest first."""
        with self._lock:
            return list(self._audit)[:limit]

    def _touch(self, key: str, mark: Mark) -> None:
        self._marks.pop(key, None)
        self._marks[key] = replace(mark, at=self._now())
        while len(self._marks) > self._most:
            del self._marks[next(iter(self._marks))]


def encode_entry(entry: AuditEntry) -> bytes:
    """``entry`` as UTF-8 JSON."""
    return json.dumps(asdict(entry), ensure_ascii=False).encode("utf-8", "replace")


def decode_entry(data: bytes) -> AuditEntry:
    """The inverse. Raises ``PartUnavailable`` for anything else."""
    try:
        return _ENTRY.validate_python(json.loads(data))
    except (ValueError, ValidationError) as error:
        raise PartUnavailable(
            f"An entry of the operators' audit cannot be read; it begins {data[:60]!r}. Restore the memory from a "
            "backup."
        ) from error
