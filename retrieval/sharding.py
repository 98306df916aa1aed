"""Large collections, step by step: cut into shards, each embedded by itself, then loaded in order.

``cut`` streams the files once. ``embed`` gives the shards that are not finished to an engine: this process, several
processes, or a cluster (``retrieval.ray_embedding``). ``load`` puts the finished ones into a knowledge base. Each
step passes over what is done, so that a run killed at any instant goes on where it stopped, and none holds more than
a few shards in memory.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from domain.errors import DocumentRejected, Misconfigured, PartUnavailable
from domain.passage import Document, Passage
from domain.protocols import IngestReport, PassageEncoder
from retrieval.chunking import CHUNKING_VERSION
from retrieval.ingestion import IngestProgress, ingest, visible_files
from retrieval.prepared import PreparedDocument
from retrieval.processors import processors
from retrieval.shard_files import Precision, ShardFolder, ShardPlan

Matrix = npt.NDArray[np.float32]
EncoderMaker = Callable[[], PassageEncoder]
"""Makes an encoder where it is needed; what goes to other processes must be picklable (``functools.partial`` of a
function at the top of a module is)."""

PASSAGES_PER_SHARD = 20_000  # 15 MiB of vectors and 10 of packed text: some minutes of work, lost at most once
_TEXTS_AT_ONCE = 512  # as in ``retrieval.ingestion``: enough to sort by length
_DOCUMENTS_AT_ONCE = 256  # in one transaction of the catalogue


@dataclass(frozen=True, slots=True)
class ShardDone:
    """One shard was embedded, in ``seconds`` of one worker."""

    number: int
    passages: int
    seconds: float


class Engine(Protocol):
    """Embeds the shards ``numbers`` of ``folder`` and tells each as it is done, in any order."""

    def __call__(self, folder: Path, numbers: Sequence[int], make: EncoderMaker) -> Iterator[ShardDone]: ...


class LoadsDocuments(Protocol):
    """Of a knowledge base, what loading needs."""

    def put_many(self, documents: Sequence[PreparedDocument]) -> None: ...

    def content_hash(self, document_id: str) -> str | None: ...


def planned(
    paths: Sequence[Path],
    encoder: PassageEncoder,
    *,
    passages_per_shard: int = PASSAGES_PER_SHARD,
    precision: Precision = "float16",
) -> ShardPlan:
    """The plan for the files under ``paths``, which are read once for their digest.

    Raises ``Misconfigured`` for a path that does not exist or a shard of fewer than one passage.
    """
    if passages_per_shard < 1:
        raise Misconfigured(f"A shard of {passages_per_shard} passages cannot be; give 1 or more.")
    return ShardPlan(_contents(paths), passages_per_shard, encoder.fingerprint, encoder.dimension, precision)


def cut(
    paths: Sequence[Path], folder: ShardFolder, progress: Callable[[IngestProgress], None] | None = None
) -> IngestReport | None:
    """Reads and cuts the files under ``paths`` into the shards of ``folder``; None when that was done before.

    The files are streamed: no more than one shard is in memory. ``skipped`` of the report is what could not be read;
    of a file cut short, what was read is kept.
    """
    if folder.count is not None:
        return None
    cutter = _Cutter(folder, folder.plan.passages_per_shard)
    report = ingest(paths, cutter, progress=progress)
    folder.finish_cutting(cutter.close(), report.skipped)
    return report


def embed(folder: ShardFolder, make: EncoderMaker, engine: Engine) -> Iterator[ShardDone]:
    """Embeds what is cut and not embedded, and tells each shard as it is done."""
    open_numbers = [number for number in range(folder.count or 0) if not folder.is_embedded(number)]
    if open_numbers:
        yield from engine(folder.path, open_numbers, make)


def embed_shard(folder: ShardFolder, number: int, encoder: PassageEncoder) -> ShardDone:
    """Embeds one shard and writes it. Raises ``Misconfigured`` for another encoder than the plan names."""
    plan, started = folder.plan, time.monotonic()
    if (encoder.fingerprint, encoder.dimension) != (plan.fingerprint, plan.dimension):
        raise Misconfigured(
            f"The shards in {folder.path} are for the encoder {plan.fingerprint} and this is {encoder.fingerprint}; "
            "use that one, or name another folder."
        )
    documents = folder.read_cut(number)
    texts = [passage.searchable for document in documents for passage in document.passages]
    blocks = range(0, len(texts), _TEXTS_AT_ONCE)
    encoded = [np.asarray(encoder.encode_passages(texts[first : first + _TEXTS_AT_ONCE])) for first in blocks]
    empty = np.zeros((0, plan.dimension), dtype=np.float32)
    folder.write_embedded(number, documents, np.concatenate([empty, *encoded]))
    return ShardDone(number, len(texts), time.monotonic() - started)


def in_this_process(folder: Path, numbers: Sequence[int], make: EncoderMaker) -> Iterator[ShardDone]:
    """An engine: one shard after the other."""
    encoder, shards = make(), ShardFolder(folder)
    for number in numbers:
        yield embed_shard(shards, number, encoder)


def in_processes(workers: int) -> Engine:
    """An engine: ``workers`` processes, each with an encoder of its own and its share of the processors."""

    def engine(folder: Path, numbers: Sequence[int], make: EncoderMaker) -> Iterator[ShardDone]:
        threads = max(1, processors() // workers)
        with ProcessPoolExecutor(workers, get_context("spawn"), _start_worker, (folder, make, threads)) as pool:
            waiting = [pool.submit(_embed_in_worker, number) for number in numbers]
            try:
                for done in as_completed(waiting):
                    yield done.result()
            except BrokenProcessPool as error:
                raise PartUnavailable(
                    f"A worker that embeds {folder} died, by a signal or for want of memory; start the same command "
                    "again, with fewer workers: finished shards stay."
                ) from error
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    return engine


def load(
    folder: ShardFolder,
    into: Callable[[PassageEncoder], AbstractContextManager[LoadsDocuments]],
    tell: Callable[[int, int], object] | None = None,
) -> IngestReport:
    """Puts the finished shards, in order, into what ``into`` opens; documents that are there already are passed over.

    ``into`` is given an encoder that knows the stored vectors and encodes nothing. One shard is in memory at a time.
    ``skipped`` of the report begins with what cutting could not read.
    ``tell`` hears (shards done, in all). Raises ``Misconfigured`` while a shard is not embedded, or is damaged.
    """
    total, started = folder.count, time.monotonic()
    missing = "all" if total is None else next((n for n in range(total) if not folder.is_embedded(n)), None)
    if total is None or missing is not None:
        raise Misconfigured(f"The shards in {folder.path} are not all embedded (missing: {missing}); embed them first.")
    vectors = StoredVectors(folder.plan.fingerprint, folder.plan.dimension)
    loaded = _Loaded(skipped=list(folder.skipped))
    with into(vectors) as index:
        for number in range(total):
            shard = folder.read_embedded(number)
            vectors.know(shard.documents, shard.vectors)
            for first in range(0, len(shard.documents), _DOCUMENTS_AT_ONCE):
                loaded.put(index, shard.documents[first : first + _DOCUMENTS_AT_ONCE])
            if tell is not None:
                tell(number + 1, total)
    return loaded.report(time.monotonic() - started)


class StoredVectors:
    """A ``PassageEncoder`` that looks up what another one made earlier."""

    def __init__(self, fingerprint: str, dimension: int) -> None:
        self._fingerprint, self._dimension = fingerprint, dimension
        self._rows: dict[str, int] = {}
        self._vectors = np.zeros((0, dimension), dtype=np.float32)

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    def know(self, documents: Iterable[PreparedDocument], vectors: Matrix) -> None:
        """From now on the passages of ``documents``, in their order, with ``vectors`` (n, D), and no others."""
        texts = (passage.searchable for document in documents for passage in document.passages)
        self._rows, self._vectors = {text: row for row, text in enumerate(texts)}, vectors

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """The same as for passages."""
        return self.encode_passages(texts)

    def encode_passages(self, texts: Sequence[str]) -> Matrix:
        """(n, D). Raises ``Misconfigured`` for a text that is not known."""
        unknown = next((text for text in texts if text not in self._rows), None)
        if unknown is not None:
            raise Misconfigured(f"There is no stored vector of “{unknown[:60]}”; open it with a real encoder.")
        rows = np.fromiter((self._rows[text] for text in texts), dtype=np.int64, count=len(texts))
        return np.asarray(self._vectors[rows], dtype=np.float32)


class _Cutter:
    """An ``Index`` that keeps nothing: what is put into it becomes shards, those that are there are passed over."""

    def __init__(self, folder: ShardFolder, size: int) -> None:
        self._folder, self._size = folder, size
        self._number, self._waiting = 0, 0
        self._documents: list[PreparedDocument] = []

    def put(self, document: Document, text: str, passages: Sequence[Passage], content_hash: str) -> None:
        self.put_many([PreparedDocument(document, text, tuple(passages), content_hash)])

    def put_many(self, documents: Sequence[PreparedDocument]) -> None:
        for document in documents:
            self._documents.append(document)
            self._waiting += len(document.passages)
            if self._waiting >= self._size:
                self._next()

    def close(self) -> int:
        """Writes what is left and says how many shards there are."""
        if self._documents:
            self._next()
        return self._number

    def delete(self, _: str) -> bool:
        return False

    def content_hash(self, _: str) -> str | None:
        return None

    def document(self, _: str) -> tuple[Document, str] | None:
        return None

    def documents(self) -> Iterable[Document]:
        return ()

    def _next(self) -> None:
        if not self._folder.is_cut(self._number):
            self._folder.write_cut(self._number, self._documents)
        self._number, self._waiting, self._documents = self._number + 1, 0, []


@dataclass(slots=True)
class _Loaded:
    """What was loaded so far."""

    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    passages: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)

    def put(self, index: LoadsDocuments, documents: Sequence[PreparedDocument]) -> None:
        """Store what is new or changed: together, and one by one when the index refuses one of them."""
        known = {document.document.id: index.content_hash(document.document.id) for document in documents}
        wanted = [document for document in documents if known[document.document.id] != document.content_hash]
        self.unchanged += len(documents) - len(wanted)
        try:
            self._store(index, wanted, known)
        except DocumentRejected as error:
            if len(wanted) == 1:
                self.skipped.append((wanted[0].document.source, str(error)))
                return
            for document in wanted:
                self.put(index, [document])

    def report(self, seconds: float) -> IngestReport:
        return IngestReport(self.added, self.replaced, self.unchanged, self.passages, tuple(self.skipped), seconds)

    def _store(
        self, index: LoadsDocuments, wanted: Sequence[PreparedDocument], known: Mapping[str, str | None]
    ) -> None:
        if not wanted:
            return
        index.put_many(wanted)
        replaced = sum(known[document.document.id] is not None for document in wanted)
        self.replaced += replaced
        self.added += len(wanted) - replaced
        self.passages += sum(len(document.passages) for document in wanted)


def _contents(paths: Sequence[Path]) -> str:
    """Changes with the names, order and bytes of the files, and with the way they are cut."""
    digest = hashlib.blake2b(CHUNKING_VERSION.encode(), digest_size=16)
    for root in paths:
        if not root.exists():
            raise Misconfigured(f"There is no file or folder “{root}”; check the path.")
        for path in visible_files(root)[0] if root.is_dir() else [root]:
            digest.update(f"\0{path.relative_to(root.parent)}\0".encode("utf-8", "surrogateescape"))
            digest.update(_bytes_digest(path))
    return digest.hexdigest()


def _bytes_digest(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").digest()
    except OSError:
        return b""  # the ingestion says why it cannot be read


_worker: list[tuple[ShardFolder, PassageEncoder]] = []
"""In a worker process: what it works with, made once."""


def _start_worker(folder: Path, make: EncoderMaker, threads: int) -> None:
    os.environ["OMP_NUM_THREADS"] = str(threads)  # before the encoder's library is loaded, which reads it then
    _worker.append((ShardFolder(folder), make()))


def _embed_in_worker(number: int) -> ShardDone:
    folder, encoder = _worker[0]
    return embed_shard(folder, number, encoder)
