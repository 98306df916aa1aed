"""Reciprocal rank fusion."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)


def reciprocal_rank_fusion(
    rankings: Sequence[Sequence[Item]], k: float = 60, weights: Sequence[float] | None = None
) -> Mapping[Item, float]:
    """RRFscore(d) = Σ_r w_r / (k + r(d)), r(d) counted from 1 (Cormack, Clarke & Büttcher, SIGIR 2009).

    ``weights`` (1 each unless given) are this project's addition. An item absent from a ranking gets nothing from
    it. Raises ``ValueError`` when the numbers of weights and rankings differ, or a ranking names an item twice.
    """
    scores: dict[Item, float] = {}
    for ranking, weight in zip(rankings, weights or [1.0] * len(rankings), strict=True):
        if len(set(ranking)) != len(ranking):
            raise ValueError("a ranking names an item twice")
        for r, item in enumerate(ranking, start=1):
            scores[item] = scores.get(item, 0.0) + weight / (k + r)
    return scores
