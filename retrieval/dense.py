"""Nearest passages by inner product: the only file that knows FAISS."""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]

TIE_MARGIN = 8  # neighbours beyond k looked at first, to see whether a tie runs across the cut


class FlatIndex:
    """An exact inner-product index over unit vectors with stable int64 ids, never changed once made.

    ``with_changes`` returns a new index, so whoever searches the old one goes on undisturbed.
    """

    def __init__(self, dimension: int, ids: npt.ArrayLike = (), vectors: npt.ArrayLike | None = None) -> None:
        """``vectors`` (n, dimension) under ``ids`` (n,), which must be distinct (``ValueError``)."""
        self._dimension = dimension
        # FAISS's stubs know neither NumPy arguments nor keyword parameters
        self._index: Any = faiss.IndexIDMap2(faiss.IndexFlatIP(dimension))
        self._ids = np.zeros(0, dtype=np.int64)
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
        changed = FlatIndex(self._dimension)
        changed._index = faiss.clone_index(self._index)
        if len(remove_ids):
            changed._index.remove_ids(np.ascontiguousarray(remove_ids, dtype=np.int64))
        changed._ids = np.setdiff1d(self._ids, remove_ids)
        changed._add(add_ids, np.ascontiguousarray(add_vectors, dtype=np.float32))
        return changed

    def search(self, query: Matrix, k: int, excluded: Ids | None = None) -> tuple[Matrix, Ids]:
        """The ``k`` best of all but ``excluded`` for one ``query`` (dimension,): scores and ids, both (≤ k,).

        Ordered by ``(-score, id)``, also where a tie runs across the cut. Fewer than ``k`` when there are fewer.
        """
        wanted = k + TIE_MARGIN
        while True:
            scores, ids = self._nearest(query, min(wanted, len(self)), excluded)
            if len(ids) <= k or len(ids) < wanted or scores[k - 1] != scores[-1]:
                break
            wanted *= 2
        order = np.lexsort((ids, -scores))[: max(k, 0)]
        return scores[order], ids[order]

    def scores(self, query: Matrix, ids: Ids) -> Matrix:
        """The inner product of ``query`` (dimension,) with each of ``ids`` (n,), which must be held."""
        if not len(ids):
            return np.zeros(0, dtype=np.float32)
        return np.asarray(self._index.reconstruct_batch(np.ascontiguousarray(ids)) @ query, dtype=np.float32)

    def _nearest(self, query: Matrix, k: int, excluded: Ids | None) -> tuple[Matrix, Ids]:
        if k <= 0:
            return np.zeros(0, dtype=np.float32), np.zeros(0, dtype=np.int64)
        parameters: Any = None
        if excluded is not None and len(excluded):
            unwanted = faiss.IDSelectorBatch(np.ascontiguousarray(excluded, dtype=np.int64))
            make: Any = faiss.SearchParameters
            parameters = make(sel=faiss.IDSelectorNot(unwanted))
        rows = np.ascontiguousarray(query, dtype=np.float32).reshape(1, -1)
        scores, ids = self._index.search(rows, k, params=parameters)
        found = ids[0] >= 0  # FAISS pads with -1 when there are fewer than k
        return scores[0][found], ids[0][found]

    def _add(self, ids: Ids, vectors: Matrix) -> None:
        if vectors.shape != (len(ids), self._dimension):
            raise ValueError(f"vectors of shape {vectors.shape} for {len(ids)} ids of dimension {self._dimension}")
        union = np.union1d(self._ids, ids)
        if len(union) != len(self._ids) + len(ids):
            raise ValueError("an id is given twice")
        if len(ids):
            self._index.add_with_ids(vectors, ids)
        self._ids = union
