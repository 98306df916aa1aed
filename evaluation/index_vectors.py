"""Vectors in any number that lie as those of texts do, on disk in half precision, and their exact nearest neighbours.

A stand-in for the embeddings of millions of passages, which nobody wants to download for a bench: a mixture of many
Gaussian clusters of unequal sizes, under common subjects, each spread over few directions, of length one.
"""

from __future__ import annotations

import logging
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]

LOG = logging.getLogger(__name__)
BLOCK = 50_000  # vectors made, read and compared at once: 77 MB of 384 numbers
_SUBJECTS, _BASES, _DIRECTIONS = 256, 64, 32
_CLUSTER_SIZE = 5000  # vectors, in the mean
# Shares of a vector's squared length: what all have in common, subject, cluster, within the cluster, noise. With them
# and the powers below, 2,417 vectors compare with MiniLM's of Doc2Dial's 2,417 passages like this (there | here): local
# dimension, which makes codes hard, 6.3 | 12.4; of 64 lists, the first 1, 2 and 4 hold .79 .91 .97 | .72 .94 1.0 of the
# ten nearest. Codes have it harder here, lists about as hard at first and then easier.
_SHARES = (0.14, 0.25, 0.07, 0.50, 0.04)
_SPECTRUM = 0.5  # the i-th direction's deviation falls as i to the power of minus this
_UNEQUAL = 0.8  # the i-th cluster's size falls as i to the power of minus this


