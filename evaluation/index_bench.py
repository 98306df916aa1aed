"""How the families of vector index fare at a size: time to build, memory, recall, time to search.

    colloquy index bench --vectors 10000000 --specs "opq-ivf-pq:code_bytes=64" --folder FOLDER

Every stage leaves a file in the folder and a run that was broken off goes on where it stopped: the vectors
(``index_vectors``), the queries, their exact neighbours, then for each spec what it has learnt, the index, and what a
process of its own measured with it (``index_probe``).
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from domain.errors import PartUnavailable
from evaluation.index_probe import Point, Probe
from evaluation.index_vectors import (
    BLOCK,
    Ids,
    Matrix,
    Mixture,
    VectorFile,
    exact_nearest,
    made_queries,
    write_vectors,
)
from evaluation.reports import ROOT, Table
from retrieval.dense_trained import TrainedIndex, training_size
from retrieval.index_spec import IndexSpec, Metric

LOG = logging.getLogger(__name__)
K = 10
QUERIES = 1000
WANTED_RECALL = 0.95
_TOLD_EVERY = 10  # blocks


@dataclass(frozen=True, slots=True)
class Built:
    """An index on disk: ``seconds`` to learn and to take the vectors in, ``size`` of its files in bytes."""

    folder: Path
    spec: IndexSpec
    learning: float
    filling: float
    size: int


@dataclass(frozen=True, slots=True)
class Measured:
    """An index and what a process of its own found out about it."""

    built: Built
    probe: Probe

    def cheapest(self, recall: float = WANTED_RECALL) -> Point:
        """The fastest way to search with that recall; where there is none, the one with the best."""
        enough = [one for one in self.probe.points if one.recall >= recall]
        return min(enough, key=lambda one: one.p50) if enough else max(self.probe.points, key=lambda one: one.recall)


class IndexBench:
    """The bench of one collection of generated vectors in one folder."""

    def __init__(self, folder: Path, count: int, dimension: int = 384, queries: int = QUERIES) -> None:
        """``folder`` is made where there is none; each size and dimension has a folder of its own in it."""
        self._mixture = Mixture(count, dimension)
        self._folder = folder / f"{count}x{dimension}"
        self._asked = queries
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PartUnavailable(
                f"The folder {self._folder} cannot be made ({error.strerror}); name another with --folder."
            ) from error

    def run(self, specs: Sequence[IndexSpec]) -> list[Measured]:
        """Everything that is not there yet, spec by spec. Raises ``PartUnavailable`` when a measuring process fails."""
        vectors = write_vectors(self._folder / "vectors.f16", self._mixture)
        self._exact(vectors, self._queries(vectors))
        return [self._measured(self._built(spec, vectors)) for spec in specs]

    def _queries(self, vectors: VectorFile) -> Matrix:
        path = self._folder / "queries.npy"
        if not path.exists():
            _save(path, made_queries(vectors, self._mixture, self._asked))
        found: Matrix = np.load(path)
        return found

    def _exact(self, vectors: VectorFile, queries: Matrix) -> Ids:
        return exact_nearest(vectors, queries, K, self._folder / "truth.npz")

    def _built(self, spec: IndexSpec, vectors: VectorFile) -> Built:
        spec = spec.sized(len(vectors))
        folder = self._folder / _name(as_stored(spec))
        about = folder / "about.json"
        if not about.exists():
            folder.mkdir(exist_ok=True)
            empty, learning = self._learnt(spec, vectors, folder)
            started = time.perf_counter()
            full = empty.filled(_told(vectors))
            filling = time.perf_counter() - started
            full.save(folder)
            (folder / "spec").write_text(str(spec), "utf-8")
            _write(about, {"learning": learning, "filling": filling})
            shutil.rmtree(folder / "learnt")
        told = json.loads(about.read_text("utf-8"))
        size = sum((folder / name).stat().st_size for name in ("vectors.faiss", "ids.npy"))
        return Built(folder, spec, told["learning"], told["filling"], size)

    def _learnt(self, spec: IndexSpec, vectors: VectorFile, folder: Path) -> tuple[TrainedIndex, float]:
        """The empty index, from its file where there is one, and how long learning took."""
        kept = folder / "learnt"
        if not (kept / "seconds").exists():
            kept.mkdir(exist_ok=True)
            started = time.perf_counter()
            sample = np.random.default_rng(0).choice(len(vectors), training_size(spec, len(vectors)), replace=False)
            LOG.info("%s: learning from %d vectors", spec, len(sample))
            index = TrainedIndex.learnt(spec, Metric.DOT, vectors.exact(np.sort(sample)), len(vectors))
            index.save(kept)
            (kept / "seconds").write_text(repr(time.perf_counter() - started), "utf-8")
        seconds = float((kept / "seconds").read_text("utf-8"))
        LOG.info("%s: learnt in %.0f s; taking the vectors in", spec, seconds)
        return TrainedIndex.load(kept, spec, Metric.DOT, mapped=False), seconds

    def _measured(self, built: Built) -> Measured:
        kept = built.folder / "probe.json"
        if not kept.exists():
            LOG.info("%s: searching", built.spec)
            _write(kept, self._probed(built.folder))
        told = json.loads(kept.read_text("utf-8"))
        points = tuple(Point(**one) for one in told.pop("points"))
        return Measured(built, Probe(**told, points=points))

    def _probed(self, folder: Path) -> Any:
        files = [folder, *(self._folder / name for name in ("vectors.f16", "queries.npy", "truth.npz"))]
        done = subprocess.run(
            [sys.executable, "-m", "evaluation.index_probe", *(str(one.resolve()) for one in files)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            check=False,
        )
        if done.returncode:
            raise PartUnavailable(
                f"The process that measures {folder} ended with {done.returncode} ({done.stderr.strip()[-300:]}); "
                "run the command again, it goes on from here."
            )
        return json.loads(done.stdout)


def as_stored(spec: IndexSpec) -> IndexSpec:
    """The spec without what only says how it is searched: one index serves them all."""
    return IndexSpec(spec.family, spec.lists, spec.code_bytes, spec.links)


def report(measured: Sequence[Measured], count: int, facts: Mapping[str, str]) -> Table:
    """A row an index, searched in the cheapest way with the recall that is wanted, or the best it can."""
    columns = (
        "index",
        "build s",
        "RAM MiB",
        "bytes/vector",
        "effort",
        "refine",
        "recall@10",
        "p50 ms",
        "p99 ms",
        "2 threads /s",
    )
    rows = tuple(_row(one, count) for one in measured)
    told = {
        "vectors": f"{count} of a mixture of clusters (evaluation/index_vectors.py), compared by dot product",
        "recall": f"against all compared; a row shows the fastest search with at least {WANTED_RECALL}, or the best",
        "RAM": "what the whole index adds to a fresh process; vectors to compare candidates with are mapped from disk",
        "threads": f"built with OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS', 'as many as cores')}, searched "
        "with 1 thread a query",
    }
    return Table(f"Vector indexes of {count} vectors", columns, rows, {**told, **facts}, _data(measured))


def _row(one: Measured, count: int) -> tuple[str, ...]:
    point, built = one.cheapest(), one.built
    return (
        str(as_stored(built.spec)),
        f"{built.learning + built.filling:.0f}",
        f"{one.probe.loaded:.0f}",
        f"{built.size / count:.1f}",
        str(point.effort),
        str(point.refine),
        f"{point.recall:.3f}",
        f"{point.p50:.2f}",
        f"{point.p99:.2f}",
        f"{point.per_second:.0f}",
    )


def _data(measured: Sequence[Measured]) -> list[dict[str, Any]]:
    return [
        {
            "spec": str(one.built.spec),
            "learning": one.built.learning,
            "filling": one.built.filling,
            "bytes": one.built.size,
            **asdict(one.probe),
        }
        for one in measured
    ]


def _told(vectors: VectorFile) -> Iterator[tuple[Ids, Matrix]]:
    for number, (ids, block) in enumerate(vectors.blocks()):
        yield ids, block
        if number % _TOLD_EVERY == 0:
            LOG.info("taken in: %d of %d", number * BLOCK + len(ids), len(vectors))


def _name(spec: IndexSpec) -> str:
    return re.sub(r"[^a-z0-9]+", "-", str(spec))


def _save(path: Path, rows: Matrix) -> None:
    scratch = path.with_suffix(".part.npy")
    np.save(scratch, rows)
    scratch.replace(path)


def _write(path: Path, told: Any) -> None:
    scratch = path.with_suffix(".part")
    scratch.write_text(json.dumps(told), "utf-8")
    scratch.replace(path)
