"""The index bench on a few thousand vectors: its data, its yardstick, its stages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from domain.errors import PartUnavailable
from evaluation import index_vectors
from evaluation.index_bench import Built, IndexBench, Measured, report
from evaluation.index_probe import Point, Probe
from evaluation.index_vectors import Mixture, VectorFile, exact_nearest, made_queries, write_vectors
from retrieval.index_spec import Family, IndexSpec, parse_spec

COUNT, D = 60_007, 16
"""More than one block, the last one short."""


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> VectorFile:
    return write_vectors(tmp_path_factory.mktemp("vectors") / "vectors.f16", Mixture(COUNT, D))


def whole(vectors: VectorFile) -> index_vectors.Matrix:
    return np.concatenate([block for _, block in vectors.blocks()])


def tenth_nearest(rows: index_vectors.Matrix) -> float:
    return float(np.median(np.sort(rows[:300] @ rows.T, axis=1)[:, -11]))  # the first is itself


def test_vectors_are_of_length_one_and_lie_in_clusters(vectors: VectorFile) -> None:
    np.testing.assert_allclose(np.linalg.norm(whole(vectors), axis=1), 1, atol=2e-3)
    rows = Mixture(4000, 64).block(0)
    one_cloud = np.random.default_rng(0).multivariate_normal(rows.mean(0), np.cov(rows.T), 4000)
    one_cloud /= np.linalg.norm(one_cloud, axis=1, keepdims=True)
    assert tenth_nearest(rows) > tenth_nearest(one_cloud.astype(np.float32)) + 0.05


def test_the_same_seed_makes_the_same_vectors_and_another_others() -> None:
    one, same, other = (Mixture(900, D, seed).block(0) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert np.abs(one - other).max() > 0.1


def test_writing_goes_on_after_the_last_whole_block(tmp_path: Path, vectors: VectorFile) -> None:
    path = tmp_path / "vectors.f16"
    write_vectors(path, Mixture(COUNT, D))
    path.write_bytes(path.read_bytes()[: 51_000 * D * 2 + 7])  # broken off in the middle of a row
    np.testing.assert_array_equal(whole(write_vectors(path, Mixture(COUNT, D))), whole(vectors))


def test_rows_come_back_in_the_order_asked_for(vectors: VectorFile) -> None:
    ids = np.array([60_006, 3, 55_000, 3, 0], dtype=np.int64)
    np.testing.assert_array_equal(vectors.exact(ids), whole(vectors)[ids])


def test_exact_neighbours_are_those_of_the_definition_also_when_broken_off(vectors: VectorFile, tmp_path: Path) -> None:
    queries, rows = made_queries(vectors, Mixture(COUNT, D), 21), whole(vectors)
    wanted = np.argsort(-(queries @ rows.T), axis=1, kind="stable")[:, :10]
    kept = tmp_path / "truth.npz"
    assert np.mean(exact_nearest(vectors, queries, 10, kept) == wanted) > 0.99  # but for ties in half precision
    with np.load(kept) as known:
        first = np.argsort(-(queries @ rows[:50_000].T), axis=1)[:, :10]
        scores = np.take_along_axis(queries @ rows[:50_000].T, first, 1)
        assert int(known["blocks"]) == 2
    np.savez(kept, scores=scores, ids=first, blocks=1)
    assert np.mean(exact_nearest(vectors, queries, 10, kept) == wanted) > 0.99


def test_half_of_the_questions_lie_beside_a_vector(vectors: VectorFile) -> None:
    queries = made_queries(vectors, Mixture(COUNT, D), 40)
    np.testing.assert_allclose(np.linalg.norm(queries, axis=1), 1, atol=1e-5)
    assert queries.shape == (40, D)
    assert np.median((queries[:20] @ whole(vectors).T).max(1)) > 0.85


def test_a_bench_measures_every_index_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    specs = [IndexSpec(Family.FLAT), parse_spec("ivf-pq:lists=16,code_bytes=4")]
    bench = IndexBench(tmp_path, 4001, D, queries=30)
    flat, coded = bench.run(specs)
    assert flat.cheapest().recall > 0.99  # but for ties in half precision
    assert flat.probe.loaded >= 0
    assert 0 < coded.built.size / 4001 < 4 * D < flat.built.size / 4001
    assert coded.cheapest().recall >= 0.95
    assert coded.cheapest().refine > 1
    assert all(0 < point.p50 <= point.p99 and point.per_second > 0 for point in coded.probe.points)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert IndexBench(tmp_path, 4001, D, queries=30).run(specs) == [flat, coded]
    assert {path: path.stat().st_mtime_ns for path in before} == before, "nothing is made twice"
    (coded.built.folder / "probe.json").unlink()
    assert IndexBench(tmp_path, 4001, D, queries=30).run(specs)[1].built == coded.built


def test_a_measuring_process_that_fails_is_told_in_a_sentence(tmp_path: Path) -> None:
    spec = parse_spec("ivf-flat:lists=4")
    [done] = IndexBench(tmp_path, 700, D, queries=20).run([spec])
    (done.built.folder / "probe.json").unlink()
    (done.built.folder / "vectors.faiss").write_bytes(b"no index")
    with pytest.raises(PartUnavailable, match="run the command again"):
        IndexBench(tmp_path, 700, D, queries=20).run([spec])


def test_a_folder_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(PartUnavailable, match="--folder"):
        IndexBench(tmp_path / "taken", 700, D)


def point(recall: float, p50: float) -> Point:
    return Point(8, 10, recall, p50, 2 * p50, 500.0)


@pytest.mark.parametrize(
    ("points", "best"),
    [
        ([point(0.9, 1.0), point(0.96, 3.0), point(0.99, 2.5)], 2),
        ([point(0.9, 1.0), point(0.94, 3.0)], 1),
    ],
)
def test_a_row_shows_the_fastest_search_that_finds_enough_or_the_best(points: list[Point], best: int) -> None:
    built = Built(Path("x"), parse_spec("ivf-pq:lists=16,effort=8"), 3.0, 4.0, 5_000)
    measured = Measured(built, Probe(12.0, 13.0, 14.0, tuple(points)))
    assert measured.cheapest() is points[best]
    table = report([measured], 100, {"commit": "x"})
    assert table.rows[0][:5] == ("ivf-pq:lists=16", "7", "12", "50.0", "8")
    assert table.rows[0][6] == f"{points[best].recall:.3f}"
    assert len(table.data[0]["points"]) == len(points)
