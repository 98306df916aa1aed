from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from domain.conversation import Query
from domain.errors import Misconfigured
from domain.filters import Filter
from domain.passage import Passage, RetrievedPassage
from retrieval.granularity import DocumentFirstRetriever, DocumentRetriever, sum_of_best, within_documents
from retrieval.hybrid import HybridOptions, HybridRetriever
from retrieval.knowledge_base import KnowledgeBase, KnowledgeBaseStore
from tests.retrieval.word_encoder import WordEncoder, prepared

TODAY = date(2026, 11, 22)


class Fixed:
    """Finds passages of these documents with these scores, whatever is asked."""

    def __init__(self, *scores: tuple[str, float], signal: str = "fusion_score") -> None:
        self._found = [
            RetrievedPassage(Passage(f"{document}#{n}", document, "", "", "", (0, 1)), score, n, {signal: score})
            for n, (document, score) in enumerate(scores, start=1)
        ]

    def retrieve(self, query: Query, k: int) -> Sequence[RetrievedPassage]:
        return self._found[:k]


MENTIONED_ONCE = Fixed(("once", 0.9), ("often", 0.8), ("often", 0.7), ("other", 0.6), ("often", 0.5))


def ranked(retriever: DocumentRetriever, k: int = 9) -> list[tuple[str, float]]:
    return [(one.passage.id, round(one.score, 6)) for one in retriever.retrieve(Query("", ""), k)]


def test_by_its_best_passage_a_document_ranks_where_that_ranks() -> None:
    assert ranked(DocumentRetriever(MENTIONED_ONCE)) == [("once#1", 0.9), ("often#2", 0.8), ("other#4", 0.6)]


def test_by_a_sum_the_document_that_speaks_of_it_throughout_is_first() -> None:
    found = ranked(DocumentRetriever(MENTIONED_ONCE, passages_counted=2))
    assert found == [("often#2", 1.5), ("once#1", 0.9), ("other#4", 0.6)]
    assert ranked(DocumentRetriever(MENTIONED_ONCE, passages_counted=9))[0] == ("often#2", 2.0)


def test_only_the_pool_is_counted() -> None:
    found = ranked(DocumentRetriever(MENTIONED_ONCE, passages_counted=9, pool=3), k=2)
    assert found == [("often#2", 1.5), ("once#1", 0.9)]


def test_another_signal_can_be_added_up() -> None:
    inner = Fixed(("a", -3.0), ("b", -4.0), ("b", -5.0), signal="other")
    assert ranked(DocumentRetriever(inner, passages_counted=1)) == [("a#1", -3.0), ("b#2", -4.0)]
    odd = DocumentRetriever(MENTIONED_ONCE, passages_counted=2, signal="missing")
    assert ranked(odd)[0] == ("often#2", 1.5)


def test_the_sum_of_the_best_is_over_the_best() -> None:
    assert sum_of_best([1.0, 5.0, 3.0], 2) == 8.0
    assert sum_of_best([1.0], 3) == 1.0
    assert sum_of_best([], 3) == 0.0


def test_counts_below_one_are_refused() -> None:
    with pytest.raises(Misconfigured, match="passages_counted"):
        DocumentRetriever(MENTIONED_ONCE, passages_counted=0)
    with pytest.raises(Misconfigured, match="at least 1"):
        DocumentFirstRetriever(MENTIONED_ONCE, lambda ids: MENTIONED_ONCE, best_documents=0)


@pytest.fixture
def base(tmp_path: Path) -> KnowledgeBase:
    base = KnowledgeBaseStore(tmp_path, WordEncoder()).create("help")
    base.put_many(
        [
            prepared("roaming", "roaming price zone", "roaming zone map", "pets", title="roaming"),
            prepared("fibre", "fibre price", "router price", title="fibre"),
            *[prepared(f"price{n}", "price price price", title=f"price{n}") for n in range(600)],
        ]
    )
    return base


def search(base: KnowledgeBase, **options: object) -> HybridRetriever:
    chosen = HybridOptions(**options)  # type: ignore[arg-type]
    return HybridRetriever(base.snapshot, WordEncoder(), chosen, today=lambda: TODAY)


def within(base: KnowledgeBase, *ids: str, k: int = 9, query: str = "price", **options: object) -> list[str]:
    retriever = within_documents(search(base, **options), base.snapshot, ids)
    return [one.passage.id for one in retriever.retrieve(Query(query, query), k)]


def test_a_search_within_documents_finds_theirs_and_no_others(base: KnowledgeBase) -> None:
    assert set(within(base, "roaming")) == {"roaming#0", "roaming#1", "roaming#2"}
    assert within(base, "fibre", "roaming", k=1, query="router price") == ["fibre#1"]
    assert len(within(base, "fibre", "roaming", "price3")) == 6


def test_documents_that_are_not_there_hold_nothing(base: KnowledgeBase) -> None:
    assert within(base, "gone") == []
    assert within(base) == []


def test_its_signals_are_those_of_a_search_everywhere(base: KnowledgeBase) -> None:
    query = Query("roaming price zone", "")
    [inside] = within_documents(search(base), base.snapshot, ["roaming"]).retrieve(query, 1)
    [outside] = search(base).retrieve(query, 1)
    assert inside.passage == outside.passage
    for name in ("dense_score", "bm25_score"):
        assert inside.signals[name] == pytest.approx(outside.signals[name], abs=1e-5)


def test_filters_and_validity_hold_within_documents(tmp_path: Path) -> None:
    base = KnowledgeBaseStore(tmp_path, WordEncoder()).create("help")
    newer = {"supersedes": "old", "effective_from": "2026-01-01", "region": "UK"}
    base.put_many([prepared("old", "price 20"), prepared("new", "price 25", metadata=newer)])
    base.put_many([prepared("irish", "price 30", metadata={"region": "IE"})])
    everything = ("old", "new", "irish")
    assert set(within(base, *everything)) == {"new#0", "irish#0"}
    assert set(within(base, *everything, query="price in 2024")) >= {"old#0"}
    assert within(base, *everything, only=Filter({"region": frozenset({"UK"})})) == ["new#0"]


def test_document_first_brings_back_what_no_list_of_everything_holds(base: KnowledgeBase) -> None:
    query = Query("roaming price zone", "")
    hybrid = search(base, pool=3, lexical_weight=0.0)
    everywhere = [one.passage.id for one in hybrid.retrieve(query, 3)]
    assert "roaming#2" not in everywhere
    first = DocumentFirstRetriever(
        DocumentRetriever(hybrid, pool=3), lambda ids: within_documents(hybrid, base.snapshot, ids), best_documents=1
    )
    assert [one.passage.id for one in first.retrieve(query, 9)] == ["roaming#0", "roaming#1", "roaming#2"]
    assert first.retrieve(query, 0) == []
    assert first.retrieve(Query(" ", ""), 5) == []
