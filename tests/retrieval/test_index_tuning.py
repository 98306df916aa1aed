"""What the tuner says is measured again here by definition; what it chooses is the cheapest that is good enough."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from domain.errors import Misconfigured
from retrieval.dense_trained import TrainedIndex
from retrieval.index_spec import Family, IndexSpec, Metric, parse_spec
from retrieval.index_tuning import Candidate, Sample, Wish, candidates_for, cheapest, moved, sample_of, scaled, tune
from retrieval.knowledge_base import KnowledgeBaseStore
from tests.retrieval.word_encoder import WordEncoder, prepared

Matrix = npt.NDArray[np.float32]
D = 16
QUICK = Wish(recall=0.9, k=5, questions=40)


def clustered(n: int, seed: int = 0) -> Matrix:
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((20, D))
    return (centres[rng.integers(0, 20, n)] + 0.4 * rng.standard_normal((n, D))).astype(np.float32)


def nearest(vectors: Matrix, query: Matrix, k: int, metric: Metric) -> set[int]:
    """The definition."""
    if metric is Metric.COSINE:
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    scores = -((vectors - query) ** 2).sum(1) if metric is Metric.L2 else vectors @ query
    return set(np.argsort(-scores)[:k].tolist())


@pytest.mark.parametrize("metric", list(Metric))
def test_the_recall_told_is_the_recall_by_definition(metric: Metric) -> None:
    vectors, questions = clustered(1100), clustered(40, seed=1)
    wish = Wish(recall=0.9, k=5, questions=40)
    [told] = tune(Sample(vectors, 1100, metric), wish, [IndexSpec(Family.IVF_FLAT, lists=25)], questions).candidates
    blocks = [(np.arange(1100, dtype=np.int64), vectors)]
    index = TrainedIndex.build(told.spec, metric, vectors, blocks, 1100)
    hits = sum(len(set(index.search(q, 5)[1].tolist()) & nearest(vectors, q, 5, metric)) for q in questions)
    assert told.recall == pytest.approx(hits / 200)
    assert told.recall >= 0.9
    assert told.spec.effort < 25
    assert told.spec.lists == 25


def test_effort_is_the_least_that_finds_enough() -> None:
    sample = Sample(clustered(2000), 2000, Metric.DOT)
    spec, questions = IndexSpec(Family.IVF_FLAT, lists=50), clustered(60, seed=1)
    efforts = [
        tune(sample, Wish(recall=share, questions=60), [spec], questions).candidates[0].spec.effort
        for share in (0.3, 0.9, 0.999)
    ]
    assert efforts == sorted(efforts)
    assert efforts[0] < efforts[2]


def test_the_exact_index_always_finds_all() -> None:
    tuning = tune(Sample(clustered(700), 700, Metric.L2), Wish(recall=1.0, questions=30), [IndexSpec()])
    assert tuning.chosen is tuning.candidates[0]
    assert tuning.chosen is not None
    assert tuning.chosen.recall == 1.0
    assert tuning.chosen.bytes_a_vector == pytest.approx(4 * D + 16, abs=1)  # the numbers and two ids


def test_where_none_finds_enough_none_is_chosen() -> None:
    bad = IndexSpec(Family.IVF_PQ, lists=1, code_bytes=1)  # 256 different codes for vectors of 16 directions
    everywhere = np.random.default_rng(0).standard_normal((3000, D)).astype(np.float32)
    tuning = tune(Sample(everywhere, 3000, Metric.DOT), Wish(recall=1.0, k=5, questions=20), [bad])
    assert tuning.chosen is None
    assert 0 < tuning.candidates[0].recall < 1


def test_codes_are_compared_again_with_as_many_candidates_as_it_takes() -> None:
    spec, sample = IndexSpec(Family.IVF_PQ, lists=4, code_bytes=4), Sample(clustered(3000), 3000, Metric.DOT)
    [one] = tune(sample, Wish(recall=0.97, questions=30), [spec]).candidates
    assert one.recall >= 0.97
    assert one.spec.refine in (4, 10, 20, 40)
    assert one.bytes_a_vector < 4 * D


def made(name: str, recall: float, size: float, milliseconds: float) -> Candidate:
    return Candidate(parse_spec(name), recall, size, milliseconds, 1.0)


CANDIDATES = [
    made("flat", 1.0, 1552, 20.0),
    made("hnsw", 0.99, 1800, 0.3),
    made("ivf-flat", 0.985, 1560, 0.5),
    made("sq8", 0.99, 400, 9.0),
    made("ivf-pq", 0.9, 64, 0.4),
]


@pytest.mark.parametrize(
    ("recall", "prefer", "named"),
    [
        (0.98, "memory", "sq8"),
        (0.98, "speed", "hnsw"),
        (0.9, "memory", "ivf-pq"),
        (0.995, "speed", "flat"),
    ],
)
def test_the_cheapest_that_finds_enough_is_taken(recall: float, prefer: str, named: str) -> None:
    chosen = cheapest(CANDIDATES, Wish(recall, prefer="speed" if prefer == "speed" else "memory"))
    assert chosen is not None
    assert str(chosen.spec) == named


def test_a_few_bytes_more_for_a_hundredth_of_the_time_are_worth_it() -> None:
    chosen = cheapest([CANDIDATES[0], CANDIDATES[2]], Wish(0.98))
    assert chosen is CANDIDATES[2]


def test_of_nothing_nothing_is_taken() -> None:
    assert cheapest([], Wish()) is None


def test_a_sample_has_lists_as_full_as_the_whole_would_have() -> None:
    sample = Sample(clustered(1000), 100_000, Metric.DOT)
    assert scaled(IndexSpec(Family.IVF_FLAT, lists=2000), sample).lists == 20
    assert scaled(IndexSpec(Family.IVF_FLAT), sample).lists == 10  # 1,024 for all
    assert scaled(IndexSpec(Family.HNSW), sample) == IndexSpec(Family.HNSW)
    tuned = tune(sample, QUICK, [IndexSpec(Family.IVF_FLAT)])
    assert tuned.candidates[0].spec.lists == 0, "how many lists all vectors need is left to their number"
    assert tuned.compared == 1000


def test_no_more_vectors_are_used_than_asked_for() -> None:
    heard: list[IndexSpec] = []
    tuning = tune(Sample(clustered(900), 900, Metric.DOT), Wish(0.9, most=333), [IndexSpec()], tell=heard.append)
    assert tuning.compared == 333
    assert heard == [IndexSpec()]


def test_codes_are_tried_only_where_there_are_vectors_to_learn_them_from() -> None:
    few = candidates_for(Sample(clustered(500), 500, Metric.DOT))
    assert [str(one) for one in few] == ["flat", "sq8", "hnsw", "ivf-flat"]
    many = candidates_for(Sample(np.zeros((10_000, 384), np.float32), 10_000, Metric.DOT))
    assert {one.code_bytes for one in many if one.family is Family.IVF_PQ} == {48, 96}


def test_a_question_lies_half_a_length_from_its_passage() -> None:
    vectors = np.tile(np.eye(1, 400, dtype=np.float32) * 3, (50, 1))
    away = np.linalg.norm(moved(vectors, 20) - vectors[:20], axis=1)
    assert away.shape == (20,)
    assert away == pytest.approx(np.full(20, 1.5), rel=0.15)
    assert len(moved(vectors, 99)) == 50


def test_a_sample_is_drawn_from_what_the_knowledge_base_holds(tmp_path: Path) -> None:
    encoder = WordEncoder(24)
    base = KnowledgeBaseStore(tmp_path, encoder).create("help")
    base.put_many([prepared(f"d{n}", f"bill number {n}") for n in range(60)])
    held = {vector.tobytes() for vector in encoder.encode_passages([f"d{n}\nbill number {n}" for n in range(60)])}
    sample = sample_of(tmp_path / "help.sqlite3", 25)
    assert (sample.vectors.shape, sample.count, sample.metric) == ((25, 24), 60, Metric.DOT)
    assert len({row.tobytes() for row in sample.vectors} & held) == 25
    assert {row.tobytes() for row in sample_of(tmp_path / "help.sqlite3", 99).vectors} == held


def test_an_empty_knowledge_base_cannot_be_tuned(tmp_path: Path) -> None:
    KnowledgeBaseStore(tmp_path, WordEncoder(24)).create("help")
    with pytest.raises(Misconfigured, match="ingest some first"):
        sample_of(tmp_path / "help.sqlite3", 25)


@pytest.mark.parametrize("wrong", [{"recall": 0.0}, {"recall": 1.2}, {"k": 0}, {"most": 0}])
def test_a_wish_that_cannot_be_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(Misconfigured, match=next(iter(wrong))):
        Wish(**wrong)  # type: ignore[arg-type]
