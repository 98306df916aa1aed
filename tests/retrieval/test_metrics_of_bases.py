"""Dot product, cosine and distance: each knowledge base has one, and says which."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from domain.errors import Misconfigured
from retrieval.index_spec import IndexSpec, Metric, parse_spec
from retrieval.knowledge_base import KnowledgeBase, KnowledgeBaseStore
from tests.retrieval.word_encoder import WordEncoder, prepared

VECTORS = {"far": (6.0, 8.0), "along": (0.5, 0.0), "near": (1.0, 1.0)}
"""Of the query (2, 1): the first has the largest product, the second a smaller angle, the third the least distance."""


class TableEncoder:
    """Vectors by word, as long as they like."""

    dimension, fingerprint = 2, "table"

    def encode_queries(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return np.array([(2.0, 1.0) for _ in texts], dtype=np.float32)

    def encode_passages(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return np.array([VECTORS[text.split()[-1]] for text in texts], dtype=np.float32)


def scored(base: KnowledgeBase) -> list[tuple[str, float]]:
    with base.snapshot() as snapshot:
        found = snapshot.dense(TableEncoder().encode_queries([""])[0], 3)
        names = snapshot.passages([row for row, _ in found])
        again = snapshot.dense_scores(TableEncoder().encode_queries([""])[0], [row for row, _ in found])
        assert [again[row] for row, _ in found] == pytest.approx([score for _, score in found])
        return [(names[row].text, round(score, 4)) for row, score in found]


@pytest.mark.parametrize("spec", [None, parse_spec("hnsw:effort=50")], ids=["flat", "hnsw"])
@pytest.mark.parametrize(
    ("metric", "wanted"),
    [
        (Metric.DOT, [("far", 20.0), ("near", 3.0), ("along", 1.0)]),
        (Metric.COSINE, [("near", 0.9487), ("along", 0.8944), ("far", 0.8944)]),
        (Metric.L2, [("near", -1.0), ("along", -3.25), ("far", -65.0)]),
    ],
)
def test_each_metric_orders_by_its_own_scores(
    tmp_path: Path, metric: Metric, wanted: list[tuple[str, float]], spec: IndexSpec | None
) -> None:
    store = KnowledgeBaseStore(tmp_path, TableEncoder(), metric=metric, index=spec)
    base = store.create("help")
    base.put_many([prepared(word, word) for word in ("near", "along")])
    base.compact()
    base.put_many([prepared("far", "far")])
    assert [score for _, score in scored(base)] == [score for _, score in wanted]
    assert scored(base)[0] == wanted[0]
    base.compact()
    again = KnowledgeBaseStore(tmp_path, TableEncoder(), metric=metric, index=spec).open("help")
    assert dict(scored(again)) == dict(wanted)


def test_another_metric_is_refused_and_rebuilding_changes_it(tmp_path: Path) -> None:
    KnowledgeBaseStore(tmp_path, TableEncoder()).create("help").put_many([prepared(word, word) for word in VECTORS])
    other = KnowledgeBaseStore(tmp_path, TableEncoder(), metric=Metric.L2)
    assert not other.fits("help")
    with pytest.raises(Misconfigured, match=r"inner product.*squared distance.*colloquy kb rebuild help"):
        other.open("help")
    assert other.reembed("help") == 3
    assert other.fits("help")
    assert scored(other.open("help"))[0] == ("near", -1.0)


def test_for_vectors_of_length_one_all_three_agree(tmp_path: Path) -> None:
    orders = []
    for metric in Metric:
        base = KnowledgeBaseStore(tmp_path / metric.value, WordEncoder(), metric=metric).create("help")
        base.put_many([prepared(f"d{n}", f"heron word{n} word{n % 3}") for n in range(9)])
        with base.snapshot() as snapshot:
            found = snapshot.dense(WordEncoder().encode_queries(["heron word4"])[0], 9)
            orders.append([row for row, _ in found])
    assert orders[0] == orders[1] == orders[2]
