"""What one saved index takes and gives, measured in a process of its own so that nothing else is in its memory.

    python -m evaluation.index_probe INDEX_FOLDER VECTORS QUERIES TRUTH

``evaluation.index_bench`` starts it. Prints one JSON document; see ``Probe``.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil

from evaluation.index_vectors import Ids, Matrix, VectorFile
from evaluation.metrics import percentile
from retrieval.dense_trained import TrainedIndex
from retrieval.index_spec import LISTED, Family, Metric, parse_spec

_K = 10
_WARM = 50  # queries before the clock runs
_EFFORTS = {Family.HNSW: (32, 64, 128, 256), **dict.fromkeys(LISTED, (8, 16, 32, 64, 128, 256))}
_REFINES = (10, 20, 40)
_ASKED_BY_TWO = 400  # queries
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Point:
    """One way to search the index: recall at 10 against all compared, milliseconds a query on one thread, queries a
    second on two."""

    effort: int
    refine: int
    recall: float
    p50: float
    p99: float
    per_second: float


@dataclass(frozen=True, slots=True)
class Probe:
    """``loaded``: MiB that the whole index adds to a process once read. ``searched``: MiB of its own after all
    searches; ``mapped``: MiB of files it then has in view, which the system may take back."""

    loaded: float
    searched: float
    mapped: float
    points: tuple[Point, ...]


def probe(folder: Path, vectors: VectorFile, queries: Matrix, truth: Ids) -> Probe:
    """Loads the index of ``folder`` (with the ``spec`` beside it) and searches it in every way that makes sense."""
    before = _memory()
    spec = parse_spec((folder / "spec").read_text("utf-8"))
    index = TrainedIndex.load(folder, spec, Metric.DOT, mapped=False)
    loaded = _memory()
    points = tuple(
        measured(index.searched_with(effort, refine), vectors, queries, truth)
        for effort in efforts(index)
        for refine in refines(index)
    )
    after = _memory()
    return Probe(loaded[0] - before[0], after[0] - before[0], after[1] - before[1], points)


def efforts(index: TrainedIndex) -> tuple[int, ...]:
    """What is worth trying: nothing where all is compared anyway."""
    most = index.spec.lists if index.spec.family in LISTED else len(index)
    return tuple(sorted({min(one, most) for one in _EFFORTS.get(index.spec.family, (1,))}))


def refines(index: TrainedIndex) -> tuple[int, ...]:
    """Codes gain by being compared again with whole vectors; whole vectors do not."""
    whole = index.spec.family in (Family.FLAT, Family.HNSW, Family.IVF_FLAT)
    return (1,) if whole else _REFINES


def measured(index: TrainedIndex, vectors: VectorFile, queries: Matrix, truth: Ids) -> Point:
    """``truth`` (Q, ≥ 10): the ids of the nearest of each of ``queries`` (Q, D)."""
    exact = vectors.exact if index.spec.refine > 1 else None

    def search(query: Matrix) -> Ids:
        return index.search(query, _K, exact=exact)[1]

    for query in queries[:_WARM]:
        search(query)
    seconds, hits = [], 0
    for query, best in zip(queries, truth, strict=True):
        started = time.perf_counter()
        found = search(query)
        seconds.append(time.perf_counter() - started)
        hits += len(np.intersect1d(found, best[:_K]))
    recall = hits / (len(queries) * min(_K, len(index)))
    p50, p99 = (1000 * percentile(seconds, share) for share in (0.5, 0.99))
    return Point(index.spec.effort, index.spec.refine, recall, p50, p99, _two_threads(search, queries[:_ASKED_BY_TWO]))


def _two_threads(search: Any, queries: Matrix) -> float:
    """Queries a second when two threads ask."""

    def ask(part: npt.NDArray[np.float32]) -> None:
        for query in part:
            search(query)

    with ThreadPoolExecutor(2) as pool:
        started = time.perf_counter()
        list(pool.map(ask, np.array_split(queries, 2)))
        return len(queries) / (time.perf_counter() - started)


def _memory() -> tuple[float, float]:
    """MiB in memory: of this process alone, and of files mapped into it."""
    info = psutil.Process().memory_info()
    return (info.rss - info.shared) / _MIB, info.shared / _MIB


def main(arguments: Sequence[str] | None = None) -> None:
    folder, vectors, queries, truth = (Path(one) for one in (arguments or sys.argv[1:]))
    asked: Matrix = np.load(queries)
    found = probe(folder, VectorFile(vectors, asked.shape[1]), asked, np.load(truth)["ids"])
    sys.stdout.write(json.dumps(asdict(found)) + "\n")


if __name__ == "__main__":
    main()
