"""FAISS against plain NumPy."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from retrieval.dense import FlatIndex

Matrix = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


def unit_rows(n: int, dimension: int, seed: int = 0) -> Matrix:
    rows = np.random.default_rng(seed).standard_normal((n, dimension)).astype(np.float32)
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def plain_search(vectors: Matrix, ids: Ids, query: Matrix, k: int) -> tuple[Matrix, Ids]:
    scores = (vectors @ query).astype(np.float32)
    order = np.lexsort((ids, -scores))[:k]
    return scores[order], ids[order]


@pytest.mark.parametrize("dimension", [3, 384])
@pytest.mark.parametrize(("n", "k"), [(0, 5), (1, 1), (1, 5), (7, 3), (7, 7), (7, 100), (257, 50), (1000, 1)])
def test_it_finds_what_numpy_finds(n: int, k: int, dimension: int) -> None:
    vectors, query = unit_rows(n, dimension), unit_rows(1, dimension, seed=9)[0]
    ids = np.random.default_rng(1).permutation(n * 3)[:n].astype(np.int64)
    scores, found = FlatIndex(dimension, ids, vectors).search(query, k)
    wanted_scores, wanted = plain_search(vectors, ids, query, k)
    assert found.tolist() == wanted.tolist()
    np.testing.assert_allclose(scores, wanted_scores, atol=1e-6)


@pytest.mark.parametrize("k", [1, 2, 9, 30, 49])
def test_ties_are_ordered_by_id_even_across_the_cut(k: int) -> None:
    same = np.tile(np.array([0.6, 0.8], dtype=np.float32), (50, 1))
    ids = np.arange(50, dtype=np.int64)[::-1].copy()
    _, found = FlatIndex(2, ids, same).search(np.array([1, 0], dtype=np.float32), k)
    assert found.tolist() == list(range(k))


def test_a_zero_vector_is_a_neighbour_with_score_zero() -> None:
    vectors = np.array([[0, 0], [1, 0], [-1, 0]], dtype=np.float32)
    scores, found = FlatIndex(2, [5, 6, 7], vectors).search(np.array([1, 0], dtype=np.float32), 3)
    assert found.tolist() == [6, 5, 7]
    assert scores.tolist() == [1, 0, -1]


def test_no_k_means_no_neighbours() -> None:
    scores, found = FlatIndex(2, [1], [[1, 0]]).search(np.array([1, 0], dtype=np.float32), 0)
    assert (scores.shape, found.shape) == ((0,), (0,))


def test_excluded_ids_leave_room_for_the_next_ones() -> None:
    vectors, query = unit_rows(100, 16), unit_rows(1, 16, seed=3)[0]
    ids = np.arange(100, dtype=np.int64)
    index = FlatIndex(16, ids, vectors)
    first = index.search(query, 10)[1]
    keep = ~np.isin(ids, first)
    assert index.search(query, 10, excluded=first)[1].tolist() == (
        plain_search(vectors[keep], ids[keep], query, 10)[1].tolist()
    )
    assert len(index.search(query, 10, excluded=ids)[1]) == 0


def test_changes_make_a_new_index_and_leave_the_old_one_alone() -> None:
    vectors = unit_rows(6, 8)
    old = FlatIndex(8, [1, 2, 3, 4], vectors[:4])
    new = old.with_changes(np.array([9, 10]), vectors[4:], np.array([2, 3]))
    assert (old.ids.tolist(), new.ids.tolist()) == ([1, 2, 3, 4], [1, 4, 9, 10])
    rows = {1: 0, 2: 1, 3: 2, 4: 3, 9: 4, 10: 5}
    for index in (old, new):
        for id_ in index.ids.tolist():
            assert index.search(vectors[rows[id_]], 1)[1].tolist() == [id_]
    assert len(old) == len(new) == 4


def test_any_run_of_changes_equals_an_index_made_at_once() -> None:
    random, vectors = np.random.default_rng(5), unit_rows(300, 8)
    index, present = FlatIndex(8), np.zeros(0, dtype=np.int64)
    for start in range(0, 300, 50):
        gone = random.permutation(present)[: len(present) // 3]
        added = np.arange(start, start + 50, dtype=np.int64)
        index = index.with_changes(added, vectors[added], gone)
        present = np.union1d(np.setdiff1d(present, gone), added)
    query = unit_rows(1, 8, seed=8)[0]
    assert index.search(query, 40)[1].tolist() == plain_search(vectors[present], present, query, 40)[1].tolist()


def test_scores_are_the_inner_products_of_the_ids_asked_for() -> None:
    vectors, query = unit_rows(20, 8), unit_rows(1, 8, seed=2)[0]
    index = FlatIndex(8, np.arange(20) * 10, vectors)
    np.testing.assert_allclose(index.scores(query, np.array([70, 0])), vectors[[7, 0]] @ query, atol=1e-6)
    assert index.scores(query, np.zeros(0, dtype=np.int64)).shape == (0,)


def test_wrong_shapes_and_repeated_ids_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        FlatIndex(3, [1], [[1, 0]])
    with pytest.raises(ValueError, match="twice"):
        FlatIndex(2, [1, 1], [[1, 0], [0, 1]])
    with pytest.raises(ValueError, match="twice"):
        FlatIndex(2, [1], [[1, 0]]).with_changes(np.array([1]), unit_rows(1, 2), np.zeros(0, dtype=np.int64))
