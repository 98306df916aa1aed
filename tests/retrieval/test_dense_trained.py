"""Every family against plain NumPy: exact where all is looked at, and good enough where not."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from domain.errors import Misconfigured
from retrieval.dense import Exact, FlatIndex
from retrieval.dense_trained import LayeredIndex, TrainedIndex, training_size
from retrieval.index_spec import CODED, Family, IndexSpec, Metric

Matrix = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
D = 16


def clustered(n: int, seed: int = 0) -> Matrix:
    """Vectors as texts have them: around some subjects, of different lengths."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((12, D))
    found = centres[rng.integers(0, 12, n)] + 0.3 * rng.standard_normal((n, D))
    return (found * rng.uniform(0.5, 2, (n, 1))).astype(np.float32)


def plain(vectors: Matrix, ids: Ids, query: Matrix, k: int, metric: Metric) -> tuple[Matrix, Ids]:
    """The definition, in double precision."""
    v, q = vectors.astype(np.float64), query.astype(np.float64)
    if metric is Metric.L2:
        scores = -((v - q) ** 2).sum(1)
    elif metric is Metric.COSINE:
        lengths = np.linalg.norm(v, axis=1) * np.linalg.norm(q)
        scores = np.divide(v @ q, lengths, out=np.zeros(len(v)), where=lengths > 0)
    else:
        scores = v @ q
    order = np.lexsort((ids, -scores))[:k]
    return scores[order].astype(np.float32), ids[order]


def spec_of(family: Family, **numbers: int) -> IndexSpec:
    return IndexSpec(family, code_bytes=8, **numbers)


def built(spec: IndexSpec, metric: Metric, vectors: Matrix, ids: Ids) -> TrainedIndex:
    blocks = [(ids[i : i + 300], vectors[i : i + 300]) for i in range(0, len(ids), 300)]
    return TrainedIndex.build(spec, metric, vectors[: training_size(spec, len(ids))], blocks, len(ids))


@cache
def texts(n: int) -> tuple[Matrix, Ids]:
    """The first ``n`` (up to 1500) of the vectors that most tests are about, with odd ids."""
    return clustered(1500)[:n], np.arange(n, dtype=np.int64) * 2 + 1


@cache  # an index never changes, and a rotation takes seconds to learn
def of_texts(family: Family, metric: Metric) -> TrainedIndex:
    """An index of ``texts(1000)``; a search takes the effort it wants (``searched_with``)."""
    return built(spec_of(family), metric, *texts(1000))


def looked_up(vectors: Matrix, ids: Ids) -> Exact:
    place = {int(id_): i for i, id_ in enumerate(ids)}
    return lambda wanted: vectors[[place[int(id_)] for id_ in wanted]]


