from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from domain.conversation import Query
from retrieval.hybrid import HybridOptions, HybridRetriever
from retrieval.knowledge_base import KnowledgeBase, KnowledgeBaseStore
from retrieval.prepared import PreparedDocument
from tests.retrieval.word_encoder import WordEncoder, prepared

TODAY = date(2026, 11, 22)


def base_of(folder: Path, *documents: PreparedDocument) -> KnowledgeBase:
    base = KnowledgeBaseStore(folder, WordEncoder()).create("help")
    base.put_many(documents)
    return base


def retriever(base: KnowledgeBase, **options: float) -> HybridRetriever:
    chosen = HybridOptions(**options)  # type: ignore[arg-type]
    return HybridRetriever(base.snapshot, WordEncoder(), chosen, today=lambda: TODAY)


def ids(base: KnowledgeBase, query: Query, k: int = 10, **options: float) -> list[str]:
    return [one.passage.document_id for one in retriever(base, **options).retrieve(query, k)]


def test_the_score_is_the_fusion_of_the_ranks_in_the_signals(tmp_path: Path) -> None:
    base = base_of(tmp_path, prepared("a", "red router light"), prepared("b", "router"), prepared("c", "roaming"))
    for one in retriever(base).retrieve(Query("red router", "red router"), 10):
        ranks = [one.signals[name] for name in ("dense_rank", "bm25_rank") if name in one.signals]
        assert one.score == one.signals["fusion_score"] == pytest.approx(sum(1 / (60 + rank) for rank in ranks))


def test_the_dense_score_is_the_cosine_with_the_query(tmp_path: Path) -> None:
    base = base_of(tmp_path, prepared("a", "red light"), prepared("b", "blue sky"))
    encoder = WordEncoder()
    [query] = encoder.encode_queries(["red"])
    for one in retriever(base).retrieve(Query("red", "red", context=("blue",)), 10):
        [vector] = encoder.encode_passages([one.passage.searchable])
        assert one.signals["dense_score"] == pytest.approx(float(np.dot(query, vector)), abs=1e-5)


def test_a_passage_no_list_ranked_high_has_no_rank_there(tmp_path: Path) -> None:
    base = base_of(tmp_path, prepared("a", "red light"), prepared("b", "blue sky"))
    [first, second] = retriever(base).retrieve(Query("red", "red"), 10)
    assert first.signals["bm25_rank"] == 1
    assert first.signals["bm25_score"] > 0
    assert second.passage.document_id == "b"
    assert not {"bm25_rank", "bm25_score"} & second.signals.keys()


def test_the_context_decides_between_equals_and_no_more(tmp_path: Path) -> None:
    base = base_of(tmp_path, prepared("a", "price fibre"), prepared("b", "price mobile"), prepared("c", "mobile"))
    assert ids(base, Query("price", "price", context=("mobile",)))[0] == "b"
    assert ids(base, Query("price", "price", context=("fibre",)))[0] == "a"
    assert ids(base, Query("price fibre", "", context=("mobile mobile",)))[0] == "a"


def test_a_context_weight_of_nothing_leaves_the_order_of_the_query_alone(tmp_path: Path) -> None:
    base = base_of(tmp_path, *[prepared(f"d{n}", f"price plan{n} {'mobile' if n % 2 else 'fibre'}") for n in range(9)])
    alone = ids(base, Query("price plan3", ""))
    assert ids(base, Query("price plan3", "", context=("fibre",)), context_weight=0.0)[:1] == alone[:1]
    assert ids(base, Query("price plan3", "", context=("  ", ""))) == alone


def test_weights_turn_a_kind_of_list_off(tmp_path: Path) -> None:
    base = base_of(tmp_path, prepared("rare", "zebra " + "filler words of many kinds " * 8), prepared("near", "zebras"))
    assert ids(base, Query("zebra", ""), dense_weight=0.0)[0] == "near"
    assert ids(base, Query("filler", ""), dense_weight=0.0) == ["rare"]
    assert ids(base, Query("filler", ""), lexical_weight=0.0) == ["rare", "near"]


def test_k_above_the_pool_is_still_filled(tmp_path: Path) -> None:
    base = base_of(tmp_path, *[prepared(f"d{n:03}", f"router model{n}") for n in range(90)])
    assert len(ids(base, Query("router", ""), k=80, pool=5)) == 80


def superseding(folder: Path, effective_from: str = "2026-01-01") -> KnowledgeBase:
    metadata = {"supersedes": "old", "effective_from": effective_from}
    return base_of(folder, prepared("old", "price 20"), prepared("new", "price 25", metadata=metadata))


def test_a_superseded_document_is_left_out(tmp_path: Path) -> None:
    assert ids(superseding(tmp_path), Query("price", "price")) == ["new"]


@pytest.mark.parametrize("text", ["price in 2024", "previous price"])
def test_a_question_about_the_past_finds_it(tmp_path: Path, text: str) -> None:
    assert set(ids(superseding(tmp_path), Query(text, text))) == {"old", "new"}


def test_the_message_as_typed_may_ask_about_the_past_too(tmp_path: Path) -> None:
    assert set(ids(superseding(tmp_path), Query("price", "and previously?"))) == {"old", "new"}


def test_it_stays_until_its_successor_takes_effect(tmp_path: Path) -> None:
    assert set(ids(superseding(tmp_path, "2026-12-01"), Query("price", "price"))) == {"old", "new"}


def test_superseded_documents_can_be_kept(tmp_path: Path) -> None:
    assert set(ids(superseding(tmp_path), Query("price", "price"), keep_superseded=True)) == {"old", "new"}
