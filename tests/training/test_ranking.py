"""Similarities and losses against plain NumPy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch
from torch import Tensor, nn

from training.ranking import MARGINS, SIMILARITIES, Loss, Similarity, bce_loss, hinge_loss, ranking_loss

Array = npt.NDArray[np.float64]


def vectors(rows: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=(rows, 7))


def scores(similarity: Similarity, q: Array, p: Array) -> Array:
    found = np.zeros((len(q), len(p)))
    for i, one in enumerate(q):
        for j, other in enumerate(p):
            lengths = float(np.linalg.norm(one) * np.linalg.norm(other))
            found[i, j] = {
                "dot": float(one @ other),
                "cosine": float(one @ other) / lengths,
                "l2": -float(np.sum((one - other) ** 2)),
            }[similarity]
    return found


def nll(s: Array, scale: float, _: float) -> float:
    z = scale * s
    return float(np.mean([np.log(np.exp(z[i] - z[i, i]).sum()) for i in range(len(s))]))


def hinge(s: Array, _: float, margin: float) -> float:
    terms = [max(0.0, margin - s[i, i] + s[i, j]) for i in range(len(s)) for j in range(s.shape[1]) if i != j]
    return float(sum(terms) / max(len(terms), 1))


def bce(s: Array, scale: float, margin: float) -> float:
    probability = 1 / (1 + np.exp(-scale * (s - margin)))
    right = [-np.log(probability[i, i]) for i in range(len(s))]
    wrong = [-np.log(1 - probability[i, j]) for i in range(len(s)) for j in range(s.shape[1]) if i != j]
    return float(0.5 * (sum(right) / len(right) + sum(wrong) / max(len(wrong), 1)))


ORACLES: dict[Loss, Callable[[Array, float, float], float]] = {"nll": nll, "hinge": hinge, "bce": bce}


class Lookup(nn.Module):
    """The vector of a text is the row of its one token."""

    def __init__(self, rows: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(vectors(rows)))

    def forward(self, features: dict[str, Tensor]) -> dict[str, Tensor]:
        return {"sentence_embedding": self.weight[features["input_ids"][:, 0]]}


class Table(nn.Sequential):
    """A model of one module: gradients land in the row that a text came from."""

    def __init__(self, rows: int) -> None:
        super().__init__(Lookup(rows))

    @property
    def weight(self) -> nn.Parameter:
        return next(self.parameters())


def batch(size: int, negatives: int) -> list[dict[str, Tensor]]:
    columns = torch.arange(size * (2 + negatives)).reshape(2 + negatives, size, 1)
    return [{"input_ids": column, "attention_mask": torch.ones_like(column)} for column in columns]


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize(("queries", "passages"), [(1, 1), (3, 3), (5, 17)])
def test_a_similarity_is_its_formula(similarity: Similarity, queries: int, passages: int) -> None:
    q, p = vectors(queries), vectors(passages, 1)
    found = SIMILARITIES[similarity](torch.tensor(q), torch.tensor(p)).double().numpy()
    assert found == pytest.approx(scores(similarity, q, p), abs=1e-4)


def test_a_vector_is_at_no_distance_from_itself() -> None:
    p = torch.tensor(vectors(4)) * 1000
    assert SIMILARITIES["l2"](p, p).diagonal().tolist() == pytest.approx([0.0] * 4, abs=2.0)
    assert (SIMILARITIES["l2"](p, p) <= 0).all()


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("loss", ORACLES)
@pytest.mark.parametrize(("size", "negatives"), [(1, 0), (1, 2), (4, 0), (5, 1), (3, 3)])
def test_a_loss_is_its_formula(loss: Loss, similarity: Similarity, size: int, negatives: int) -> None:
    model, scale, margin = Table(size * (2 + negatives)), 0.7, 0.3
    made = ranking_loss(model, loss, similarity, scale=scale, margin=margin)
    w = model.weight.detach().numpy()
    s = scores(similarity, w[:size], w[size:])
    assert made(batch(size, negatives), None).item() == pytest.approx(ORACLES[loss](s, scale, margin), abs=1e-4)


@pytest.mark.parametrize("loss", ORACLES)
def test_cached_gradients_are_the_gradients(loss: Loss) -> None:
    found = []
    for mini_batch in (0, 2):
        model = Table(5 * 3)
        value = ranking_loss(model, loss, "dot", scale=1.0, margin=0.5, mini_batch=mini_batch)(batch(5, 1), None)
        value.backward()
        assert model.weight.grad is not None
        found.append((value.item(), model.weight.grad.clone()))
    assert found[0][0] == pytest.approx(found[1][0], abs=1e-9)
    assert torch.allclose(found[0][1], found[1][1], atol=1e-9)
    assert found[0][1].abs().sum() > 0


def test_written_out_by_hand() -> None:
    s = torch.tensor([[2.0, 1.5, 0.0], [0.0, 1.0, 3.0]])
    assert hinge_loss(s, 1.0).item() == pytest.approx((0.5 + 0 + 0 + 3.0) / 4)
    assert bce_loss(torch.tensor([[0.5]]), 20.0, 0.5).item() == pytest.approx(0.5 * np.log(2))


def test_every_margin_has_a_default() -> None:
    assert {(loss, similarity) for loss in ("hinge", "bce") for similarity in SIMILARITIES} == set(MARGINS)
