"""Nearest passages by dot product, cosine or distance, exactly; the FAISS of all of them is here and in
``retrieval.dense_trained``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import faiss
import numpy as np
import numpy.typing as npt

from retrieval.index_spec import Metric

Matrix = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
Exact = Callable[[Ids], Matrix]
"""Gives the whole vectors (n, D) of ids (n,), in their order."""

NO_IDS: Ids = np.zeros(0, dtype=np.int64)
TIE_MARGIN = 8  # neighbours beyond k looked at first, to see whether a tie runs across the cut


class DenseIndex(Protocol):
    """What a snapshot searches: vectors under distinct int64 ids, never changed once made."""

    @property
    def ids(self) -> Ids:
        """The ids held, ascending."""
        ...

    def __len__(self) -> int: ...

    def search(
        self, query: Matrix, k: int, excluded: Ids | None = None, exact: Exact | None = None
    ) -> tuple[Matrix, Ids]:
        """The ``k`` best of all but ``excluded`` for one ``query`` (D,): scores and ids, both (≤ k,), by
        ``(-score, id)``. ``exact`` gives the whole vectors to compare candidates with again."""
        ...

    def scores(self, query: Matrix, ids: Ids, exact: Exact | None = None) -> Matrix:
        """The score of each of ``ids`` (n,), which must be held."""
        ...

    def with_changes(self, add_ids: Ids, add_vectors: Matrix, remove_ids: Ids) -> DenseIndex:
        """A copy without ``remove_ids`` and with ``add_vectors`` (n, D) under ``add_ids`` (n,)."""
        ...


class FlatIndex:
    """An exact index with stable int64 ids, never changed once made.

    ``with_changes`` returns a new index, so whoever searches the old one goes on undisturbed.
    """

    def __init__(
        self, dimension: int, ids: npt.ArrayLike = (), vectors: npt.ArrayLike | None = None, metric: Metric = Metric.DOT
    ) -> None:
        """``vectors`` (n, dimension) under ``ids`` (n,), which must be distinct (``ValueError``)."""
        self._dimension, self._metric = dimension, metric
        plain = faiss.IndexFlatL2(dimension) if metric is Metric.L2 else faiss.IndexFlatIP(dimension)
        # FAISS's stubs know neither NumPy arguments nor keyword parameters
        self._index: Any = faiss.IndexIDMap2(plain)
        self._ids = NO_IDS
        if vectors is not None:
            self._add(np.asarray(ids, dtype=np.int64), np.ascontiguousarray(vectors, dtype=np.float32))

    @property
    def ids(self) -> Ids:
        """The ids held, ascending."""
        return self._ids

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def with_changes(self, add_ids: Ids, add_vectors: Matrix, remove_ids: Ids) -> FlatIndex:
        """A copy without ``remove_ids`` and with ``add_vectors`` (n, dimension) under ``add_ids`` (n,)."""
        changed = FlatIndex(self._dimension, metric=self._metric)
        changed._index = faiss.clone_index(self._index)
        if len(remove_ids):
            changed._index.remove_ids(np.ascontiguousarray(remove_ids, dtype=np.int64))
        changed._ids = np.setdiff1d(self._ids, remove_ids)
        changed._add(add_ids, np.ascontiguousarray(add_vectors, dtype=np.float32))
        return changed

    def search(
        self, query: Matrix, k: int, excluded: Ids | None = None, exact: Exact | None = None
    ) -> tuple[Matrix, Ids]:
        """The ``k`` best of all but ``excluded`` for one ``query`` (dimension,): scores and ids, both (≤ k,).

        Ordered by ``(-score, id)``, also where a tie runs across the cut. Fewer than ``k`` when there are fewer.
        ``exact`` is not needed: all vectors are here.
        """
        del exact
        wanted = k + TIE_MARGIN
        while True:
            scores, ids = self._nearest(query, min(wanted, len(self)), excluded)
            if len(ids) <= k or len(ids) < wanted or scores[k - 1] != scores[-1]:
                break
            wanted *= 2
        return best_of(scores, ids, k)

    def scores(self, query: Matrix, ids: Ids, exact: Exact | None = None) -> Matrix:
        """The score of each of ``ids`` (n,), which must be held, for ``query`` (dimension,)."""
        del exact
        if not len(ids):
            return np.zeros(0, dtype=np.float32)
        return compared(self._index.reconstruct_batch(np.ascontiguousarray(ids)), query, self._metric)

    def _nearest(self, query: Matrix, k: int, excluded: Ids | None) -> tuple[Matrix, Ids]:
        if k <= 0:
            return np.zeros(0, dtype=np.float32), NO_IDS
        selector = all_but(excluded)
        make: Any = faiss.SearchParameters
        return found_by(self._index, prepared(query, self._metric), k, make(sel=selector), self._metric)

    def _add(self, ids: Ids, vectors: Matrix) -> None:
        if vectors.shape != (len(ids), self._dimension):
            raise ValueError(f"vectors of shape {vectors.shape} for {len(ids)} ids of dimension {self._dimension}")
        union = np.union1d(self._ids, ids)
        if len(union) != len(self._ids) + len(ids):
            raise ValueError("an id is given twice")
        if len(ids):
            self._index.add_with_ids(prepared(vectors, self._metric), ids)
        self._ids = union


def compared(vectors: Matrix, query: Matrix, metric: Metric) -> Matrix:
    """The score of each of ``vectors`` (n, D) for ``query`` (D,), higher is better."""
    if metric is Metric.L2:
        difference = vectors - query
        return np.asarray(-np.einsum("nd,nd->n", difference, difference), dtype=np.float32)
    return np.asarray(prepared(vectors, metric) @ prepared(query, metric).reshape(-1), dtype=np.float32)


def prepared(vectors: Matrix, metric: Metric) -> Matrix:
    """(n, D), or (D,) as one row: as they are, or of length one for ``COSINE``; zero vectors stay zero."""
    rows = np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1, vectors.shape[-1])
    if metric is not Metric.COSINE:
        return rows
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def all_but(excluded: Ids | None) -> Any:
    """FAISS's selector of everything else; None for no filter."""
    if excluded is None or not len(excluded):
        return None
    return faiss.IDSelectorNot(faiss.IDSelectorBatch(np.ascontiguousarray(excluded, dtype=np.int64)))


def found_by(index: Any, rows: Matrix, k: int, parameters: Any, metric: Metric) -> tuple[Matrix, Ids]:
    """What FAISS finds for one row (1, D): scores, higher is better, and ids."""
    scores, ids = index.search(rows, k, params=parameters)
    there = ids[0] >= 0  # FAISS pads with -1 when there are fewer than k
    return (-scores[0][there] if metric is Metric.L2 else scores[0][there]), ids[0][there]


def best_of(scores: Matrix, ids: Ids, k: int) -> tuple[Matrix, Ids]:
    order = np.lexsort((ids, -scores))[: max(k, 0)]
    return scores[order], ids[order]
