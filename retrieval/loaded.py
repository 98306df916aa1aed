"""One catalogue file, and what is kept in memory of it: its vector index, and what filters and days rule out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from threading import Lock

import numpy as np
import numpy.typing as npt

from domain.filters import Filter
from retrieval.catalogue import Catalogue, Identity, Moment
from retrieval.dense import DenseIndex, FlatIndex
from retrieval.dense_trained import LayeredIndex, TrainedIndex, training_size
from retrieval.index_files import IndexFiles, Owner
from retrieval.index_spec import CODED, Family, IndexSpec, chosen_for, parse_spec
from retrieval.snapshot import Snapshot

Matrix = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

_CHANGED_SHARE = 0.2  # of a trained index: what is new is compared one by one, and its centroids do not know it
_LEAST_CODED = 256  # vectors from which FAISS learns codes of one byte
_FILTERS_KEPT = 64  # a day's filters of a few audiences and regions
INDEX_REMARK = "index"
"""The catalogue's remark that names the index it was compacted to; "" goes by size."""


class Loaded:
    """A catalogue file in use. Safe for many threads."""

    def __init__(self, catalogue: Catalogue, identity: Identity, spec: IndexSpec | None) -> None:
        """``spec``: the index to make of the vectors; None takes the one it was compacted to, or chooses by size."""
        self.catalogue = catalogue
        self._dimension, self._metric, self._spec = identity.dimension, identity.metric, spec
        self._files = IndexFiles(catalogue.path)
        self._lock = Lock()
        self._dense: tuple[int, DenseIndex] = (-1, self._empty())
        self._ruled_out: dict[Filter, tuple[int, Rows]] = {}
        self._bound: tuple[int, date, dict[str, Mapping[str, str]]] = (-1, date.min, {})

    def snapshot(self, moment: Moment) -> Snapshot:
        """What there is at ``moment``, which is one of this catalogue."""
        return Snapshot(
            moment,
            self._index_at(moment),
            self._dimension,
            lambda filter_: self._outside(moment, filter_),
            lambda today: self._bound_in_time(moment, today),
        )

    def compact(self, moment: Moment, index: IndexSpec | None) -> IndexSpec:
        """See ``KnowledgeBase.compact``."""
        _, count = moment.counts()
        wanted = index or self._wanted(moment, count)
        if wanted.family is Family.FLAT or count < (_LEAST_CODED if wanted.family in CODED else 1):
            self._files.remove()
            if not isinstance(self._dense[1], FlatIndex):
                self._use(moment, self._flat(moment))
            return IndexSpec(Family.FLAT)
        if self._is_to_be_made(moment, wanted, count):
            made = self._trained(moment, wanted, count)
            self._files.save(made, self._owner(moment), moment.generation())
            self._use(moment, made)
            return made.spec
        return wanted.sized(count)

    def _is_to_be_made(self, moment: Moment, wanted: IndexSpec, count: int) -> bool:
        """Without a trained index there is nothing to look at: an exact one of all vectors is not made to find out."""
        if self._dense[0] < 0:
            with self._lock:
                saved = self._saved(moment)
                if saved is None:
                    return True
                self._dense = (moment.generation(), self._caught_up(moment, saved))
        return _is_due(self._index_at(moment), wanted, count)

    def remember_index(self, spec: IndexSpec | None) -> None:
        """Keeps to ``spec`` at later compactions where nobody names another; None goes by size again."""
        self.catalogue.remember(INDEX_REMARK, "" if spec is None else str(spec))

    def close(self) -> None:
        self.catalogue.close()

    def _wanted(self, moment: Moment, count: int) -> IndexSpec:
        remembered = moment.meta().get(INDEX_REMARK, "")
        return self._spec or (parse_spec(remembered) if remembered else chosen_for(count))

    def _empty(self) -> FlatIndex:
        return FlatIndex(self._dimension, metric=self._metric)

    def _trained(self, moment: Moment, spec: IndexSpec, count: int) -> TrainedIndex:
        size = training_size(spec, count)
        sample = np.sort(np.random.default_rng(0).choice(moment.rows(), size, replace=False))
        learnt_from = moment.vectors(sample, self._dimension)
        return TrainedIndex.build(spec, self._metric, learnt_from, moment.vector_blocks(self._dimension), count)

    def _use(self, moment: Moment, index: DenseIndex) -> None:
        with self._lock:
            if moment.generation() >= self._dense[0]:
                self._dense = (moment.generation(), index)

    def _owner(self, moment: Moment) -> Owner:
        meta = moment.meta()
        return Owner(meta["created_at"], meta["fingerprint"], self._dimension)

    def _flat(self, moment: Moment) -> FlatIndex:
        rows = moment.rows()
        return FlatIndex(self._dimension, rows, moment.vectors(rows, self._dimension), self._metric)

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

    def _brought_to(self, moment: Moment, index: DenseIndex) -> DenseIndex:
        if len(index):
            return self._caught_up(moment, index)
        saved = self._saved(moment)
        return self._flat(moment) if saved is None else self._caught_up(moment, saved)

    def _saved(self, moment: Moment) -> TrainedIndex | None:
        found = self._files.load(self._owner(moment)) if moment.counts()[1] else None
        return found if found is not None and found.metric is self._metric else None

    def _caught_up(self, moment: Moment, index: DenseIndex) -> DenseIndex:
        rows = moment.rows()
        added = np.setdiff1d(rows, index.ids, assume_unique=True)
        gone = np.setdiff1d(index.ids, rows, assume_unique=True)
        if not len(added) and not len(gone):
            return index
        return index.with_changes(added, moment.vectors(added, self._dimension), gone)

    def _outside(self, moment: Moment, filter_: Filter) -> Rows:
        """The rows outside ``filter_``, read once a generation: reading all metadata takes longer than a search."""
        generation = moment.generation()
        with self._lock:
            known = self._ruled_out.get(filter_)
        if known is not None and known[0] == generation:
            return known[1]
        rows = np.sort(np.asarray(moment.rows_of(moment.outside(filter_)), dtype=np.int64))
        with self._lock:
            if len(self._ruled_out) >= _FILTERS_KEPT:
                self._ruled_out.pop(next(iter(self._ruled_out)))
            self._ruled_out[filter_] = (generation, rows)
        return rows

    def _bound_in_time(self, moment: Moment, today: date) -> dict[str, Mapping[str, str]]:
        """Read once a generation: what is to take effect after an earlier day holds all that is after ``today``."""
        generation = moment.generation()
        with self._lock:
            known, since, bound = self._bound
        if known != generation or today < since:
            bound = moment.bound_in_time(today)
            with self._lock:
                self._bound = (generation, today, bound)
        return bound


def _is_due(current: DenseIndex, wanted: IndexSpec, count: int) -> bool:
    """Whether ``current`` is another index than wanted, or too much of it has changed."""
    if isinstance(current, LayeredIndex):
        return current.changed_share > _CHANGED_SHARE or not current.base.spec.is_like(wanted, count)
    return not isinstance(current, TrainedIndex) or not current.spec.is_like(wanted, count)
