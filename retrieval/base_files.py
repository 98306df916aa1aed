"""The files of one knowledge base: which of them is the live one, and how another takes its place.

``help.sqlite3`` is the first catalogue; one that was built beside it and put in its place is ``help.2.sqlite3``, and so
on: the highest number is the live one. A new name rather than the old one, because SQLite keeps a write-ahead log
beside each file and finds it by name: the log of the old file must never be met by the new one, nor the new one's be
deleted by a process that still has the old one open. Putting it in place is one rename; before it there is a scratch
file more, after it an old file more, and whatever a crash leaves of either is cleared by the next rebuild.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from domain.errors import PartUnavailable
from retrieval.write_lock import WriteLock

SUFFIX = ".sqlite3"
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")

_LIVE = re.compile(rf"({NAME.pattern})(?:\.(\d+))?{re.escape(SUFFIX)}")
_OURS = re.compile(
    rf"\.*({NAME.pattern})(?:\.(?:\d+|new|gone))?\."
    r"(?:sqlite3(?:\.\d+\.\d+)?(?:-wal|-shm|-journal)?|index-\d+|index\.\d+\.\d+)"
)
"""Every file that is ever made here, and no copy that somebody laid beside them."""

_LOOKS = 5  # a folder that changes while it is listed may hide a file; once more shows it


class BaseFiles:
    """The files of the knowledge base ``name`` in ``folder``, and the lock on them."""

    def __init__(self, folder: Path, name: str, busy_seconds: float) -> None:
        """``busy_seconds``: how long to wait for other writers before ``PartUnavailable``."""
        self._folder, self._name = folder, name
        self.lock = WriteLock(folder / f"{name}.lock", busy_seconds)

    @property
    def first(self) -> Path:
        """Where the first catalogue goes."""
        return self._folder / f"{self._name}{SUFFIX}"

    @property
    def scratch(self) -> Path:
        """Where another one is built beside it."""
        return self._folder / f".{self._name}.new{SUFFIX}"

    def live(self) -> tuple[Path, tuple[int, int]] | None:
        """The catalogue that counts, and which file (device, inode) it is; None when there is none."""
        for _ in range(_LOOKS):
            path = max(self._catalogues(), default=(0, None))[1]
            if path is None:
                return None
            with suppress(FileNotFoundError):  # replaced since it was listed
                status = path.stat()
                return path, (status.st_dev, status.st_ino)
        return None

    def clear(self, *, also_live: bool = False) -> None:
        """Deletes what crashes left: everything but the live catalogue, its log and its index, or those too. Only by
        the holder of the whole lock."""
        live = None if also_live else self.live()
        kept = live[0] if live else None
        for path in sorted(self._of_this_name(), key=_last_the_catalogue):
            if kept is None or not (path.name.startswith(kept.name) or path.name.startswith(f"{kept.stem}.index-")):
                _delete(path)

    def swap_in(self) -> Path:
        """Makes the closed scratch catalogue, with its index, the live one. Raises ``PartUnavailable`` when the folder
        cannot be written to; the old one is still the live one then."""
        log = self.scratch.with_name(f"{self.scratch.name}-wal")
        if log.exists() and log.stat().st_size:
            raise PartUnavailable(f"Something still has {self.scratch} open; end it and rebuild again.")
        highest = max(self._catalogues(), default=None)
        target = self.first if highest is None else self._folder / f"{self._name}.{highest[0] + 1}{SUFFIX}"
        try:
            for index in self._folder.glob(f"{self.scratch.stem}.index-*"):
                index.rename(index.with_name(target.stem + index.name.removeprefix(self.scratch.stem)))
            self.scratch.rename(target)
            sync_folder(self._folder)
        except OSError as error:
            raise PartUnavailable(
                f"The folder {self._folder} cannot be written to ({error.strerror}); make room or give write "
                "permission. The knowledge base is as it was."
            ) from error
        return target

    def remove(self) -> None:
        """Deletes everything. The live catalogue goes in one step, so that a crash leaves all of it or none."""
        self.clear()
        live = self.live()
        if live is not None:
            gone = self._folder / f".{self._name}.gone{SUFFIX}"
            live[0].rename(gone)
            sync_folder(self._folder)
        self.clear(also_live=True)
        self.lock.remove()

    def size_bytes(self) -> int:
        """What all of it takes on disk."""
        paths = (inner for path in self._of_this_name() for inner in ([path] if path.is_file() else path.rglob("*")))
        total = 0
        for path in paths:
            with suppress(FileNotFoundError):
                total += path.stat().st_size
        return total

    def _catalogues(self) -> Iterator[tuple[int, Path]]:
        """(number, path) of each catalogue in place."""
        for name in _listed(self._folder):
            found = _LIVE.fullmatch(name)
            if found and found[1] == self._name:
                yield int(found[2] or 1), self._folder / name

    def _of_this_name(self) -> list[Path]:
        matches = ((name, _OURS.fullmatch(name)) for name in _listed(self._folder))
        return [self._folder / name for name, found in matches if found and found[1] == self._name]


def names_in(folder: Path) -> list[str]:
    """The names of the knowledge bases in ``folder``, sorted."""
    return sorted({found[1] for name in _listed(folder) if (found := _LIVE.fullmatch(name))})


def name_of(path: Path) -> str:
    """The knowledge base that a file belongs to."""
    return path.name.removeprefix(".").partition(".")[0]


def sync_folder(folder: Path) -> None:
    """Returns when renames in ``folder`` are on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _listed(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _last_the_catalogue(path: Path) -> tuple[bool, str]:
    return path.name.endswith(SUFFIX), path.name


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
