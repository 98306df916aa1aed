"""One SQLite file opened well: durable, many readers, one writer, failures told in words."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

from domain.errors import ColloquyError, Misconfigured, PartUnavailable
from retrieval.base_files import name_of


class SqliteFile:
    """A small pool of connections to ``path``, shared by threads; each is used by one thread at a time."""

    def __init__(self, path: Path, *, busy_seconds: float = 10.0) -> None:
        """``busy_seconds``: how long a writer waits for another before ``PartUnavailable``."""
        self.path = path
        self._busy_seconds = busy_seconds
        self._idle: list[sqlite3.Connection] = []
        self._lock = Lock()
        self._closed = False

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection inside a read transaction: all its queries see the same moment."""
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection inside the one write transaction; committed at the end, undone by any exception."""
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def bare(self) -> Iterator[sqlite3.Connection]:
        """A connection outside any transaction, for what SQLite does in its own: ``VACUUM``, checkpoints."""
        with told_in_words(self.path, self._busy_seconds):
            connection = connect(self.path, self._busy_seconds, "rw")
            try:
                yield connection
            finally:
                connection.close()

    def close(self) -> None:
        """Close the idle connections; those in use close when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with told_in_words(self.path, self._busy_seconds):
            connection = self._take()
            try:
                connection.execute(begin)
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                connection.close()  # rolls back; a connection that failed once is not used again
                raise
            self._give(connection)

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        if not self.path.is_file():
            raise gone(self.path)
        return connect(self.path, self._busy_seconds, "rw")

    def _give(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()


def connect(path: Path, busy_seconds: float, mode: str) -> sqlite3.Connection:
    """A connection whose commits are on disk when they return; ``mode`` ``rw``, or ``rwc`` to create the file."""
    name = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite3.connect(name, uri=True, timeout=busy_seconds, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def gone(path: Path) -> PartUnavailable:
    """What is said when the file is not there any more."""
    return PartUnavailable(f"The index file {path} is gone; ingest its documents again.")


@contextmanager
def told_in_words(path: Path, busy_seconds: float) -> Iterator[None]:
    """Turn SQLite's failures inside into ``PartUnavailable`` (busy, full disk) or ``Misconfigured`` (damage)."""
    try:
        yield
    except ColloquyError:
        raise
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise PartUnavailable(
                f"Another process has been writing to {path} for more than {busy_seconds:g} s; try again when its "
                "ingestion has finished."
            ) from error
        if "no such table" in str(error):
            raise _damaged(path, error) from error
        raise PartUnavailable(f"The index file {path} cannot be used now ({error}); check disk and rights.") from error
    except sqlite3.IntegrityError:
        raise
    except sqlite3.DatabaseError as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> Misconfigured:
    return Misconfigured(
        f"The index file {path} is damaged or not a knowledge base ({error}); put back a copy, or rebuild it: "
        f"colloquy ingest --rebuild --kb {name_of(path)} PATH…"
    )
