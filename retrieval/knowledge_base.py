"""Knowledge bases by name: a folder of catalogues, each opened with the encoder that made it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Literal, TypeVar

from domain.errors import Misconfigured, PartUnavailable, UnknownKnowledgeBase
from domain.protocols import KnowledgeBaseInfo, PassageEncoder
from retrieval.arrays import NO_ROWS
from retrieval.base_files import NAME, BaseFiles, names_in
from retrieval.catalogue import Catalogue, Identity, create_catalogue, info_of, meta_of
from retrieval.index_spec import IndexSpec, Metric
from retrieval.living_base import KnowledgeBase
from retrieval.loaded import INDEX_REMARK, Loaded
from retrieval.prepared import PreparedDocument
from retrieval.snapshot import Snapshot
from retrieval.sqlite_file import gone

__all__ = ["NO_ROWS", "KnowledgeBase", "KnowledgeBaseStore", "Snapshot"]

T = TypeVar("T")

_LOOKS = 5  # at a knowledge base that is being replaced: each finds a newer one
_BATCH_PASSAGES = 512  # an encoder is fastest when it may sort a few hundred texts by length


@dataclass(frozen=True, slots=True)
class Compaction:
    """What compacting did: all bytes of the knowledge base on disk before and after, and the index it is searched
    with."""

    bytes_before: int
    bytes_after: int
    index: IndexSpec


class KnowledgeBaseStore:
    """The knowledge bases in one folder, a file each. Safe for many threads and processes."""

    def __init__(
        self,
        folder: Path,
        encoder: PassageEncoder,
        *,
        busy_seconds: float = 10.0,
        index: IndexSpec | None = None,
        metric: Metric = Metric.DOT,
    ) -> None:
        """``busy_seconds``: how long a writer waits for another process before ``PartUnavailable``. ``index``: the
        vector index of each knowledge base; None chooses by its size. ``metric``: how vectors are compared; one that
        was made by another is refused."""
        self._folder, self._encoder, self._busy_seconds, self._index = folder, encoder, busy_seconds, index
        self._identity = Identity(encoder.fingerprint, encoder.dimension, metric)
        self._open: dict[str, tuple[Path, tuple[int, int], Loaded]] = {}
        self._bases: dict[str, KnowledgeBase] = {}
        self._lock = Lock()

    def names(self) -> list[str]:
        """The names of all knowledge bases, sorted."""
        return names_in(self._folder)

    def open(self, name: str) -> KnowledgeBase:
        """The knowledge base ``name``; cheap when it is open already, also after another process rebuilt it.

        Raises ``UnknownKnowledgeBase``, or ``Misconfigured`` when it is damaged or another encoder made it.
        """
        self._existing(name)
        self._loaded(name)
        with self._lock:
            return self._bases.setdefault(
                name,
                KnowledgeBase(name, self._encoder, lambda: self._loaded(name), self._files(name).lock.shared),
            )

    def create(self, name: str, title: str = "", examples: Sequence[str] = ()) -> KnowledgeBase:
        """Make and open an empty knowledge base. Raises ``Misconfigured`` for a bad or taken name."""
        files = self._files(name)
        self._folder.mkdir(parents=True, exist_ok=True)
        with files.lock.alone():
            if files.live() is not None:
                raise Misconfigured(
                    f"There is a knowledge base {name!r} already; ingest into it, or remove it first: "
                    f"colloquy kb remove {name}"
                )
            files.clear()
            create_catalogue(files.first, self._identity, title or name, examples)
        return self.open(name)

    def remove(self, name: str) -> None:
        """Delete a knowledge base for good. Raises ``UnknownKnowledgeBase``."""
        files = self._files(name)
        if files.live() is None and self._folder.is_dir():  # a removal that was killed may have left its files
            with files.lock.alone():
                files.clear()
                files.lock.remove()
        self._existing(name)
        with files.lock.alone():
            self._forget(name)
            files.remove()

    @contextmanager
    def rebuilding(self, name: str) -> Iterator[KnowledgeBase]:
        """An empty knowledge base to be filled, which takes the place of ``name`` (its title and example questions
        kept) at the end of the ``with`` block; an exception throws it away. Made when there is none of that name.

        Readers go on with the old one until then, and find the new one at their next snapshot. Writers of the old one
        are refused meanwhile (``PartUnavailable``), so that nothing they write is lost. Whatever encoder, metric or
        format the old one has, or if it is damaged, the new one is of this store's. A crash leaves the old one.
        """
        files = self._files(name)
        self._folder.mkdir(parents=True, exist_ok=True)
        with files.lock.alone():
            files.clear()
            live = files.live()
            before = _told(live[0] if live else None, name)
            create_catalogue(files.scratch, self._identity, before["title"], json.loads(before["examples"]))
            loaded = self._load(name, files.scratch)
            loaded.catalogue.remember(INDEX_REMARK, before.get(INDEX_REMARK, ""))
            try:
                yield KnowledgeBase(name, self._encoder, lambda: loaded)
                loaded.catalogue.seal()
                if live is not None and _told(live[0], name) != before:
                    raise PartUnavailable(f"{name!r} was changed by an older Colloquy meanwhile; rebuild it again.")
                files.swap_in()
            finally:
                loaded.close()
                files.clear()

    def reembed(self, name: str, progress: Callable[[int, int], None] | None = None) -> int:
        """Rebuilds ``name`` from the passages it holds, encoded anew: after a change of encoder or metric, without the
        files it came from. ``progress`` hears of (passages done, all). Returns how many there are.

        Raises as ``rebuilding`` does, and ``Misconfigured`` when what it holds cannot be read.
        """
        self._existing(name)
        done = 0
        with self.rebuilding(name) as new:
            old = Catalogue(self._existing(name), busy_seconds=self._busy_seconds)
            try:
                with old.moment() as moment:
                    _, total = moment.counts()
                    for batch in _batched(moment.prepared()):
                        new.put_many(batch)
                        done += sum(len(prepared.passages) for prepared in batch)
                        if progress is not None:
                            progress(done, total)
            finally:
                old.close()
            new.compact()
        return done

    def compact(self, name: str, index: IndexSpec | Literal["auto"] | None = None) -> Compaction:
        """Gives back the room of what was deleted, and makes the vector index anew where that is due.

        ``index`` names another one, which later compactions keep to; "auto" goes by size again, None by what was named
        before. Safe beside readers and writers and against a crash at any instant. Raises ``PartUnavailable`` when
        another process writes all the time or the disk is full.
        """
        base, files = self.open(name), self._files(name)
        before, spec = files.size_bytes(), index if isinstance(index, IndexSpec) else None
        with files.lock.alone():
            files.clear()
        with files.lock.shared():
            loaded = self._loaded(name)
            if index is not None:
                loaded.remember_index(spec)
            loaded.catalogue.shrink()
        made = base.compact(spec)
        return Compaction(before, files.size_bytes(), made)

    def fits(self, name: str) -> bool:
        """Whether this encoder made it, so that it can be opened. Raises ``UnknownKnowledgeBase``."""
        return self._at(name, lambda path: meta_of(path).items() >= self._identity.as_meta().items())

    def info(self, name: str) -> KnowledgeBaseInfo:
        """What lists show of it, whichever encoder made it."""
        return self._at(name, info_of)

    def close(self) -> None:
        with self._lock:
            for _, _, loaded in self._open.values():
                loaded.close()
            self._open.clear()

    def _loaded(self, name: str) -> Loaded:
        """The catalogue of ``name`` that is in place. Raises ``PartUnavailable`` when there is none any more."""
        files = self._files(name)
        with self._lock:
            live = files.live()
            known = self._open.get(name)
            if known is not None and live == known[:2]:
                return known[2]
            if known is not None:
                del self._open[name]
                known[2].close()
            if live is None:
                raise gone(files.first)
            loaded = self._at(name, lambda path: self._load(name, path))
            self._open[name] = (*(files.live() or live), loaded)
            return loaded

    def _at(self, name: str, use: Callable[[Path], T]) -> T:
        """``use`` of the file in place; of the newer one, when it is replaced meanwhile."""
        path = self._existing(name)
        for _ in range(_LOOKS):
            try:
                return use(path)
            except PartUnavailable:
                known, path = path, self._existing(name)
                if path == known:
                    raise
        raise gone(path)

    def _forget(self, name: str) -> None:
        with self._lock:
            known = self._open.pop(name, None)
        if known is not None:
            known[2].close()

    def _load(self, name: str, path: Path) -> Loaded:
        catalogue = Catalogue(path, busy_seconds=self._busy_seconds)
        wanted, found = self._identity.as_meta(), self._made_by(catalogue)
        if found != wanted:
            catalogue.close()
            raise Misconfigured(
                f"The knowledge base {name!r} was built by {_spelt(found)} and is opened by {_spelt(wanted)}; use "
                f"that one, or make it anew from what it holds: colloquy kb rebuild {name} (from files: colloquy "
                f"ingest --rebuild --kb {name} PATH…)"
            )
        return Loaded(catalogue, self._identity, self._index)

    def _made_by(self, catalogue: Catalogue) -> dict[str, str]:
        return {key: catalogue.meta.get(key, "nothing") for key in self._identity.as_meta()}

    def _existing(self, name: str) -> Path:
        live = self._files(name).live()
        if live is None:
            there = ", ".join(self.names()) or "none yet"
            raise UnknownKnowledgeBase(
                f"There is no knowledge base {name!r} (there is: {there}); make it: colloquy ingest --kb {name} PATH…"
            )
        return live[0]

    def _files(self, name: str) -> BaseFiles:
        if not NAME.fullmatch(name):
            raise Misconfigured(
                f"{name[:80]!r} is no name for a knowledge base; use up to 63 small letters, digits and hyphens, "
                "beginning with a letter or digit."
            )
        return BaseFiles(self._folder, name, self._busy_seconds)


def _told(path: Path | None, name: str) -> dict[str, str]:
    """What the catalogue at ``path`` says of itself, if it can be read: title, example questions and more."""
    told = {"title": name, "examples": "[]"}
    with suppress(Misconfigured, PartUnavailable):
        return told if path is None else told | meta_of(path)
    return told


def _batched(documents: Iterable[PreparedDocument]) -> Iterator[list[PreparedDocument]]:
    batch: list[PreparedDocument] = []
    for prepared in documents:
        batch.append(prepared)
        if sum(len(one.passages) for one in batch) >= _BATCH_PASSAGES:
            yield batch
            batch = []
    if batch:
        yield batch


def _spelt(meta: dict[str, str]) -> str:
    return f"{meta['fingerprint']} ({meta['dimension']} numbers, {meta['metric']})"
