"""Centroids in two steps: as many as asked for, about as near to the vectors as those of plain k-means."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval.dense import Matrix
from retrieval.dense_lists import shared_out, two_step_centroids

D = 8


def clustered(n: int) -> Matrix:
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((30, D))
    sizes = np.arange(1, 31) / 465  # the largest cluster thirty times the smallest
    return (centres[rng.choice(30, n, p=sizes)] + 0.2 * rng.standard_normal((n, D))).astype(np.float32)


def apart(vectors: Matrix, centroids: Matrix) -> float:
    """The mean squared distance to the nearest centroid."""
    return float(((vectors[:, None] - centroids[None]) ** 2).sum(2).min(1).mean())


@pytest.mark.parametrize(("n", "lists"), [(1, 1), (5, 5), (300, 7), (2000, 100), (1111, 257)])
def test_there_are_as_many_as_asked_for(n: int, lists: int) -> None:
    found = two_step_centroids(clustered(n), lists, spherical=False)
    assert found.shape == (lists, D)
    assert np.isfinite(found).all()


def test_they_lie_much_nearer_than_vectors_picked_by_chance() -> None:
    vectors = clustered(4000)
    found = two_step_centroids(vectors, 64, spherical=False)
    picked = vectors[np.random.default_rng(1).choice(4000, 64, replace=False)]
    assert apart(vectors, found) < 0.75 * apart(vectors, picked)


def test_for_dot_products_they_have_length_one() -> None:
    found = two_step_centroids(clustered(900), 30, spherical=True)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-4)


def test_the_same_vectors_give_the_same_centroids() -> None:
    one, same = (two_step_centroids(clustered(700), 20, spherical=False) for _ in range(2))
    np.testing.assert_array_equal(one, same)


@pytest.mark.parametrize(
    ("total", "sizes", "given"),
    [
        (10, [50, 30, 20], [5, 3, 2]),
        (4, [10, 10, 10], [2, 1, 1]),
        (6, [3, 2, 1], [3, 2, 1]),
        (2, [0, 9, 1], [0, 2, 0]),
        (3, [1, 0, 99], [0, 0, 3]),
    ],
)
def test_they_are_shared_out_by_size(total: int, sizes: list[int], given: list[int]) -> None:
    assert shared_out(total, np.array(sizes, dtype=np.int64)).tolist() == given