@dataclass(frozen=True)
class Mixture:
    """``count`` vectors of ``dimension`` numbers, the same for the same ``seed``, made block by block."""

    count: int
    dimension: int = 384
    seed: int = 0

    def block(self, number: int) -> Matrix:
        """The vectors from ``number · BLOCK`` on (b, D), b = BLOCK but in the last one."""
        size = min(BLOCK, self.count - number * BLOCK)
        return self.draw(size, np.random.default_rng([self.seed, 1, number]))

    def draw(self, size: int, rng: np.random.Generator) -> Matrix:
        """``size`` more vectors (size, D) of the same mixture."""
        cluster = np.searchsorted(self._reached, rng.random(size)).clip(max=len(self._centres) - 1)
        found = self._centres[cluster]
        local = rng.standard_normal((size, _DIRECTIONS), dtype=np.float32)
        for base, directions in enumerate(self._bases):
            inside = np.flatnonzero(cluster % _BASES == base)
            found[inside] += local[inside] @ directions
        found += rng.standard_normal(found.shape, dtype=np.float32) * np.float32((_SHARES[4] / self.dimension) ** 0.5)
        return _unit(found)

    @cached_property
    def _reached(self) -> npt.NDArray[np.float64]:
        """The share of vectors in the clusters up to each (C,)."""
        sizes = (np.arange(max(self.count // _CLUSTER_SIZE, 16)) + 10.0) ** -_UNEQUAL
        return np.cumsum(sizes / sizes.sum())

    @cached_property
    def _centres(self) -> Matrix:
        """Of the clusters (C, D): what all have in common, a subject, and their own."""
        rng = np.random.default_rng([self.seed, 0])
        turned = np.linalg.qr(rng.standard_normal((self.dimension, self.dimension)))[0].astype(np.float32)
        common, subjects, own = (
            _spread(rng, n, self.dimension, share) @ turned
            for n, share in zip((1, _SUBJECTS, len(self._reached)), _SHARES, strict=False)
        )
        return np.asarray(common + subjects[rng.integers(0, _SUBJECTS, len(own))] + own, dtype=np.float32)

    @cached_property
    def _bases(self) -> list[Matrix]:
        """Directions (R, D) in which the clusters are spread, each set shared by some."""
        rng = np.random.default_rng([self.seed, 2])
        falling = np.arange(1, _DIRECTIONS + 1, dtype=np.float64) ** -_SPECTRUM
        scale = falling * (_SHARES[3] / (falling**2).sum()) ** 0.5
        drawn = (_unit(rng.standard_normal((_DIRECTIONS, self.dimension)).astype(np.float32)) for _ in range(_BASES))
        return [np.asarray(one * scale[:, None], dtype=np.float32) for one in drawn]


class VectorFile:
    """Vectors in half precision on disk, mapped into memory: what ``TrainedIndex`` compares candidates with."""

    def __init__(self, path: Path, dimension: int) -> None:
        """``path`` holds rows of ``dimension`` float16."""
        self._path = path
        with path.open("rb") as file:
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._map.madvise(mmap.MADV_RANDOM)  # a few hundred rows anywhere: reading around them would be in vain
        self._rows = np.frombuffer(self._map, dtype=np.float16).reshape(-1, dimension)

    def __len__(self) -> int:
        return len(self._rows)

    def exact(self, ids: Ids) -> Matrix:
        """The vectors (n, D) of ``ids`` (n,), read in the order in which they lie on disk."""
        order = np.argsort(ids)
        found = np.empty((len(ids), self._rows.shape[1]), dtype=np.float32)
        found[order] = self._rows[ids[order]]
        return found

    def blocks(self, first: int = 0) -> Iterator[tuple[Ids, Matrix]]:
        """All ids and vectors from the block ``first`` on, ascending, ``BLOCK`` at a time; read one after the other,
        past the map, which is meant for rows here and there."""
        dimension = self._rows.shape[1]
        for start in range(first * BLOCK, len(self), BLOCK):
            numbers = np.fromfile(self._path, np.float16, BLOCK * dimension, offset=start * dimension * 2)
            rows = numbers.reshape(-1, dimension).astype(np.float32)
            yield np.arange(start, start + len(rows), dtype=np.int64), rows


def write_vectors(path: Path, mixture: Mixture) -> VectorFile:
    """All vectors of ``mixture`` in ``path``; goes on after the last whole block of a run that was broken off."""
    row_bytes = mixture.dimension * 2
    size = path.stat().st_size if path.exists() else 0
    done = size // (row_bytes * BLOCK)
    if size != row_bytes * mixture.count:
        with path.open("ab") as file:
            file.truncate(done * row_bytes * BLOCK)
            for number in range(done, -(-mixture.count // BLOCK)):
                file.write(mixture.block(number).astype(np.float16).tobytes())
                LOG.info("vectors: %d of %d", min((number + 1) * BLOCK, mixture.count), mixture.count)
    return VectorFile(path, mixture.dimension)


def made_queries(vectors: VectorFile, mixture: Mixture, size: int) -> Matrix:
    """(size, D): half are stored vectors moved a little, as a question lies beside its passage, half are new draws."""
    rng = np.random.default_rng([mixture.seed, 3])
    members = vectors.exact(rng.choice(len(vectors), size // 2, replace=len(vectors) < size))
    moved = members + rng.standard_normal(members.shape, dtype=np.float32) * np.float32(
        (0.2 / mixture.dimension) ** 0.5
    )
    return np.concatenate([_unit(moved), mixture.draw(size - len(moved), rng)])


def exact_nearest(vectors: VectorFile, queries: Matrix, k: int, kept: Path) -> Ids:
    """The ids (Q, k) of the nearest by dot product, all compared. ``kept`` takes what is known after each block, and
    a run that was broken off goes on from it."""
    scores = np.full((len(queries), k), -np.inf, dtype=np.float32)
    ids = np.full((len(queries), k), -1, dtype=np.int64)
    first = 0
    if kept.exists():
        with np.load(kept) as known:
            scores, ids, first = known["scores"], known["ids"], int(known["blocks"])
    for number, (block_ids, block) in enumerate(vectors.blocks(first), start=first + 1):
        scores, ids = _merged(scores, ids, queries @ block.T, block_ids)
        _save_whole(kept, scores, ids, number)
        LOG.info("exact neighbours: %d of %d", int(block_ids[-1]) + 1, len(vectors))
    return ids


def _merged(scores: Matrix, ids: Ids, found: Matrix, found_ids: Ids) -> tuple[Matrix, Ids]:
    """The best of two lists a query."""
    k = scores.shape[1]
    best = np.argpartition(-found, min(k, found.shape[1] - 1), axis=1)[:, :k]
    together = np.concatenate([scores, np.take_along_axis(found, best, 1)], axis=1)
    names = np.concatenate([ids, found_ids[best]], axis=1)
    order = np.argsort(-together, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(together, order, 1), np.take_along_axis(names, order, 1)


def _save_whole(path: Path, scores: Matrix, ids: Ids, blocks: int) -> None:
    scratch = path.with_suffix(".part.npz")
    np.savez(scratch, scores=scores, ids=ids, blocks=blocks)
    scratch.replace(path)


def _spread(rng: np.random.Generator, size: int, dimension: int, share: float) -> Matrix:
    """(size, dimension) of mean squared length ``share``, less and less along later directions."""
    falling = np.arange(1, dimension + 1) ** -_SPECTRUM
    scale = falling * (share / (falling**2).sum()) ** 0.5
    return np.asarray(rng.standard_normal((size, dimension)) * scale, dtype=np.float32)


def _unit(rows: Matrix) -> Matrix:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)