@pytest.mark.parametrize("metric", list(Metric))
@pytest.mark.parametrize("family", [Family.FLAT, Family.HNSW, Family.IVF_FLAT])
@pytest.mark.parametrize(("n", "k"), [(1, 1), (1, 5), (7, 3), (257, 10), (1201, 50)])
def test_whole_vectors_with_all_effort_are_found_as_numpy_finds_them(
    family: Family, metric: Metric, n: int, k: int
) -> None:
    vectors, ids = clustered(n), np.random.default_rng(1).permutation(3 * n)[:n].astype(np.int64)
    index = built(spec_of(family, effort=5000), metric, vectors, ids)
    query = clustered(1, seed=8)[0]
    scores, found = index.search(query, k)
    wanted_scores, wanted = plain(vectors, ids, query, k, metric)
    assert found.tolist() == wanted.tolist()
    np.testing.assert_allclose(scores, wanted_scores, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("metric", list(Metric))
@pytest.mark.parametrize("family", list(Family))
def test_every_family_finds_nearly_all_and_scores_them_exactly(family: Family, metric: Metric) -> None:
    vectors, ids = texts(1000)
    # A graph by dot product leads astray where lengths differ; at its usual effort it finds nine in ten.
    effort = 400 if family is Family.HNSW else 16
    index, exact = of_texts(family, metric).searched_with(effort, refine=8), looked_up(vectors, ids)
    hits = 0
    for query in clustered(40, seed=5):
        scores, found = index.search(query, 10, exact=exact)
        best_scores, best = plain(vectors, ids, query, 10, metric)
        hits += len(np.intersect1d(found, best))
        assert scores.tolist() == sorted(scores.tolist(), reverse=True)
        np.testing.assert_allclose(
            scores, [plain(exact(i[None]), i[None], query, 1, metric)[0][0] for i in found], rtol=1e-4, atol=1e-4
        )
        assert scores[0] <= best_scores[0] + 1e-3
    assert hits >= 0.95 * 400


@pytest.mark.parametrize("family", list(Family))
def test_a_filter_leaves_room_for_the_next_ones(family: Family) -> None:
    """Nearly everything is excluded, the nearest lists whole; k come back all the same."""
    vectors, ids = texts(1000)
    index, query = of_texts(family, Metric.DOT).searched_with(1, refine=spec_of(family).refine), clustered(1, seed=3)[0]
    kept = plain(vectors, ids, -query, 12, Metric.DOT)[1]  # the farthest ones
    out = np.setdiff1d(ids, kept)
    scores, found = index.search(query, 10, excluded=out, exact=looked_up(vectors, ids))
    assert len(found) == 10
    assert set(found.tolist()) <= set(kept.tolist())
    assert len(index.search(query, 20, excluded=out)[1]) == 12
    assert len(index.search(query, 5, excluded=ids)[1]) == 0
    assert scores.tolist() == sorted(scores.tolist(), reverse=True)


@pytest.mark.parametrize("family", list(Family))
def test_zero_vectors_and_equal_ones_are_found_in_the_order_of_their_ids(family: Family) -> None:
    vectors = np.concatenate([clustered(300), np.zeros((3, D), np.float32), np.tile(clustered(1, seed=4), (6, 1))])
    ids = np.arange(len(vectors), dtype=np.int64)
    index = built(spec_of(family, effort=400), Metric.COSINE, vectors, ids)
    scores, found = index.search(vectors[-1], 6, exact=looked_up(vectors, ids))
    assert found.tolist() == list(range(303, 309))
    np.testing.assert_allclose(scores, 1, atol=1e-5)
    zero, _ = index.search(np.zeros(D, np.float32), 4, exact=looked_up(vectors, ids))
    assert zero.tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("family", list(Family))
def test_what_is_saved_finds_the_same_again(family: Family, tmp_path: Path) -> None:
    index = of_texts(family, Metric.L2)
    index.save(tmp_path)
    again = TrainedIndex.load(tmp_path, index.spec, Metric.L2)
    assert (again.dimension, again.ids.tolist()) == (D, texts(1000)[1].tolist())
    for query in clustered(5, seed=2):
        assert again.search(query, 7)[1].tolist() == index.search(query, 7)[1].tolist()


@pytest.mark.parametrize("name", ["vectors.faiss", "ids.npy"])
@pytest.mark.parametrize("left", [0, 3, 40])
def test_a_file_cut_short_is_refused(name: str, left: int, tmp_path: Path) -> None:
    vectors, ids = clustered(300), np.arange(300, dtype=np.int64)
    index = built(spec_of(Family.SQ8), Metric.DOT, vectors, ids)
    index.save(tmp_path)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:left])
    with pytest.raises(ValueError):  # noqa: PT011  # FAISS and NumPy say it in many words
        TrainedIndex.load(tmp_path, index.spec, Metric.DOT)


def test_an_id_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        built(spec_of(Family.IVF_FLAT), Metric.DOT, clustered(100), np.zeros(100, dtype=np.int64))


def test_codes_that_do_not_divide_the_vector_are_refused() -> None:
    with pytest.raises(Misconfigured, match="16 numbers"):
        built(IndexSpec(Family.IVF_PQ, code_bytes=48), Metric.DOT, clustered(100), np.arange(100))


