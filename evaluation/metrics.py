"""Measures, one formula a function, and how far they can be trusted."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

T = TypeVar("T")

RESAMPLES = 2000  # measured: over 30 seeds the bounds of a share of 662 turns still move by up to 0.6 points
CHUNK = 200  # resamples drawn at a time, so that memory stays small for thousands of questions
_ROUNDING = 1e-12  # 1 - 1/20 is a little less than 0.95


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


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a reliability diagram: ``count`` pairs with probabilities in (``low``, ``high``], their mean
    probability and the share of them that is true."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


def reliability(pairs: Sequence[tuple[float, bool]], bins: int = 10) -> list[Bin]:
    """The bars of a reliability diagram (Niculescu-Mizil & Caruana 2005) over ``bins`` equal widths of (0, 1]; bins
    without a pair are left out. ``pairs`` are (probability, truth)."""
    groups: dict[int, list[tuple[float, bool]]] = {}
    for pair in pairs:
        groups.setdefault(max(math.ceil(pair[0] * bins) - 1, 0), []).append(pair)
    return [
        Bin(
            which / bins,
            (which + 1) / bins,
            len(found),
            sum(probability for probability, _ in found) / len(found),
            sum(truth for _, truth in found) / len(found),
        )
        for which, found in sorted(groups.items())
    ]


def risk_coverage(pairs: Sequence[tuple[float, bool]]) -> list[tuple[float, float]]:
    """(coverage, risk) for each distinct confidence as the threshold, the surest first (El-Yaniv & Wiener 2010):
    the share of ``pairs`` (confidence, truth) that is answered, and the share of those that is wrong."""
    curve, right = [], 0
    ordered = sorted(pairs, key=lambda pair: -pair[0])
    for answered, (confidence, truth) in enumerate(ordered, start=1):
        right += truth
        if answered == len(ordered) or ordered[answered][0] != confidence:  # all of one confidence are answered alike
            curve.append((answered / len(ordered), 1 - right / answered))
    return curve


def area_under_risk(pairs: Sequence[tuple[float, bool]]) -> float:
    """AURC (Geifman, Uziel & El-Yaniv 2019): the mean risk over all coverages 1/n … n/n, lower is better; among equal
    confidences the mean over their orders. NaN without pairs."""
    total, before, wrong = 0.0, 0, 0
    for _, truths in itertools.groupby(sorted(pairs, key=lambda pair: -pair[0]), key=lambda pair: pair[0]):
        group = [truth for _, truth in truths]
        missed = len(group) - sum(group)
        steps = range(1, len(group) + 1)
        total += sum((wrong + missed * step / len(group)) / (before + step) for step in steps)
        before, wrong = before + len(group), wrong + missed
    return total / before if before else float("nan")


def coverage_at_precision(pairs: Sequence[tuple[float, bool]], precision: float) -> float:
    """The largest share of ``pairs`` (confidence, truth) that one threshold answers with at least ``precision`` of
    them right, 0..1; 0.0 when no threshold does. NaN without pairs."""
    if not pairs:
        return float("nan")
    enough = (coverage for coverage, risk in risk_coverage(pairs) if 1 - risk >= precision - _ROUNDING)
    return max(enough, default=0.0)
