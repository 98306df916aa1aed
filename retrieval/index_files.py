"""The trained index of a knowledge base on disk: a copy of what the catalogue says, made anew whenever in doubt.

Beside ``help.sqlite3`` lies ``help.index-7/`` with the index of generation 7, the ids and ``about.json``: whose it is,
how it was made, and the checksums of both files. Rows are never changed and their numbers never reused, so an index
stays right for later generations: what has come since is added over it, what has gone is passed over. The folder
appears whole, by one rename; anything that does not add up is not used.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from domain.errors import Misconfigured, PartUnavailable
from retrieval.dense_trained import TrainedIndex
from retrieval.index_spec import Metric, parse_spec

_ABOUT = "about.json"


@dataclass(frozen=True, slots=True)
class Owner:
    """Which catalogue an index belongs to: a file made anew, or by another encoder, is another owner."""

    created_at: str
    fingerprint: str
    dimension: int


class IndexFiles:
    """The saved indexes of one catalogue file."""

    def __init__(self, catalogue: Path) -> None:
        self._folder, self._stem = catalogue.parent, catalogue.stem

    def save(self, index: TrainedIndex, owner: Owner, generation: int) -> None:
        """Writes ``index`` as that of ``generation`` and removes older ones. Raises ``PartUnavailable`` when the disk
        is full or read-only; what was there before is still there then."""
        scratch = self._folder / f".{self._stem}.index.{os.getpid()}.{time.monotonic_ns()}"
        final = self._path(generation)
        try:
            scratch.mkdir()
            index.save(scratch)
            about = {
                "spec": str(index.spec),
                "metric": index.metric.value,
                "owner": [owner.created_at, owner.fingerprint, owner.dimension],
                "checksums": {path.name: _checksum(path) for path in sorted(scratch.iterdir())},
            }
            _write_through(scratch / _ABOUT, json.dumps(about, indent=2))
            if final.exists():
                shutil.rmtree(final)
            scratch.rename(final)
        except (OSError, RuntimeError) as error:
            shutil.rmtree(scratch, ignore_errors=True)
            raise PartUnavailable(
                f"The vector index {final} cannot be written ({_in_short(error)}); make room or give write "
                "permission. Searches go on without it, more slowly."
            ) from error
        self._remove_others(final)

    def load(self, owner: Owner) -> TrainedIndex | None:
        """The newest whole index of ``owner``; None when there is none."""
        for path in self._newest_first():
            with suppress(OSError, ValueError, KeyError, TypeError, Misconfigured):
                about = json.loads((path / _ABOUT).read_text("utf-8"))
                sums: dict[str, str] = about["checksums"]
                whole = all(_checksum(path / name) == known for name, known in sums.items())
                if whole and about["owner"] == [owner.created_at, owner.fingerprint, owner.dimension]:
                    return TrainedIndex.load(path, parse_spec(about["spec"]), Metric(about["metric"]))
        return None

    def remove(self) -> None:
        """Deletes all of them, and what a crash left half written."""
        self._remove_others(None)

    def _path(self, generation: int) -> Path:
        return self._folder / f"{self._stem}.index-{generation}"

    def _newest_first(self) -> Iterator[Path]:
        found = [path for path in self._folder.glob(f"{self._stem}.index-*") if path.name.rpartition("-")[2].isdigit()]
        yield from sorted(found, key=lambda path: int(path.name.rpartition("-")[2]), reverse=True)

    def _remove_others(self, kept: Path | None) -> None:
        left = [*self._newest_first(), *self._folder.glob(f".{self._stem}.index.*")]
        for path in left:
            if path != kept:
                shutil.rmtree(path, ignore_errors=True)


def _in_short(error: Exception) -> str:
    """FAISS puts the line of its source and the call before what happened."""
    return str(error).rpartition("failed: ")[2] if isinstance(error, RuntimeError) else str(error)


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


def _write_through(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
