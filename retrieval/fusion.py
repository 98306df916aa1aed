"""Several rankings made one: by rank, by a sum of normalised scores, or by weights that were learned."""

from __future__ import annotations

import math
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


def min_max(scores: Mapping[Item, float], least: float | None = None) -> dict[Item, float]:
    """φ(x) = (x − m) / (M − m), M the highest score: 0..1 for every ``x`` from m on.

    m is the lowest score, or ``least``, the lowest that the scorer can give at all (Bruch, Gai & Ingber 2023, φ_tmm):
    then the worst of a good list keeps what it is worth. All 1 where every score is the lowest of the list, all 0
    where every score is ``least``.
    """
    if not scores:
        return {}
    m = min(scores.values()) if least is None else least
    reach = max(scores.values()) - m
    if reach <= 0:
        return dict.fromkeys(scores, 1.0 if least is None else 0.0)
    return {item: (score - m) / reach for item, score in scores.items()}


def z_scores(scores: Mapping[Item, float]) -> dict[Item, float]:
    """φ(x) = (x − μ) / σ over the list (σ of the population); 0 throughout where all scores are the same."""
    if not scores:
        return {}
    mean = sum(scores.values()) / len(scores)
    spread = math.sqrt(sum((score - mean) ** 2 for score in scores.values()) / len(scores))
    return {item: (score - mean) / spread if spread > 0 else 0.0 for item, score in scores.items()}


def weighted_sum(lists: Sequence[Mapping[Item, float]], weights: Sequence[float]) -> dict[Item, float]:
    """f(d) = Σ_l w_l · φ_l(d) / Σ_l w_l over lists of normalised scores; with two lists and α = w_1 / (w_1 + w_2) the
    convex combination α·φ_1 + (1 − α)·φ_2 of Bruch, Gai & Ingber (ACM TOIS 2023).

    An item that a list lacks would have been below: it gets 0, or the lowest score of the list where that is less.
    Raises ``ValueError`` when the numbers of lists and weights differ.
    """
    total = sum(weights)
    scores = dict.fromkeys((item for one in lists for item in one), 0.0)
    for one, weight in zip(lists, weights, strict=True):
        absent = min(0.0, min(one.values(), default=0.0))
        for item in scores:
            scores[item] += weight / total * one.get(item, absent)
    return scores
