"""Knowledge bases by name: a folder of catalogues, each opened with the encoder that made it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from threading import Lock
from typing import cast

import numpy as np
import numpy.typing as npt

from domain.errors import DocumentRejected, Misconfigured, UnknownKnowledgeBase
from domain.filters import Filter
from domain.passage import Document, Passage
from domain.protocols import KnowledgeBaseInfo, PassageEncoder
from retrieval.catalogue import Catalogue, Identity, Moment, create_catalogue, info_of, remove_catalogue
from retrieval.dense import DenseIndex, FlatIndex
from retrieval.dense_trained import LayeredIndex, TrainedIndex, training_size
from retrieval.index_files import IndexFiles, Owner
from retrieval.index_spec import Family, IndexSpec, Metric, chosen_for
from retrieval.prepared import PreparedDocument
from retrieval.validity import superseded

Matrix = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
SUFFIX = ".sqlite3"
NO_ROWS = np.zeros(0, dtype=np.int64)
_CHANGED_SHARE = 0.2  # of a trained index: what is new is compared one by one, and its centroids do not know it
_FILTERS_KEPT = 64  # a day's filters of a few audiences and regions


class Snapshot:
    """A knowledge base at one moment: vectors, word index and passages of the same generation."""

    def __init__(self, moment: Moment, index: DenseIndex, dimension: int, outside: Callable[[Filter], Rows]) -> None:
        """``outside`` gives the rows that a filter does not let through at this moment."""
        self._moment, self._index, self._dimension, self._outside = moment, index, dimension, outside

    def __len__(self) -> int:
        """How many passages there are."""
        return len(self._index)

    def dense(self, vector: Matrix, k: int, excluded: Rows = NO_ROWS) -> list[tuple[int, float]]:
        """The ``k`` nearest (row, inner product) to ``vector`` (dimension,), by ``(-score, row)``."""
        scores, rows = self._index.search(vector, k, excluded, self._exact)
        return list(zip(rows.tolist(), scores.tolist(), strict=True))

    def dense_scores(self, vector: Matrix, rows: Sequence[int]) -> dict[int, float]:
        """The inner product of ``vector`` with the passages in ``rows``."""
        scores = self._index.scores(vector, np.asarray(rows, dtype=np.int64), self._exact)
        return dict(zip(rows, scores.tolist(), strict=True))

    def lexical(self, text: str, k: int, excluded: Rows = NO_ROWS) -> list[tuple[int, float]]:
        """The ``k`` best (row, BM25) for ``text``, by ``(-score, row)``; [] when no word of it occurs."""
        return self._moment.lexical(text, k, excluded.tolist())

    def rows(self) -> list[int]:
        """The row numbers of all passages, ascending."""
        return [int(row) for row in self._index.ids]

    def passages(self, rows: Sequence[int]) -> dict[int, Passage]:
        """The passages with these row numbers."""
        return self._moment.passages(rows)

    def _exact(self, rows: Rows) -> Matrix:
        return self._moment.vectors_of(rows, self._dimension)

    def rows_outside(self, filter_: Filter) -> Rows:
        """The passages of documents that ``filter_`` does not let through, ascending."""
        return self._outside(filter_)

    def superseded_rows(self, today: date) -> Rows:
        """The passages of documents that another one replaces as of ``today``."""
        rows = self._moment.rows_of(superseded(self._moment.superseding(), today))
        return np.asarray(rows, dtype=np.int64)


class KnowledgeBase:
    """One knowledge base: a ``domain.protocols.Index`` that can be searched. Safe for many threads."""

    def __init__(
        self, name: str, catalogue: Catalogue, encoder: PassageEncoder, index: IndexSpec | None = None
    ) -> None:
        """``index``: the one to make of the vectors; None chooses by their number."""
        self.name = name
        self._catalogue, self._encoder, self._spec = catalogue, encoder, index
        self._files = IndexFiles(catalogue.path)
        self._lock = Lock()
        self._dense: tuple[int, DenseIndex] = (-1, FlatIndex(encoder.dimension))
        self._filtered: dict[Filter, tuple[int, Rows]] = {}

    def put(self, document: Document, text: str, passages: Sequence[Passage], content_hash: str) -> None:
        """Add or replace one document; see ``put_many``."""
        self.put_many([PreparedDocument(document, text, tuple(passages), content_hash)])

    def put_many(self, documents: Sequence[PreparedDocument]) -> None:
        """Add or replace documents, all or none: encode first, then one short transaction.

        Raises ``DocumentRejected`` for a passage of another document or a taken id, ``PartUnavailable`` while
        another process writes; nothing has changed then.
        """
        latest = list({prepared.document.id: prepared for prepared in documents}.values())
        for prepared in latest:
            _check_passages(prepared)
        texts = [passage.searchable for prepared in latest for passage in prepared.passages]
        vectors = cast(Matrix, self._encoder.encode_passages(texts)) if texts else self._no_vectors()
        ends = np.cumsum([len(prepared.passages) for prepared in latest], dtype=np.int64)
        self._catalogue.put_many(latest, np.split(vectors, ends)[: len(latest)])

    def delete(self, document_id: str) -> bool:
        """Take a document out; False when there is none."""
        return self._catalogue.delete(document_id)

    def content_hash(self, document_id: str) -> str | None:
        with self._catalogue.moment() as moment:
            return moment.content_hash(document_id)

    def document(self, document_id: str) -> tuple[Document, str] | None:
        """The document and its full text, or None."""
        with self._catalogue.moment() as moment:
            return moment.document(document_id)

    def documents(self) -> Iterable[Document]:
        """All documents, by id."""
        with self._catalogue.moment() as moment:
            return moment.documents()

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """One consistent view for the length of the ``with`` block, whatever writers do meanwhile."""
        with self._catalogue.moment() as moment:
            index, dimension = self._index_at(moment), self._encoder.dimension
            yield Snapshot(moment, index, dimension, lambda filter_: self._outside(moment, filter_))

    def compact(self, index: IndexSpec | None = None) -> IndexSpec:
        """Makes the vector index anew where that is due: another one is wanted (``index``, else what was given at the
        start or fits the number of vectors), or a fifth of it has changed. Returns what is searched from now on.

        Readers go on with what they have meanwhile; a crash leaves the index before. Raises ``PartUnavailable`` when
        it cannot be written.
        """
        with self._catalogue.moment() as moment:
            _, count = moment.counts()
            wanted, current = (index or self._spec or chosen_for(count)), self._index_at(moment)
            if wanted.family is Family.FLAT or not count:
                self._files.remove()
                if not isinstance(current, FlatIndex):
                    self._use(moment, self._flat(moment))
                return IndexSpec(Family.FLAT)
            if _is_due(current, wanted, count):
                made = self._trained(moment, wanted, count)
                self._files.save(made, self._owner(moment), moment.generation())
                self._use(moment, made)
                return made.spec
            return wanted.sized(count)

    def close(self) -> None:
        self._catalogue.close()

    def _trained(self, moment: Moment, spec: IndexSpec, count: int) -> TrainedIndex:
        size, dimension = training_size(spec, count), self._encoder.dimension
        rows = moment.rows()
        sample = np.sort(np.random.default_rng(0).choice(rows, size, replace=False))
        learnt_from = moment.vectors(sample, dimension)
        return TrainedIndex.build(spec, Metric.DOT, learnt_from, moment.vector_blocks(dimension), count)

    def _use(self, moment: Moment, index: DenseIndex) -> None:
        with self._lock:
            if moment.generation() >= self._dense[0]:
                self._dense = (moment.generation(), index)

    def _owner(self, moment: Moment) -> Owner:
        meta = moment.meta()
        return Owner(meta["created_at"], meta["fingerprint"], self._encoder.dimension)

    def _flat(self, moment: Moment) -> FlatIndex:
        rows = moment.rows()
        return FlatIndex(self._encoder.dimension, rows, moment.vectors(rows, self._encoder.dimension))

    def _index_at(self, moment: Moment) -> DenseIndex:
        """The vectors of this moment: those in memory, or a changed copy of them."""
        generation = moment.generation()
        with self._lock:  # one thread reads the changes; the others wait and find them read
            known, index = self._dense
            if known == generation:
                return index
            index = self._brought_to(moment, index)
            if generation > known:  # a reader of an older moment must not turn the clock back for others
                self._dense = (generation, index)
            return index

    def _outside(self, moment: Moment, filter_: Filter) -> Rows:
        """The rows outside ``filter_``, read once a generation: reading all metadata takes longer than a search."""
        generation = moment.generation()
        with self._lock:
            known = self._filtered.get(filter_)
        if known is not None and known[0] == generation:
            return known[1]
        rows = np.sort(np.asarray(moment.rows_of(moment.outside(filter_)), dtype=np.int64))
        with self._lock:
            if len(self._filtered) >= _FILTERS_KEPT:
                self._filtered.pop(next(iter(self._filtered)))
            self._filtered[filter_] = (generation, rows)
        return rows

    def _brought_to(self, moment: Moment, index: DenseIndex) -> DenseIndex:
        if not len(index):
            saved = self._files.load(self._owner(moment)) if moment.counts()[1] else None
            if saved is None:
                return self._flat(moment)
            index = saved
        rows = moment.rows()
        added = np.setdiff1d(rows, index.ids, assume_unique=True)
        gone = np.setdiff1d(index.ids, rows, assume_unique=True)
        if not len(added) and not len(gone):
            return index
        return index.with_changes(added, moment.vectors(added, self._encoder.dimension), gone)

    def _no_vectors(self) -> Matrix:
        return np.zeros((0, self._encoder.dimension), dtype=np.float32)


class KnowledgeBaseStore:
    """The knowledge bases in one folder, a file each. Safe for many threads and processes."""

    def __init__(
        self, folder: Path, encoder: PassageEncoder, *, busy_seconds: float = 10.0, index: IndexSpec | None = None
    ) -> None:
        """``busy_seconds``: how long a writer waits for another process before ``PartUnavailable``. ``index``: the
        vector index of each knowledge base; None chooses by its size."""
        self._folder, self._encoder, self._busy_seconds, self._index = folder, encoder, busy_seconds, index
        self._open: dict[str, tuple[tuple[int, int], KnowledgeBase]] = {}
        self._lock = Lock()

    def names(self) -> list[str]:
        """The names of all knowledge bases, sorted."""
        found = (path.name.removesuffix(SUFFIX) for path in self._folder.glob(f"*{SUFFIX}"))
        return sorted(name for name in found if NAME.fullmatch(name))

    def open(self, name: str) -> KnowledgeBase:
        """The knowledge base ``name``; cheap when it is open already, also after another process rebuilt it.

        Raises ``UnknownKnowledgeBase``, or ``Misconfigured`` when it is damaged or another encoder made it.
        """
        path = self._existing(name)
        status = path.stat()
        file = (status.st_dev, status.st_ino)  # a rebuilt knowledge base is another file of the same name
        with self._lock:
            known = self._open.get(name)
            if known is None or known[0] != file:
                known = (file, self._load(name, path))
                self._open[name] = known
            return known[1]

    def create(self, name: str, title: str = "", examples: Sequence[str] = ()) -> KnowledgeBase:
        """Make and open an empty knowledge base. Raises ``Misconfigured`` for a bad or taken name."""
        path = self._path(name)
        try:
            create_catalogue(path, self._identity(), title or name, examples)
        except FileExistsError as error:
            raise Misconfigured(
                f"There is a knowledge base {name!r} already; ingest into it, or remove it first: "
                f"colloquy kb remove {name}"
            ) from error
        return self.open(name)

    def remove(self, name: str) -> None:
        """Delete a knowledge base for good. Raises ``UnknownKnowledgeBase``."""
        path = self._existing(name)
        with self._lock:
            known = self._open.pop(name, None)
            if known is not None:
                known[1].close()
            IndexFiles(path).remove()
            remove_catalogue(path)

    def fits(self, name: str) -> bool:
        """Whether this encoder made it, so that it can be opened. Raises ``UnknownKnowledgeBase``."""
        catalogue = Catalogue(self._existing(name), busy_seconds=self._busy_seconds)
        try:
            return self._made_by(catalogue) == self._identity().as_meta()
        finally:
            catalogue.close()

    def info(self, name: str) -> KnowledgeBaseInfo:
        """What lists show of it, whichever encoder made it."""
        return info_of(self._existing(name))

    def close(self) -> None:
        with self._lock:
            for _, knowledge_base in self._open.values():
                knowledge_base.close()
            self._open.clear()

    def _load(self, name: str, path: Path) -> KnowledgeBase:
        catalogue = Catalogue(path, busy_seconds=self._busy_seconds)
        wanted, found = self._identity().as_meta(), self._made_by(catalogue)
        if found != wanted:
            catalogue.close()
            raise Misconfigured(
                f"The knowledge base {name!r} was built by {_spelt(found)} and is opened by {_spelt(wanted)}; use "
                f"that encoder, or rebuild it: colloquy ingest --rebuild --kb {name} PATH…"
            )
        return KnowledgeBase(name, catalogue, self._encoder, self._index)

    def _made_by(self, catalogue: Catalogue) -> dict[str, str]:
        return {key: catalogue.meta.get(key, "nothing") for key in self._identity().as_meta()}

    def _identity(self) -> Identity:
        return Identity(self._encoder.fingerprint, self._encoder.dimension)

    def _existing(self, name: str) -> Path:
        path = self._path(name)
        if not path.is_file():
            there = ", ".join(self.names()) or "none yet"
            raise UnknownKnowledgeBase(
                f"There is no knowledge base {name!r} (there is: {there}); make it: colloquy ingest --kb {name} PATH…"
            )
        return path

    def _path(self, name: str) -> Path:
        if not NAME.fullmatch(name):
            raise Misconfigured(
                f"{name[:80]!r} is no name for a knowledge base; use up to 63 small letters, digits and hyphens, "
                "beginning with a letter or digit."
            )
        return self._folder / f"{name}{SUFFIX}"


def _check_passages(prepared: PreparedDocument) -> None:
    for passage in prepared.passages:
        if passage.document_id != prepared.document.id:
            raise DocumentRejected(
                f"The passage {passage.id!r} names the document {passage.document_id!r} and came with "
                f"{prepared.document.id!r}; cut the document again."
            )


def _is_due(current: DenseIndex, wanted: IndexSpec, count: int) -> bool:
    """Whether ``current`` is another index than wanted, or too much of it has changed."""
    if isinstance(current, LayeredIndex):
        return current.changed_share > _CHANGED_SHARE or not current.base.spec.is_like(wanted, count)
    return not isinstance(current, TrainedIndex) or not current.spec.is_like(wanted, count)


def _spelt(meta: dict[str, str]) -> str:
    return f"{meta['fingerprint']} ({meta['dimension']} numbers, {meta['metric']})"
