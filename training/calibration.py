"""From scores to probabilities, and how well scores separate: short formulas with their papers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

COLDEST, HOTTEST = 0.05, 20.0
"""Bounds of the temperature: separable logits would otherwise be sharpened without end, useless ones flattened so."""

_GOLDEN = (5**0.5 - 1) / 2
_SEARCH_STEPS = 60  # each keeps 0.618 of the bracket: far below float noise on a logarithm that spans 6


def fit_platt(scores: Sequence[float], labels: Sequence[int], steps: int = 200) -> tuple[float, float]:
    """``(a, b)`` such that σ(a·s + b) is the probability of label 1 (Platt 1999), by maximum likelihood with L-BFGS.

    Targets are smoothed as in Platt's paper so that separable scores do not give infinite slopes.
    """
    s = torch.tensor(scores, dtype=torch.float64)
    y = torch.tensor(labels, dtype=torch.float64)
    positives = float(y.sum())
    negatives = len(labels) - positives
    target = torch.where(y > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    parameters = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([parameters], max_iter=steps, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        logits = parameters[0] * s + parameters[1]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, target)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return float(parameters[0].detach()), float(parameters[1].detach())


def fit_temperature(logits: Sequence[float], labels: Sequence[int]) -> float:
    """The T that minimises the negative log-likelihood of σ(s / T) (Guo et al. 2017), in ``[COLDEST, HOTTEST]``.

    The likelihood is log-concave in 1/T, so it has one peak in log T and golden-section search finds it.
    """
    s, y = np.asarray(logits, dtype=float), np.asarray(labels, dtype=float)
    low, high = np.log(COLDEST), np.log(HOTTEST)
    for _ in range(_SEARCH_STEPS):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        if negative_log_likelihood(s / np.exp(left), y) <= negative_log_likelihood(s / np.exp(right), y):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def negative_log_likelihood(
    logits: Sequence[float] | npt.NDArray[np.float64], labels: Sequence[int] | npt.NDArray[np.float64]
) -> float:
    """The mean of −log p(label) with p = σ(logit), in nats."""
    s, y = np.asarray(logits, dtype=float), np.asarray(labels, dtype=float)
    return float(np.mean(np.logaddexp(0, s) - y * s))


def expected_calibration_error(probabilities: Sequence[float], labels: Sequence[int], bins: int = 15) -> float:
    """Σ_m |B_m|/n · |mean label − mean probability| over ``bins`` bins of equal width (Naeini et al. 2015), 0..1.

    ``probabilities`` are of label 1; bin m holds (m/bins, (m+1)/bins], the first one 0 too. NaN without any.
    """
    p, y = np.asarray(probabilities, dtype=float), np.asarray(labels, dtype=float)
    if not len(p):
        return float("nan")
    place = np.clip(np.ceil(p * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(place, weights=y - p, minlength=bins)
    return float(np.abs(gaps).sum() / len(p))


def roc_auc(scores: Sequence[float], labels: Sequence[int]) -> float:
    """The probability that a positive outscores a negative, ties counted half (Mann–Whitney U). NaN without both."""
    values, truth = np.asarray(scores, dtype=float), np.asarray(labels, dtype=bool)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    if not positives or not negatives:
        return float("nan")
    order = np.unique(values, return_inverse=True)[1]
    counts = np.bincount(order)
    ends = np.cumsum(counts)
    average_rank = (ends - (counts - 1) / 2)[order]
    return float((average_rank[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))
