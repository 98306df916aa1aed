"""The centroids of an index with many lists: learnt in two steps, so that minutes do where hours would be needed."""

from __future__ import annotations

import math
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt

from retrieval.dense import Matrix

_FAISS: Any = faiss  # its stubs lack much of what is used here
_ROUNDS = 10  # of k-means; more move the centroids hardly at all
_POINTS = 256  # looked at for each centroid at most, as FAISS does

Counts = npt.NDArray[np.int64]


def two_step_centroids(vectors: Matrix, lists: int, spherical: bool) -> Matrix:
    """``lists`` centroids (lists, D) of ``vectors`` (n, D), n ≥ lists: √lists groups first, then each group alone.

    K-means compares all vectors with all centroids, n·lists; this compares n·2√lists. A group gets as many centroids
    as it has vectors for, so that lists are of like size. ``spherical``: by dot product, with centroids of length one.
    Deterministic.
    """
    top = _clustered(vectors, max(round(math.sqrt(lists)), 1), spherical)
    _, nearest = top.index.search(vectors, 1)
    group = nearest[:, 0]
    sizes = np.bincount(group, minlength=top.k).astype(np.int64)
    return np.concatenate(
        [
            _clustered(np.ascontiguousarray(vectors[group == number]), int(count), spherical).centroids
            for number, count in enumerate(shared_out(lists, sizes))
            if count
        ]
    )


def shared_out(total: int, sizes: Counts) -> Counts:
    """``total`` split by ``sizes`` (n,), whose sum is at least ``total``: by the largest remainders, none above its
    size."""
    shares = total * sizes / sizes.sum()
    given: Counts = np.floor(shares).astype(np.int64)
    missing = total - int(given.sum())
    given[np.argsort(given - shares, kind="stable")[:missing]] += 1
    return given


def _clustered(vectors: Matrix, k: int, spherical: bool) -> Any:
    """FAISS's k-means, trained; it would warn where a centroid has few vectors, which is meant here."""
    found = _FAISS.Kmeans(
        vectors.shape[1],
        k,
        niter=_ROUNDS,
        spherical=spherical,
        seed=1,
        min_points_per_centroid=1,
        max_points_per_centroid=_POINTS,
    )
    found.train(vectors)
    return found