@pytest.mark.parametrize("family", list(Family))
def test_changes_over_an_index_are_seen_at_once_and_the_old_one_stays(family: Family) -> None:
    """After random additions, removals and replacements it finds what an index of the final state finds."""
    rng = np.random.default_rng(6)
    vectors, ids = texts(1500)
    base = of_texts(family, Metric.DOT).searched_with(effort=1000, refine=20)
    held, index = set(ids[:1000].tolist()), base.with_changes(ids[:0], vectors[:0], ids[:0])
    for step in range(10):
        gone = rng.choice(sorted(held), 20, replace=False).astype(np.int64)
        new = ids[1000 + step * 50 : 1000 + step * 50 + 50]
        before = index.ids.tolist()
        changed = index.with_changes(new, vectors[new // 2], gone)
        assert index.ids.tolist() == before
        index, held = changed, held - set(gone.tolist()) | set(new.tolist())
    assert isinstance(index, LayeredIndex)
    assert index.ids.tolist() == sorted(held)
    assert 0.4 < index.changed_share < 0.8
    now = np.array(sorted(held), dtype=np.int64)
    hits = 0
    for query in clustered(20, seed=9):
        scores, found = index.search(query, 10, exact=lambda wanted: vectors[wanted // 2])
        hits += len(np.intersect1d(found, plain(vectors[now // 2], now, query, 10, Metric.DOT)[1]))
        np.testing.assert_allclose(index.scores(query, found, lambda wanted: vectors[wanted // 2]), scores, rtol=1e-5)
    assert hits >= (190 if family in CODED else 200 - (family is Family.SQ8) * 4)
    assert len(base) == 1000


def test_kept_scores_are_close_to_the_exact_ones() -> None:
    vectors, ids = texts(1000)
    query = clustered(1, seed=3)[0]
    for family in Family:
        index = of_texts(family, Metric.COSINE)
        kept, exact = index.scores(query, ids[:200]), index.scores(query, ids[:200], looked_up(vectors, ids))
        assert np.corrcoef(kept, exact)[0, 1] > 0.97
        assert index.scores(query, ids[:0]).shape == (0,)


def test_cosine_and_distance_by_the_exact_index() -> None:
    vectors, ids = clustered(211), np.arange(211, dtype=np.int64)
    for metric in Metric:
        scores, found = FlatIndex(D, ids, vectors, metric).search(vectors[17] * 0.9, 9)
        wanted_scores, wanted = plain(vectors, ids, vectors[17] * 0.9, 9, metric)
        assert found.tolist() == wanted.tolist()
        np.testing.assert_allclose(scores, wanted_scores, rtol=1e-4, atol=1e-4)


def test_another_effort_finds_more_in_the_same_index() -> None:
    vectors, ids = clustered(3000), np.arange(3000, dtype=np.int64)
    index = built(spec_of(Family.IVF_FLAT, lists=60, effort=1), Metric.DOT, vectors, ids)
    wide = index.searched_with(effort=60, refine=1)
    queries = clustered(30, seed=8)
    best = [set(plain(vectors, ids, query, 10, Metric.DOT)[1].tolist()) for query in queries]
    assert all(set(wide.search(q, 10)[1].tolist()) == one for q, one in zip(queries, best, strict=True))
    assert any(set(index.search(q, 10)[1].tolist()) != one for q, one in zip(queries, best, strict=True))
    assert (index.spec.effort, wide.spec.effort, len(wide)) == (1, 60, 3000)


def test_what_is_to_be_passed_over_may_be_named_twice_or_not_be_held() -> None:
    vectors, ids = clustered(500), np.arange(500, dtype=np.int64) * 2
    index, query = built(spec_of(Family.IVF_FLAT, effort=99), Metric.DOT, vectors, ids), clustered(1, seed=3)[0]
    best = plain(vectors, ids, query, 6, Metric.DOT)[1]
    out = np.array([best[2], -7, best[0], 5001, 3, best[0]], dtype=np.int64)
    assert index.search(query, 4, excluded=out)[1].tolist() == best[[1, 3, 4, 5]].tolist()
    assert len(index.search(query, 600, excluded=out)[1]) == 498


@pytest.mark.parametrize("family", [Family.FLAT, Family.HNSW, Family.IVF_PQ])
def test_what_has_learnt_can_be_put_aside_and_filled_later(family: Family, tmp_path: Path) -> None:
    vectors, ids = clustered(900), np.arange(900, dtype=np.int64)
    TrainedIndex.learnt(spec_of(family), Metric.DOT, vectors, 900).save(tmp_path)
    again = TrainedIndex.load(tmp_path, spec_of(family).sized(900), Metric.DOT, mapped=False)
    assert len(again) == 0
    filled = again.filled([(ids[:500], vectors[:500]), (ids[500:], vectors[500:])])
    at_once = built(spec_of(family), Metric.DOT, vectors, ids)
    for query in clustered(5, seed=2):
        assert filled.search(query, 7)[1].tolist() == at_once.search(query, 7)[1].tolist()


@pytest.mark.parametrize(
    ("family", "metric", "lists", "width"),
    [
        (Family.IVF_FLAT, Metric.L2, 4096, D),
        (Family.OPQ_IVF_PQ, Metric.COSINE, 4096, 4),  # few numbers: a rotation takes its time to learn
        (Family.IVF_FLAT, Metric.COSINE, 16_384, D),
    ],
)
def test_many_lists_are_found_in_two_steps_and_through_a_graph(
    family: Family, metric: Metric, lists: int, width: int, tmp_path: Path
) -> None:
    """As for millions of vectors, of which only some are there."""
    ids = np.arange(lists + 1000, dtype=np.int64)
    vectors, queries = clustered(len(ids))[:, :width], clustered(20, seed=5)[:, :width]
    spec = IndexSpec(family, code_bytes=2, lists=lists, effort=lists // 8, refine=20)
    index = TrainedIndex.learnt(spec, metric, vectors, count=lists * 40).filled([(ids, vectors)])
    assert index.spec.lists == lists
    exact = looked_up(vectors, ids)
    found = [index.search(query, 10, exact=exact)[1] for query in queries]
    best = [plain(vectors, ids, query, 10, metric)[1] for query in queries]
    assert sum(len(np.intersect1d(one, other)) for one, other in zip(found, best, strict=True)) >= 190
    index.save(tmp_path)
    again = TrainedIndex.load(tmp_path, index.spec, metric)
    assert again.search(queries[0], 10, exact=exact)[1].tolist() == found[0].tolist()


def test_samples_to_learn_from_are_bounded() -> None:
    assert training_size(IndexSpec(Family.OPQ_IVF_PQ, lists=65_536), 10_000_000) == 1 << 20
    assert training_size(IndexSpec(Family.IVF_FLAT, lists=100), 10_000_000) == 6400
    assert training_size(IndexSpec(Family.HNSW), 10_000_000) == 1
