"""Similarities and losses of the bi-encoder (Karpukhin et al. 2020, section 3.2 and appendix), a formula a function.

Letters: B queries, P passages (the B positives first, in the order of the queries, then the hard negatives), D
dimension; S (B, P) the scores, higher is better.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch
from sentence_transformers.base.losses import CachedLossMixin
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
    MultipleNegativesRankingLoss,
)
from sentence_transformers.util import cos_sim, dot_score
from torch import Tensor, nn
from torch.nn import functional

Similarity = Literal["dot", "cosine", "l2"]
Loss = Literal["nll", "hinge", "bce"]

SCALES: dict[Similarity, float] = {"dot": 1.0, "cosine": 20.0, "l2": 1.0}
"""What scores are multiplied by: a cosine lies in −1..1, where a softmax over it would be nearly flat."""

MARGINS: dict[tuple[Loss, Similarity], float] = {
    ("hinge", "dot"): 1.0,  # the margin of DPR's triplet loss
    ("hinge", "cosine"): 0.2,
    ("hinge", "l2"): 1.0,
    ("bce", "dot"): 0.0,
    ("bce", "cosine"): 0.5,
    ("bce", "l2"): -1.0,  # of unit vectors the same boundary as a cosine of 0.5
}


def negative_squared_distance(q: Tensor, p: Tensor) -> Tensor:
    """S (B, P) with S_ij = −‖q_i − p_j‖², of q (B, D) and p (P, D); in float32, since large squares cancel out here."""
    with torch.autocast(q.device.type, enabled=False):
        q, p = q.float(), p.float()
        squares = (q * q).sum(1, keepdim=True) + (p * p).sum(1) - 2 * (q @ p.T)
        return -squares.clamp(min=0.0)  # rounding may take the distance of equal vectors below 0


def hinge_loss(s: Tensor, m: float) -> Tensor:
    """L = mean over i and j ≠ i of max(0, m − S_ii + S_ij): DPR's triplet loss over every negative in the batch.

    0 when there is no negative.
    """
    violations = functional.relu(m - s.diagonal()[:, None] + s)
    return _mean(violations[_negatives(s)])


def bce_loss(s: Tensor, alpha: float, m: float) -> Tensor:
    """L = ½ [mean_i −log σ(α(S_ii − m)) + mean_{i, j≠i} −log σ(−α(S_ij − m))].

    Binary cross-entropy of "does p_j answer q_i?": a pair of score m is even, α says how sharply. Both halves weigh
    the same, or the many negatives of a batch would drown its positives.
    """
    logits = alpha * (s - m)
    return 0.5 * (functional.softplus(-logits.diagonal()).mean() + _mean(functional.softplus(logits[_negatives(s)])))


SIMILARITIES: dict[Similarity, Callable[[Tensor, Tensor], Tensor]] = {
    "dot": dot_score,
    "cosine": cos_sim,
    "l2": negative_squared_distance,
}


def ranking_loss(
    model: Any, loss: Loss, similarity: Similarity, *, scale: float, margin: float, mini_batch: int = 0
) -> nn.Module:
    """The loss as sentence-transformers' trainer calls it.

    ``nll`` is its own: −log softmax of α·S at the positive, α = ``scale`` (DPR's equation 2). ``mini_batch`` > 0
    caches gradients (Gao et al. 2021): the same loss over a batch of any size, so many texts in memory at a time.
    """
    score = SIMILARITIES[similarity]
    if loss == "nll":
        cached = {"mini_batch_size": mini_batch} if mini_batch else {}
        kind: type[nn.Module] = CachedMultipleNegativesRankingLoss if mini_batch else MultipleNegativesRankingLoss
        return kind(model, scale=scale, similarity_fct=score, **cached)

    def formula(q: Tensor, p: Tensor) -> Tensor:
        s = score(q, p)
        return hinge_loss(s, margin) if loss == "hinge" else bce_loss(s, scale, margin)

    return CachedPairLoss(model, formula, mini_batch) if mini_batch else PairLoss(model, formula)


class PairLoss(nn.Module):
    """A loss over the vectors of queries (B, D) and passages (P, D) as one of sentence-transformers' losses."""

    def __init__(self, model: Any, formula: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.model, self.formula = model, formula

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], *_: object) -> Tensor:
        """``sentence_features``: the tokens of queries, positives and each column of negatives. No labels are used."""
        queries, *passages = [self.model(features)["sentence_embedding"] for features in sentence_features]
        return self.formula(queries, torch.cat(passages))


class CachedPairLoss(CachedLossMixin, nn.Module):  # type: ignore[misc]  # sentence-transformers is untyped here
    """``PairLoss`` with cached gradients (Gao et al. 2021): equal, in the memory of ``mini_batch_size`` texts."""

    def __init__(self, model: Any, formula: Callable[[Tensor, Tensor], Tensor], mini_batch_size: int) -> None:
        super().__init__()
        self.model, self.formula, self.mini_batch_size = model, formula, mini_batch_size

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], *_: object) -> Tensor:
        """As ``PairLoss.forward``."""
        loss: Tensor = CachedLossMixin.forward_cached(self, sentence_features)
        return loss

    def calculate_loss(self, reps: list[list[Tensor]], *_: object, with_backward: bool = False) -> Tensor:
        """The loss of the vectors ``reps`` (columns of mini-batches), carried back to them ``with_backward``."""
        queries, *passages = [torch.cat(column) for column in reps]
        loss: Tensor = self.formula(queries, torch.cat(passages))
        if with_backward:
            loss.backward()  # type: ignore[no-untyped-call]
            return loss.detach()
        return loss


def _negatives(s: Tensor) -> Tensor:
    """Where S (B, P) has a pair that does not belong together: all but the diagonal."""
    return ~torch.eye(*s.shape, dtype=torch.bool, device=s.device)


def _mean(values: Tensor) -> Tensor:
    """The mean, 0 of none."""
    return values.sum() / max(values.numel(), 1)
