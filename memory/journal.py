"""Turns that wait on this machine for the memory to come back: a bounded file for each process, written to the disk
before a turn counts as waiting.

A file is a line for each event, ``+ CHECKSUM JSON`` for a turn that waits and ``- CHECKSUM NUMBER`` for one that has
been stored since. A line that a crash cut short fails its checksum and is passed over: nobody was told of it. Each
process holds a lock on its own file; the kernel lets go of it however the process ends, and whoever finds a file
without a holder takes its turns over.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import threading
import uuid
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from domain.conversation import Turn
from domain.errors import Misconfigured, PartUnavailable, QuestionRejected
from memory.codec import decode_turn

_SUFFIX = ".journal"
_log = logging.getLogger(__name__)

Store = Callable[[str, str, Turn], None]
"""(owner, conversation id, turn); raises ``PartUnavailable`` while memory is down."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One turn that waits, as it was written down. ``number`` is its place in its file, from 0."""

    number: int
    owner: str
    conversation_id: str
    turn: bytes


class Journal:
    """The turns that this process could not store, at most ``max_turns`` of ``max_bytes`` together, in ``folder``.

    Safe for several threads and processes. The file is made with the first turn and goes with the last.
    """

    def __init__(self, folder: Path, max_turns: int, max_bytes: int) -> None:
        """Raises ``Misconfigured`` for a bound below one."""
        if min(max_turns, max_bytes) < 1:
            raise Misconfigured(f"The journal may hold {max_turns} turns of {max_bytes} bytes; give at least 1 each.")
        self._folder, self._max_turns, self._max_bytes = folder, max_turns, max_bytes
        self._path = folder / f"{os.getpid()}-{uuid.uuid4().hex[:8]}{_SUFFIX}"
        self._file: int | None = None
        self._entries: list[Waiting] = []
        self._count = 0  # of the entries in the file, the stored ones included
        self._lock, self._replaying = threading.Lock(), threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, owner: str, conversation_id: str, encoded: bytes) -> None:
        """Writes a turn down; once this returns it survives a crash. Raises ``PartUnavailable`` where there is no
        room or the disk refuses."""
        with self._lock:
            size = sum(len(one.turn) for one in self._entries) + len(encoded)
            if len(self._entries) >= self._max_turns or size > self._max_bytes:
                raise PartUnavailable(
                    f"{len(self._entries):,} turns wait for the conversation memory and no more fit (at most "
                    f"{self._max_turns:,} of {self._max_bytes:,} bytes); bring the Redis server back."
                )
            entry = Waiting(self._count, owner, conversation_id, encoded)
            self._write(_line_of(entry))
            self._entries.append(entry)
            self._count += 1

    def waiting(self, owner: str, conversation_id: str) -> tuple[Turn, ...]:
        """The turns of one conversation that wait, oldest first."""
        with self._lock:
            theirs = [one for one in self._entries if (one.owner, one.conversation_id) == (owner, conversation_id)]
        return tuple(decode_turn(one.turn) for one in theirs)

    def replay(self, store: Store, patience_seconds: float = -1) -> int:
        """Stores what waits, oldest first, in this process's file and in those that nobody holds any more; how many
        turns that were. Raises ``PartUnavailable`` as ``store`` does, and goes on there the next time; also when
        another thread is still at it after ``patience_seconds`` (-1: however long that takes)."""
        if not self._replaying.acquire(timeout=patience_seconds):
            raise PartUnavailable("The turns that waited for the memory are just being stored; try again in a moment.")
        try:
            count = sum(self._adopt(path, store) for path in self._orphans())
            while (entry := self._first()) is not None:
                _store(entry, store)  # nobody waits for the lock meanwhile: a store that is down takes its time
                self._done(entry)
                count += 1
            return count
        finally:
            self._replaying.release()

    def close(self) -> None:
        """Lets the file go; what still waits in it is taken over by the next process."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _orphans(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        mine = self._path.name
        return sorted((p for p in self._folder.glob(f"*{_SUFFIX}") if p.name != mine), key=lambda p: p.stat().st_mtime)

    def _adopt(self, path: Path, store: Store) -> int:
        try:
            file = os.open(path, os.O_RDWR | os.O_APPEND)
        except FileNotFoundError:  # another process was quicker
            return 0
        try:
            if not _locked(file) or not path.exists():
                return 0
            entries = read_journal(path)
            if not all(map(_readable, entries)):
                _log.warning("%s was written by a newer Colloquy and is left for it; update Colloquy.", path)
                return 0
            for entry in entries:
                _store(entry, store)
                os.write(file, _mark_of(entry.number))
            path.unlink(missing_ok=True)
            return len(entries)
        finally:
            os.close(file)

    def _write(self, line: bytes) -> None:
        try:
            if self._file is None:
                self._file = self._opened()
            end = os.fstat(self._file).st_size
            try:
                if os.write(self._file, line) != len(line):
                    raise OSError("the disk took only a part of it")
                os.fsync(self._file)
            except OSError:
                os.ftruncate(self._file, end)
                raise
        except OSError as error:
            raise PartUnavailable(
                f"The conversation memory is down and the turn cannot wait in {self._folder} ({error}); make room "
                "there, or bring the Redis server back."
            ) from error

    def _opened(self) -> int:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            fcntl.flock(file, fcntl.LOCK_EX)
            if self._path.exists():
                break
            os.close(file)  # another process took the empty file for a dead one's, and removed it
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)  # so that the file's name survives, too
        finally:
            os.close(folder)
        return file

    def _first(self) -> Waiting | None:
        with self._lock:
            return self._entries[0] if self._entries else None

    def _done(self, entry: Waiting) -> None:
        """The mark is not forced to the disk: should the machine lose it, the turn is stored again, which changes
        nothing. With the last turn the file goes."""
        with self._lock:
            self._entries.pop(0)
            if self._file is None:
                return
            if self._entries:
                os.write(self._file, _mark_of(entry.number))
                return
            self._path.unlink(missing_ok=True)
            os.close(self._file)
            self._file, self._count = None, 0


def read_journal(path: Path) -> list[Waiting]:
    """The turns that wait in the file at ``path``, oldest first; damaged lines are passed over, and said in the log."""
    waiting: dict[int, Waiting] = {}
    for line in path.read_bytes().split(b"\n"):
        kind, _, rest = line.partition(b" ")
        checksum, _, body = rest.partition(b" ")
        if not line:
            continue
        if checksum != _checksum(body):
            _log.warning("A line of %s cannot be read and is passed over; it was being written in a crash.", path)
        elif kind == b"-":
            waiting.pop(int(body), None)
        else:
            number, owner, conversation_id, turn = json.loads(body)
            waiting[number] = Waiting(number, owner, conversation_id, turn.encode())
    return [waiting[number] for number in sorted(waiting)]


def _readable(entry: Waiting) -> bool:
    try:
        decode_turn(entry.turn)
    except PartUnavailable:
        return False
    return True


def _store(entry: Waiting, store: Store) -> None:
    try:
        store(entry.owner, entry.conversation_id, decode_turn(entry.turn))
    except QuestionRejected as error:  # the limits were lowered meanwhile
        _log.warning("A turn that waited for the memory is not stored: %s", error)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _line_of(entry: Waiting) -> bytes:
    body = json.dumps([entry.number, entry.owner, entry.conversation_id, entry.turn.decode()]).encode()
    return b"+ %s %s\n" % (_checksum(body), body)


def _mark_of(number: int) -> bytes:
    body = str(number).encode()
    return b"- %s %s\n" % (_checksum(body), body)


def _checksum(body: bytes) -> bytes:
    return f"{zlib.crc32(body):08x}".encode()
