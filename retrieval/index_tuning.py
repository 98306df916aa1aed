"""Which vector index is the cheapest that still finds what comparing all vectors finds: measured on real vectors.

What is measured and what is not. At most ``Wish.most`` vectors are taken; exact search over them is the yardstick.
With more in the knowledge base the candidates get as many lists as leave the same number of vectors in each, so that
bytes a vector and the time to look into so many lists carry over. Three things are extrapolated then: recall (among
more vectors neighbours lie closer together, in fewer lists but among more rivals), a graph's effort (grows with the
logarithm of the number) and the time to build (grows with the number). Whole vectors are in memory here; to read them
from the catalogue or a disk comes on top. Questions, where none are given, are stored vectors moved a little.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Literal

import numpy as np

from domain.errors import Misconfigured
from retrieval.catalogue import Catalogue, metric_of
from retrieval.dense import FlatIndex, Ids, Matrix
from retrieval.dense_trained import TrainedIndex, training_size
from retrieval.index_spec import CODED, LISTED, Family, IndexSpec, Metric

Preference = Literal["memory", "speed"]

_AT_ONCE = 1000  # rows looked up in one statement
_MOVED = 0.5  # the length of a question's way from its passage, as a share of the passage's
_CODES_FROM = 10_000  # vectors; 256 centroids of a code need 39 each
_EFFORTS = {Family.HNSW: (16, 32, 64, 128, 256, 512), **dict.fromkeys(LISTED, (1, 2, 4, 8, 16, 32, 64, 128, 256))}
_REFINES = (4, 10, 20, 40)
_BLOCK = 8192  # vectors taken in at once
_GAIN, _PLATEAU_FROM = 0.0005, 16  # recall that more effort must bring to go on, once that many lists are looked into
_STEP = 1.1  # costs this near are the same, and the other cost decides


@dataclass(frozen=True, slots=True)
class Sample:
    """Vectors (s, D), in random order, of the ``count`` that a knowledge base holds, and how they are compared."""

    vectors: Matrix
    count: int
    metric: Metric


@dataclass(frozen=True, slots=True)
class Wish:
    """Of the ``k`` nearest a share of ``recall`` is to be found; of what does so the index with the fewest bytes
    ("memory") or milliseconds ("speed") is taken. At most ``most`` vectors and ``questions`` questions are used."""

    recall: float = 0.98
    k: int = 10
    prefer: Preference = "memory"
    most: int = 200_000
    questions: int = 200

    def __post_init__(self) -> None:
        if not 0 < self.recall <= 1:
            raise Misconfigured(f"The recall to reach is above 0 and at most 1, not {self.recall}.")
        for name in ("k", "most", "questions"):
            if getattr(self, name) < 1:
                raise Misconfigured(f"To tune an index {name} is at least 1, not {getattr(self, name)}.")


@dataclass(frozen=True, slots=True)
class Candidate:
    """An index that was made: ``spec`` searches it in the fastest way that finds enough, or else in the one that finds
    most. ``milliseconds``: the median of a search on one thread."""

    spec: IndexSpec
    recall: float
    bytes_a_vector: float
    milliseconds: float
    build_seconds: float


@dataclass(frozen=True, slots=True)
class Tuning:
    """All candidates, in the order of their families, and the one to take; None when none finds enough."""

    candidates: tuple[Candidate, ...]
    chosen: Candidate | None
    compared: int
    """How many vectors it was measured on."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """What every candidate is measured with: vectors in memory, questions, and their exact neighbours."""

    sample: Sample
    questions: Matrix
    truth: tuple[Ids, ...]
    wish: Wish

    def exact(self, ids: Ids) -> Matrix:
        return self.sample.vectors[ids]


def sample_of(catalogue: Path, most: int, seed: int = 0) -> Sample:
    """At most ``most`` vectors of the ``catalogue`` file, drawn evenly; reads those alone. Raises ``Misconfigured`` for
    a file that is none, or an empty one."""
    opened = Catalogue(catalogue)
    try:
        with opened.moment() as moment:
            rows, meta = moment.rows(), moment.meta()
            if not len(rows):
                raise Misconfigured("There are no passages to tune an index on; ingest some first.")
            rng = np.random.default_rng(seed)
            drawn = np.sort(rng.choice(rows, min(most, len(rows)), replace=False))
            dimension = int(meta["dimension"])
            parts = [moment.vectors_of(drawn[i : i + _AT_ONCE], dimension) for i in range(0, len(drawn), _AT_ONCE)]
    finally:
        opened.close()
    return Sample(rng.permutation(np.concatenate(parts)), len(rows), metric_of(meta))


def candidates_for(sample: Sample) -> list[IndexSpec]:
    """What is worth trying: every family, codes of an eighth and a quarter of the vector's numbers."""
    dimension = sample.vectors.shape[1]
    specs = [IndexSpec(family) for family in Family if family not in CODED]
    if len(sample.vectors) >= _CODES_FROM:
        sizes = [dimension // part for part in (8, 4) if dimension % part == 0]
        specs += [IndexSpec(family, code_bytes=m) for family in Family if family in CODED for m in sizes]
    return specs


def tune(
    sample: Sample,
    wish: Wish,
    specs: Sequence[IndexSpec] | None = None,
    questions: Matrix | None = None,
    tell: Callable[[IndexSpec], object] = lambda _: None,
) -> Tuning:
    """Makes each of ``specs`` (None: ``candidates_for``) once from ``sample`` and searches it harder and harder.

    ``questions`` (Q, D): real ones, as vectors; None moves stored vectors a little. ``tell`` hears what is made next.
    """
    part = replace(sample, vectors=sample.vectors[: wish.most])
    asked = moved(part.vectors, wish.questions) if questions is None else questions[: wish.questions]
    ids = np.arange(len(part.vectors), dtype=np.int64)
    flat = FlatIndex(part.vectors.shape[1], ids, part.vectors, part.metric)
    trial = _Trial(part, asked, tuple(flat.search(one, wish.k)[1] for one in asked), wish)
    found = []
    for spec in candidates_for(part) if specs is None else specs:
        tell(spec)
        found.append(_tried(spec, trial))
    return Tuning(tuple(found), cheapest(found, wish), len(part.vectors))


def cheapest(candidates: Sequence[Candidate], wish: Wish) -> Candidate | None:
    """The one to take. Costs within a tenth count as equal, so that no millisecond is paid for a byte."""
    enough = [one for one in candidates if one.recall >= wish.recall]

    def cost(one: Candidate) -> tuple[float, float, float]:
        memory, speed = _stepped(one.bytes_a_vector), _stepped(one.milliseconds)
        return (memory, speed, -one.recall) if wish.prefer == "memory" else (speed, memory, -one.recall)

    return min(enough, key=cost, default=None)


def scaled(spec: IndexSpec, sample: Sample) -> IndexSpec:
    """``spec`` for the vectors of ``sample``: as many to a list as in an index of all that it stands for."""
    if spec.family not in LISTED:
        return spec
    share = len(sample.vectors) / sample.count
    return replace(spec, lists=max(round(spec.sized(sample.count).lists * share), 1))


def moved(vectors: Matrix, size: int, seed: int = 0) -> Matrix:
    """At most ``size`` of ``vectors`` (s, D), each moved by half its length in any direction: as a question lies beside
    the passage that answers it."""
    rng = np.random.default_rng(seed)
    found = vectors[rng.choice(len(vectors), min(size, len(vectors)), replace=False)]
    away = rng.standard_normal(found.shape, dtype=np.float32) / math.sqrt(found.shape[1])
    return np.asarray(found + _MOVED * np.linalg.norm(found, axis=1, keepdims=True) * away, dtype=np.float32)


def _tried(spec: IndexSpec, trial: _Trial) -> Candidate:
    """Made once, then searched in one way after the other; see ``Candidate``."""
    index, seconds = _made(spec, trial.sample)
    bytes_a_vector = _bytes(index) / len(index)
    found = [
        Candidate(replace(spec, effort=way.effort, refine=way.refine), recall, bytes_a_vector, milliseconds, seconds)
        for way, recall, milliseconds in _climbed(index, spec, trial)
    ]
    enough = [one for one in found if one.recall >= trial.wish.recall]
    return min(enough, key=lambda one: one.milliseconds) if enough else max(found, key=lambda one: one.recall)


def _made(spec: IndexSpec, sample: Sample) -> tuple[TrainedIndex, float]:
    """The index and the seconds it took."""
    vectors, started = sample.vectors, time.perf_counter()
    spec = scaled(spec, sample)
    ids = np.arange(len(vectors), dtype=np.int64)
    blocks = ((ids[i : i + _BLOCK], vectors[i : i + _BLOCK]) for i in range(0, len(ids), _BLOCK))
    learnt_from = vectors[: training_size(spec, len(vectors))]  # a sample is in random order
    index = TrainedIndex.build(spec, sample.metric, learnt_from, blocks, len(ids))
    return index, time.perf_counter() - started


def _climbed(index: TrainedIndex, spec: IndexSpec, trial: _Trial) -> Iterator[tuple[IndexSpec, float, float]]:
    """Ways to search with recall and milliseconds: for each number of candidates compared again more and more effort,
    until enough is found or no more than before."""
    for refine in _REFINES if spec.family in CODED or spec.family is Family.SQ8 else (1,):
        before = -1.0
        for effort in _EFFORTS.get(spec.family, (0,)):
            recall, milliseconds = _searched(index.searched_with(effort or index.spec.effort, refine), trial)
            yield IndexSpec(effort=effort, refine=refine), recall, milliseconds
            if recall >= trial.wish.recall or (recall < before + _GAIN and effort >= _PLATEAU_FROM):
                break
            before = recall


def _searched(index: TrainedIndex, trial: _Trial) -> tuple[float, float]:
    """Recall, and the median search in milliseconds."""
    exact = trial.exact if index.spec.refine > 1 else None
    seconds, hits = [], 0
    for question, best in zip(trial.questions, trial.truth, strict=True):
        started = time.perf_counter()
        _, found = index.search(question, trial.wish.k, exact=exact)
        seconds.append(time.perf_counter() - started)
        hits += len(np.intersect1d(found, best))
    return hits / sum(len(best) for best in trial.truth), 1000 * median(seconds)


def _bytes(index: TrainedIndex) -> int:
    with tempfile.TemporaryDirectory() as scratch:
        index.save(Path(scratch))
        return sum(path.stat().st_size for path in Path(scratch).iterdir())


def _stepped(cost: float) -> int:
    return round(math.log(max(cost, 1e-9), _STEP))
