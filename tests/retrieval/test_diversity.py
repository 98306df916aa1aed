from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from domain.conversation import Query
from domain.errors import Misconfigured
from retrieval.diversity import DiverseRetriever, maximal_marginal_relevance
from retrieval.hybrid import HybridRetriever
from retrieval.knowledge_base import KnowledgeBase, KnowledgeBaseStore
from tests.retrieval.word_encoder import WordEncoder, prepared

NEARNESS = np.array([[1.0, 0.95, 0.1], [0.95, 1.0, 0.2], [0.1, 0.2, 1.0]])
RELEVANCE = np.array([0.9, 0.8, 0.5])


def test_the_formula_of_the_paper() -> None:
    chosen = maximal_marginal_relevance(RELEVANCE, NEARNESS, 0.5, 3)
    assert [item for item, _, _ in chosen] == [0, 2, 1]
    assert [value for _, value, _ in chosen] == pytest.approx([0.45, 0.2, -0.075])
    assert [repeats for _, _, repeats in chosen] == pytest.approx([0.0, 0.1, 0.95])


def test_at_one_only_relevance_counts() -> None:
    chosen = maximal_marginal_relevance(RELEVANCE, NEARNESS, 1.0, 2)
    assert [(item, value) for item, value, _ in chosen] == [(0, 0.9), (1, 0.8)]


def test_values_never_rise_from_one_to_the_next() -> None:
    random = np.random.default_rng(0)
    for n in (1, 2, 17):
        vectors = random.standard_normal((n, 3))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        values = [value for _, value, _ in maximal_marginal_relevance(random.random(n), vectors @ vectors.T, 0.3, n)]
        assert values == sorted(values, reverse=True)
        assert len(values) == n


def test_nothing_to_choose_from_is_no_choice() -> None:
    assert maximal_marginal_relevance(np.zeros(0), np.zeros((0, 0)), 0.5, 3) == []


@pytest.fixture
def base(tmp_path: Path) -> KnowledgeBase:
    base = KnowledgeBaseStore(tmp_path, WordEncoder()).create("help")
    base.put_many([prepared("one", "router light red"), prepared("two", "red router light")])
    base.put_many([prepared("three", "router box")])
    return base


def test_what_repeats_the_first_comes_after_what_adds_to_it(base: KnowledgeBase) -> None:
    hybrid = HybridRetriever(base.snapshot, WordEncoder())
    query = Query("red router light", "red router light")
    assert [one.passage.document_id for one in hybrid.retrieve(query, 3)][:2] == ["one", "two"]
    found = DiverseRetriever(hybrid, base.snapshot, trade_off=0.3).retrieve(query, 3)
    assert [one.passage.document_id for one in found] == ["one", "three", "two"]
    assert found[2].signals["repeats"] > 0.7 > found[1].signals["repeats"]
    assert found[0].signals["repeats"] == 0.0


def test_at_a_trade_off_of_one_the_order_is_as_it_was(base: KnowledgeBase) -> None:
    hybrid = HybridRetriever(base.snapshot, WordEncoder())
    query = Query("red light", "red light")
    before = [one.passage.id for one in hybrid.retrieve(query, 3)]
    found = DiverseRetriever(hybrid, base.snapshot, trade_off=1.0).retrieve(query, 3)
    assert [one.passage.id for one in found] == before
    assert (found[0].score, found[-1].score) == (1.0, 0.0)


def test_a_signal_can_stand_in_for_the_score(base: KnowledgeBase) -> None:
    hybrid = HybridRetriever(base.snapshot, WordEncoder())
    found = DiverseRetriever(hybrid, base.snapshot, trade_off=1.0, signal="dense_score").retrieve(Query("red", ""), 3)
    assert [one.score for one in found] == sorted((one.signals["dense_score"] for one in found), reverse=True)


def test_what_was_deleted_since_it_was_found_repeats_nothing(base: KnowledgeBase, tmp_path: Path) -> None:
    hybrid = HybridRetriever(base.snapshot, WordEncoder())
    emptied = KnowledgeBaseStore(tmp_path / "later", WordEncoder()).create("help")
    found = DiverseRetriever(hybrid, emptied.snapshot).retrieve(Query("red router", ""), 5)
    assert {one.signals["repeats"] for one in found} == {0.0}
    assert len(found) == 3


def test_a_trade_off_beyond_one_is_refused(base: KnowledgeBase) -> None:
    with pytest.raises(Misconfigured, match=r"1\.5"):
        DiverseRetriever(HybridRetriever(base.snapshot, WordEncoder()), base.snapshot, trade_off=1.5)
