"""Retrieval measures, one formula a function, and how far they can be trusted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

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
