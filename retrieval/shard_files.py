"""The folder of a sharded ingestion: a plan, and a file a shard that is first cut and then embedded.

``plan.json`` says what the shards are of, ``cut.json`` how many there are once all are cut. ``00017.cut`` holds the
documents of a shard with their passages, ``00017.npz`` the same with their vectors. Every file appears whole, by one
rename, so that whatever is there under its name is finished; ``00017.npz`` carries a checksum of what is in it.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import json
import os
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
import numpy.typing as npt

from domain.errors import Misconfigured, PartUnavailable
from domain.passage import Document, Passage
from retrieval.base_files import sync_folder
from retrieval.encoders import unit
from retrieval.prepared import PreparedDocument

Matrix = npt.NDArray[np.float32]
Precision = Literal["float16", "float32"]

_PLAN, _CUT, _LOCK = "plan.json", "cut.json", "lock"
_FAST = 1  # gzip level: the files live for one ingestion, and text packs to a third at any level


@dataclass(frozen=True, slots=True)
class ShardPlan:
    """What a folder of shards is made of; shards of another plan are never taken for one's own.

    ``contents`` is a digest of the source files and of the way they are cut; ``fingerprint`` and ``dimension`` are
    the encoder's; a shard is closed at the first document that brings it to ``passages_per_shard``.
    """

    contents: str
    passages_per_shard: int
    fingerprint: str
    dimension: int
    precision: Precision = "float16"


@dataclass(frozen=True, slots=True)
class Shard:
    """Documents in reading order and the vectors (n, D) of all their passages."""

    documents: tuple[PreparedDocument, ...]
    vectors: Matrix


class ShardFolder:
    """One sharded ingestion on disk. Several processes may embed different shards of it at once, on several machines
    if they all see the folder."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def held(self, plan: ShardPlan) -> Iterator[None]:
        """Makes the folder for ``plan``, or checks that it is of that plan, and keeps other runs out meanwhile.

        Raises ``Misconfigured`` for another plan, ``PartUnavailable`` while another run has it or it cannot be written.
        """
        with self._written():
            self.path.mkdir(parents=True, exist_ok=True)
            lock = (self.path / _LOCK).open("a")
        with lock:
            self._lock(lock.fileno())
            self._begin(plan)
            yield

    @property
    def plan(self) -> ShardPlan:
        """Raises ``Misconfigured`` where there is none that can be read."""
        try:
            return ShardPlan(**json.loads((self.path / _PLAN).read_text("utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise Misconfigured(f"The folder {self.path} holds no shards ({error}); name another.") from error

    @property
    def count(self) -> int | None:
        """How many shards there are; None while they are not all cut."""
        with suppress(FileNotFoundError):
            return int(json.loads((self.path / _CUT).read_text("utf-8"))["shards"])
        return None

    @property
    def skipped(self) -> tuple[tuple[str, str], ...]:
        """What cutting could not read: (source, reason)."""
        with suppress(FileNotFoundError):
            told = json.loads((self.path / _CUT).read_text("utf-8"))["skipped"]
            return tuple((str(source), str(reason)) for source, reason in told)
        return ()

    def finish_cutting(self, count: int, skipped: Sequence[tuple[str, str]]) -> None:
        told = json.dumps({"shards": count, "skipped": list(skipped)})
        self._write(_CUT, lambda file: file.write(told.encode("utf-8", "surrogatepass")))

    def is_cut(self, number: int) -> bool:
        return (self.path / f"{number:05}.cut").is_file() or self.is_embedded(number)

    def is_embedded(self, number: int) -> bool:
        return (self.path / f"{number:05}.npz").is_file()

    def write_cut(self, number: int, documents: Sequence[PreparedDocument]) -> None:
        self._write(f"{number:05}.cut", lambda file: file.write(_packed(documents)))

    def read_cut(self, number: int) -> tuple[PreparedDocument, ...]:
        """Raises ``Misconfigured`` when the file is damaged or gone."""
        with self._readable(number, ".cut") as path:
            return _unpacked(path.read_bytes())

    def write_embedded(self, number: int, documents: Sequence[PreparedDocument], vectors: Matrix) -> None:
        """The finished shard; its cut goes."""
        packed = np.frombuffer(_packed(documents), dtype=np.uint8)
        kept = np.ascontiguousarray(vectors, dtype=self.plan.precision)
        digest = _digest(packed, kept)
        self._write(f"{number:05}.npz", lambda file: np.savez(file, documents=packed, vectors=kept, digest=digest))
        (self.path / f"{number:05}.cut").unlink(missing_ok=True)

    def read_embedded(self, number: int) -> Shard:
        """Raises ``Misconfigured`` when the file is damaged or gone."""
        with self._readable(number, ".npz") as path, np.load(path, allow_pickle=False) as stored:
            packed, vectors = stored["documents"], stored["vectors"]
            if not np.array_equal(stored["digest"], _digest(packed, vectors)):
                raise ValueError("its checksum does not fit")
            whole = vectors if vectors.dtype == np.float32 else unit(vectors)  # 16 bits are up to 1e-4 off length one
            return Shard(_unpacked(packed.tobytes()), whole)

    def _lock(self, handle: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise PartUnavailable(
                f"Another ingestion is working in {self.path}; wait for its end or name another folder."
            ) from error

    def _begin(self, plan: ShardPlan) -> None:
        if not (self.path / _PLAN).exists():
            self._write(_PLAN, lambda file: file.write(json.dumps(asdict(plan), indent=2).encode()))
        there = self.plan
        if there != plan:
            differs = next(
                field.name for field in fields(plan) if getattr(plan, field.name) != getattr(there, field.name)
            )
            raise Misconfigured(
                f"The shards in {self.path} were begun with {differs} {getattr(there, differs)!r} and are asked for "
                f"with {getattr(plan, differs)!r}; go on as they were begun, or name another folder."
            )
        for left in self.path.glob(".*.part"):  # what a killed run was writing
            left.unlink(missing_ok=True)

    def _write(self, name: str, write: Callable[[BinaryIO], object]) -> None:
        scratch = self.path / f".{name}.{os.getpid()}.{time.monotonic_ns()}.part"
        with self._written():
            try:
                with scratch.open("wb") as file:
                    write(file)
                    file.flush()
                    os.fsync(file.fileno())
                scratch.rename(self.path / name)
            finally:
                scratch.unlink(missing_ok=True)
            sync_folder(self.path)

    @contextmanager
    def _written(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise PartUnavailable(
                f"The shards in {self.path} cannot be written ({error.strerror or error}); make room or give write "
                "permission and start again: what is finished stays."
            ) from error

    @contextmanager
    def _readable(self, number: int, suffix: str) -> Iterator[Path]:
        path = self.path / f"{number:05}{suffix}"
        try:
            yield path
        except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error, zipfile.BadZipFile) as error:
            raise Misconfigured(
                f"The shard {path} is damaged or gone ({error}); delete it and {self.path / _CUT}, and start again: "
                "only what is missing is made anew."
            ) from error


def _digest(packed: npt.NDArray[np.uint8], vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.uint8]:
    digest = hashlib.blake2b(packed.tobytes(), digest_size=32)
    digest.update(f"{vectors.dtype} {vectors.shape}".encode())
    digest.update(vectors.tobytes())
    return np.frombuffer(digest.digest(), dtype=np.uint8)


def _packed(documents: Sequence[PreparedDocument]) -> bytes:
    lines = (json.dumps(asdict(document), ensure_ascii=False) + "\n" for document in documents)
    return gzip.compress("".join(lines).encode("utf-8", "surrogatepass"), _FAST, mtime=0)


def _unpacked(data: bytes) -> tuple[PreparedDocument, ...]:
    lines = gzip.decompress(data).decode("utf-8", "surrogatepass").split("\n")
    return tuple(_document(json.loads(line)) for line in lines if line)


def _document(row: dict[str, object]) -> PreparedDocument:
    values: dict[str, object] = row["document"]  # type: ignore[assignment]
    passages: list[dict[str, object]] = row["passages"]  # type: ignore[assignment]
    cut = tuple(Passage(**_tuples(passage)) for passage in passages)  # type: ignore[arg-type]
    return PreparedDocument(Document(**values), str(row["text"]), cut, str(row["content_hash"]))  # type: ignore[arg-type]


def _tuples(row: dict[str, object]) -> dict[str, object]:
    """JSON knows lists only."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
