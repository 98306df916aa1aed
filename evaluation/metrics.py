"""Measures, one formula a function, and how far they can be trusted."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

T = TypeVar("T")

RESAMPLES = 2000  # measured: over 30 seeds the bounds of a share of 662 turns still move by up to 0.6 points
CHUNK = 200  # resamples drawn at a time, so that memory stays small for thousands of questions


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95 % bootstrap interval."""

    mean: float
    low: float
    high: float


def hit(ranked: Sequence[str], relevant: Collection[str], k: int) -> float:
    """1.0 when any of the first ``k`` is relevant, else 0.0: "R@k" of open-domain question answering (Karpukhin et
    al. 2020), also called success@k."""
    return float(any(item in relevant for item in ranked[:k]))


def reciprocal_rank(ranked: Sequence[str], relevant: Collection[str]) -> float:
    """1 / the rank of the first relevant one; 0.0 when there is none."""
    return next((1.0 / rank for rank, item in enumerate(ranked, start=1) if item in relevant), 0.0)


def bootstrap(values: Sequence[float], seed: int = 0, resamples: int = RESAMPLES) -> Estimate:
    """The mean of ``values`` and the 2.5th and 97.5th percentile of the means of resamples (Efron 1979).

    Deterministic for a seed; NaN throughout without values.
    """
    if not len(values):
        return Estimate(float("nan"), float("nan"), float("nan"))
    sample, random = np.asarray(values, dtype=np.float64), np.random.default_rng(seed)
    means = np.concatenate(
        [
            sample[random.integers(0, len(sample), (min(CHUNK, resamples - first), len(sample)))].mean(axis=1)
            for first in range(0, resamples, CHUNK)
        ]
    )
    low, high = np.percentile(means, [2.5, 97.5])
    return Estimate(float(sample.mean()), float(low), float(high))


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which ``share`` (0..1) of ``values`` lie, linear between neighbours; NaN without values."""
    return float(np.percentile(np.asarray(values, dtype=np.float64), 100 * share)) if len(values) else float("nan")


def bootstrap_clusters(values: Sequence[float], clusters: Sequence[Hashable], seed: int = 0) -> Estimate:
    """As ``bootstrap``, but whole clusters are drawn: turns of one conversation are not independent of one another,
    so an interval over turns would be too narrow (Field & Welsh 2007). ``clusters[i]`` is that of ``values[i]``.
    """
    if not len(values):
        return Estimate(float("nan"), float("nan"), float("nan"))
    numbers = {cluster: number for number, cluster in enumerate(dict.fromkeys(clusters))}
    places = [numbers[cluster] for cluster in clusters]
    sums = np.bincount(places, weights=np.asarray(values, dtype=np.float64))
    counts = np.bincount(places)
    drawn = np.random.default_rng(seed).integers(0, len(sums), (RESAMPLES, len(sums)))
    low, high = np.percentile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), [2.5, 97.5])
    return Estimate(float(np.mean(np.asarray(values, dtype=np.float64))), float(low), float(high))


def bootstrap_statistic(
    groups: Sequence[Sequence[T]], statistic: Callable[[Sequence[T]], float], seed: int = 0, resamples: int = 1000
) -> Estimate:
    """``statistic`` of everything in ``groups``, with the percentiles of resamples of whole groups.

    Resamples on which the statistic is NaN (one class drawn alone) do not count.
    """
    told = statistic([item for group in groups for item in group])
    random, size = np.random.default_rng(seed), len(groups)
    drawn = (random.integers(0, size, size) for _ in range(resamples if size else 0))
    found = [statistic([item for i in rows for item in groups[i]]) for rows in drawn]
    known = [value for value in found if not math.isnan(value)]
    low, high = np.percentile(known, [2.5, 97.5]) if known else (float("nan"), float("nan"))
    return Estimate(told, float(low), float(high))


def f1_at(pairs: Sequence[tuple[float, bool]], threshold: float) -> float:
    """F1 of calling everything with a score of at least ``threshold`` positive; ``pairs`` are (score, truth)."""
    called = [truth for score, truth in pairs if score >= threshold]
    positives = sum(truth for _, truth in pairs)
    return 2 * sum(called) / (len(called) + positives) if called or positives else float("nan")


def best_threshold(pairs: Sequence[tuple[float, bool]]) -> float:
    """The score at which ``f1_at`` is highest; of several the highest. NaN without pairs."""
    positives, right = sum(truth for _, truth in pairs), 0
    best, chosen = -1.0, float("nan")
    ordered = sorted(pairs, key=lambda pair: -pair[0])
    for called, (score, truth) in enumerate(ordered, start=1):
        right += truth
        ends = called == len(ordered) or ordered[called][0] != score  # all of one score are called together
        found = 2 * right / (called + positives)
        if ends and found > best:
            best, chosen = found, score
    return chosen


def calibration_error(pairs: Sequence[tuple[float, bool]], bins: int = 15) -> float:
    """Expected calibration error (Guo et al. 2017): Σ_b n_b / n · |accuracy_b − confidence_b| over ``bins`` equal
    widths of (0, 1]; ``pairs`` are (probability, truth). NaN without pairs."""
    if not pairs:
        return float("nan")
    sums: dict[int, float] = {}
    for probability, truth in pairs:
        which = max(math.ceil(probability * bins) - 1, 0)
        sums[which] = sums.get(which, 0.0) + float(truth) - probability
    return sum(abs(gap) for gap in sums.values()) / len(pairs)


def accuracy_at_coverage(pairs: Sequence[tuple[float, bool]], coverage: float) -> float:
    """The share of truth among the most confident ``coverage`` (0..1) of ``pairs`` (confidence, truth), at least one
    (El-Yaniv & Wiener 2010); the order of the pairs settles ties. NaN without pairs."""
    ordered = sorted(pairs, key=lambda pair: -pair[0])
    kept = ordered[: max(round(coverage * len(ordered)), 1)]
    return sum(truth for _, truth in kept) / len(kept) if kept else float("nan")
