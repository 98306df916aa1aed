"""From scores to probabilities, and how well scores separate: short formulas with their papers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch


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
