"""Who may change a knowledge base: many writers of single documents, or one who replaces all of it."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from domain.errors import PartUnavailable

_POLL_SECONDS = 0.02


class WriteLock:
    """A lock on a file of its own, over threads and processes; the kernel releases it however its holder ends.

    Writers of documents hold it together (SQLite lets one of them in at a time); whoever replaces or removes the
    whole knowledge base holds it alone. It must not be the catalogue itself: SQLite's own locks on a file are lost
    when any other handle of the process on it is closed.
    """

    def __init__(self, path: Path, busy_seconds: float) -> None:
        """``busy_seconds``: how long to wait before ``PartUnavailable``."""
        self._path, self._busy_seconds = path, busy_seconds

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Held together with other writers. Raises ``PartUnavailable`` while it is held alone for too long."""
        with self._held(fcntl.LOCK_SH, "is being rebuilt or removed"):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Held by nobody else. Raises ``PartUnavailable`` while others hold it for too long."""
        with self._held(fcntl.LOCK_EX, "is being written to"):
            yield

    def remove(self) -> None:
        """Deletes the file; by its holder alone. Whoever waits for it makes another."""
        self._path.unlink(missing_ok=True)

    @contextmanager
    def _held(self, kind: int, why_not: str) -> Iterator[None]:
        deadline = time.monotonic() + self._busy_seconds
        while (handle := self._taken(kind)) is None:
            if time.monotonic() >= deadline:
                raise PartUnavailable(
                    f"The knowledge base {self._path.stem!r} {why_not} by another process for more than "
                    f"{self._busy_seconds:g} s; nothing was changed, try again when that has finished."
                )
            time.sleep(_POLL_SECONDS)
        try:
            yield
        finally:
            os.close(handle)

    def _taken(self, kind: int) -> int | None:
        handle = self._opened()
        with suppress(BlockingIOError, FileNotFoundError):
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
            if os.fstat(handle).st_ino == self._path.stat().st_ino:  # else the file was removed by its last holder
                return handle
        os.close(handle)
        return None

    def _opened(self) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise PartUnavailable(
                f"The folder {self._path.parent} cannot be written to ({error.strerror}); make room or give write "
                "permission."
            ) from error
