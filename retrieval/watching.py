"""Following a folder: what is new, changed, renamed or gone in it becomes so in a knowledge base."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from domain.errors import PartUnavailable
from domain.protocols import Index
from retrieval.ingestion import ingest_changes, visible_files
from retrieval.readers.files import Origin

Signature = tuple[int, ...]
"""Size, times of the last change of contents and of rights or name, and which file it is."""


class ChangeKind(Enum):
    """What happened."""

    ADDED = "new"
    CHANGED = "changed"
    REMOVED = "gone"
    SKIPPED = "skipped"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that happened: to which file or folder, and, where something did not work, why."""

    kind: ChangeKind
    source: str
    reason: str = ""


class FolderWatch:
    """Looks at a folder again and again; polling needs nothing of the system and works on network drives.

    A file is taken once it has been the same for a whole interval, so never half-written; one that is gone is let go
    after as long, so that an editor may delete and write it anew. A file that cannot be read is told once and tried
    again when it, or anything else, changes; what is known of it stays. While the folder is missing or holds no file
    at all, as where a drive is not mounted, nothing is removed.
    """

    def __init__(
        self,
        folder: Path,
        index: Callable[[], Index],
        *,
        after: Callable[[], object] = lambda: None,
        interval_seconds: float = 2.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """``index`` gives the index to keep up to date, opened anew for each change; ``after`` is called after each,
        to compact it."""
        self._folder, self._index, self._after = folder, index, after
        self._interval, self._clock, self._sleep = interval_seconds, clock, sleep
        self._seen: dict[Path, tuple[Signature, float]] = {}
        self._missing: dict[Path, float] = {}
        self._taken: dict[Path, Signature] = {}
        self._refused: dict[str, tuple[Path, str]] = {}
        self._in_step = False
        self._told = ""

    def follow(self) -> Iterator[Change]:
        """What happens, as it happens, until the iterator is closed. Raises ``Misconfigured`` when the knowledge base
        is gone or cannot be opened."""
        while True:
            yield from self.look()
            self._sleep(self._interval)

    def look(self) -> list[Change]:
        """What has happened since the last look, taken over into the index."""
        if not self._folder.is_dir():
            return self._waiting("The folder is not there; nothing is removed, and it is followed once it is back.")
        files, unlisted = visible_files(self._folder)
        if not files and self._holds_something():
            return self._waiting(
                "The folder holds no file at all, as if a drive were not mounted; nothing is removed until a file is "
                "there again (if it is meant to be empty: colloquy ingest --prune)."
            )
        now = self._clock()
        self._note(files, now)
        changed = [path for path, (found, since) in self._seen.items() if self._is_due(path, found, now - since)]
        gone = [path for path, since in self._missing.items() if now - since >= self._interval]
        is_settled = all(now - since >= self._interval for _, since in self._seen.values())
        if not changed and not gone and (self._in_step or not is_settled):
            return []
        return self._taken_over(changed, gone, unlisted)

    def _note(self, files: Sequence[Path], now: float) -> None:
        """What is there now, and since when it has been so."""
        found = {path: _signature(path) for path in files}
        before, self._seen = self._seen, {}
        for path, signature in found.items():
            known = before.get(path)
            self._seen[path] = known if known is not None and known[0] == signature else (signature, now)
        known_paths = before.keys() | self._missing.keys()
        self._missing = {path: self._missing.get(path, now) for path in known_paths if path not in found}

    def _is_due(self, path: Path, found: Signature, unchanged_seconds: float) -> bool:
        return self._taken.get(path) != found and unchanged_seconds >= self._interval

    def _taken_over(self, changed: list[Path], gone: list[Path], unlisted: Sequence[str]) -> list[Change]:
        """``changed`` and ``gone`` in the index; when it cannot be written to, the next look tries again."""
        again = [path for path, _ in self._refused.values() if path in self._seen and path not in changed]
        waiting = self._missing.keys() - set(gone)
        present = {self._source(path) for path in (*self._seen, *waiting)} | set(unlisted)
        try:
            done = ingest_changes(self._folder, [*changed, *again], present, self._index())
        except (PartUnavailable, OSError) as error:
            return self._waiting(str(error))
        for path in gone:
            self._missing.pop(path)
            self._taken.pop(path, None)
        self._taken |= {path: self._seen[path][0] for path in changed}
        self._in_step, self._told = True, ""
        kinds = ((ChangeKind.ADDED, done.added), (ChangeKind.CHANGED, done.changed), (ChangeKind.REMOVED, done.removed))
        happened = [Change(kind, source) for kind, sources in kinds for source in sources]
        return happened + self._newly_refused(done.skipped, changed) + self._settled()

    def _settled(self) -> list[Change]:
        try:
            self._after()
        except PartUnavailable as error:  # what was taken over is in all the same
            return self._waiting(str(error))
        return []

    def _newly_refused(self, skipped: Sequence[tuple[str, str]], changed: Sequence[Path]) -> list[Change]:
        """Those to be told of: not the ones that were tried again and failed as before."""
        paths = {self._source(path): path for path in self._seen}
        before, tried = self._refused, {self._source(path) for path in changed}
        self._refused = {source: (paths[source], reason) for source, reason in skipped if source in paths}
        return [
            Change(ChangeKind.SKIPPED, source, reason)
            for source, reason in skipped
            if source in tried or before.get(source, (None, ""))[1] != reason
        ]

    def _holds_something(self) -> bool:
        if self._taken:
            return True
        try:
            name = self._folder.resolve().name
            return any(document.source.startswith(f"{name}/") for document in self._index().documents())
        except PartUnavailable:
            return True

    def _waiting(self, reason: str) -> list[Change]:
        """``reason``, if it was not told already."""
        told, self._told = self._told, reason
        return [] if told == reason else [Change(ChangeKind.WAITING, str(self._folder), reason)]

    def _source(self, path: Path) -> str:
        return Origin.of(path, self._folder).source


def _signature(path: Path) -> Signature:
    try:
        found = path.stat()
    except OSError as error:  # a link to nowhere, or no longer there: reading it will say so
        return (-1, error.errno or 0)
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
