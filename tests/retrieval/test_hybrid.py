from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from domain.conversation import Query
from domain.errors import Misconfigured
from domain.filters import OPEN, Filter
from retrieval.fusion_weights import FEATURES, FusionWeights
from retrieval.hybrid import HybridOptions, HybridRetriever
from retrieval.knowledge_base import KnowledgeBase, KnowledgeBaseStore
from retrieval.prepared import PreparedDocument
from retrieval.snapshot import Snapshot
from retrieval.validity import AskedTime
from tests.retrieval.word_encoder import WordEncoder, prepared

TODAY = date(2026, 11, 22)


def base_of(folder: Path, *documents: PreparedDocument) -> KnowledgeBase:
    base = KnowledgeBaseStore(folder, WordEncoder()).create("help")
    base.put_many(documents)
    return base


def retriever(base: KnowledgeBase, **options: object) -> HybridRetriever:
    chosen = HybridOptions(**options)  # type: ignore[arg-type]
    return HybridRetriever(base.snapshot, WordEncoder(), chosen, today=lambda: TODAY)


def ids(base: KnowledgeBase, query: Query, k: int = 10, **options: object) -> list[str]:
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


def test_a_question_about_the_past_finds_it(tmp_path: Path) -> None:
    assert set(ids(superseding(tmp_path), Query("previous price", "previous price"))) == {"old", "new"}


def test_a_question_about_a_day_finds_what_held_on_it(tmp_path: Path) -> None:
    assert ids(superseding(tmp_path), Query("price in 2024", "price in 2024")) == ["old"]


def test_the_message_as_typed_may_ask_about_the_past_too(tmp_path: Path) -> None:
    assert set(ids(superseding(tmp_path), Query("price", "and previously?"))) == {"old", "new"}


def test_it_stays_until_its_successor_takes_effect(tmp_path: Path) -> None:
    assert ids(superseding(tmp_path, "2026-12-01"), Query("price", "price")) == ["old"]


def test_superseded_documents_can_be_kept(tmp_path: Path) -> None:
    assert set(ids(superseding(tmp_path), Query("price", "price"), keep_superseded=True)) == {"old", "new"}


def only(feature: str) -> FusionWeights:
    """Weights that let one feature decide."""
    return FusionWeights(tuple(5.0 if name == feature else 0.0 for name in FEATURES))


def test_a_sum_adds_the_share_of_the_best_score_of_each_list(tmp_path: Path) -> None:
    base = base_of(tmp_path, prepared("a", "red router light"), prepared("b", "router"), prepared("c", "roaming"))
    found = retriever(base, fusion="sum", dense_weight=0.75, lexical_weight=0.25).retrieve(Query("red router", ""), 10)
    best_dense = max(one.signals["dense_score"] for one in found)
    best_bm25 = max(one.signals["bm25_score"] for one in found if "bm25_score" in one.signals)
    for one in found:
        dense = (one.signals["dense_score"] + 1) / (best_dense + 1)
        bm25 = one.signals.get("bm25_score", 0.0) / best_bm25
        assert one.score == one.signals["fusion_score"] == pytest.approx(0.75 * dense + 0.25 * bm25)
    assert len(found) == 3


@pytest.mark.parametrize("normaliser", ["theoretical", "min-max", "z-score"])
def test_every_normaliser_puts_what_both_lists_put_first_first(tmp_path: Path, normaliser: str) -> None:
    base = base_of(tmp_path, *[prepared(f"d{n}", f"price plan{n} {'mobile' if n % 2 else 'fibre'}") for n in range(9)])
    assert ids(base, Query("price plan3 mobile", ""), fusion="sum", normaliser=normaliser)[0] == "d3"


def test_a_sum_leaves_lists_of_weight_nothing_out(tmp_path: Path) -> None:
    base = base_of(tmp_path, prepared("rare", "zebra " + "filler words of many kinds " * 8), prepared("near", "zebras"))
    assert ids(base, Query("filler", ""), fusion="sum", dense_weight=0.0) == ["rare"]


def test_learned_weights_decide_the_order(tmp_path: Path) -> None:
    base = base_of(tmp_path, prepared("rare", "zebra " + "filler words of many kinds " * 8), prepared("near", "zebras"))
    by_meaning = ids(base, Query("zebras", ""), fusion="learned", learned=only("dense_score"))
    by_word = ids(base, Query("filler zebra", ""), fusion="learned", learned=only("bm25_score"))
    assert (by_meaning[0], by_word[0]) == ("near", "rare")


def test_a_learned_score_is_a_probability_over_all_that_was_found(tmp_path: Path) -> None:
    base = base_of(tmp_path, *[prepared(f"d{n}", f"price plan{n} {'mobile' if n % 2 else 'fibre'}") for n in range(9)])
    found = retriever(base, fusion="learned", learned=only("bm25_score")).retrieve(Query("price plan3", ""), 10)
    assert sum(one.score for one in found) == pytest.approx(1.0)
    assert found[0].score > 0.9


def test_a_learned_fusion_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no weights"):
        retriever(base_of(tmp_path), fusion="learned")


@pytest.mark.parametrize("fusion", ["rrf", "sum", "learned"])
def test_the_lists_of_the_context_have_signals_of_their_own(tmp_path: Path, fusion: str) -> None:
    base = base_of(tmp_path, prepared("a", "price fibre"), prepared("b", "price mobile"), prepared("c", "mobile"))
    options = {"fusion": fusion, "learned": only("context_bm25_score")}
    found = retriever(base, **options).retrieve(Query("price", "price", context=("mobile",)), 3)
    signals = {one.passage.document_id: one.signals for one in found}
    assert signals["b"]["context_bm25_rank"] == 1
    assert "bm25_rank" not in signals["c"]
    assert signals["c"]["context_bm25_score"] > 0
    assert signals["b"]["context_dense_score"] > signals["b"]["dense_score"]


def test_all_that_the_lists_hold_can_be_had(tmp_path: Path) -> None:
    base = base_of(tmp_path, *[prepared(f"d{n:03}", f"router model{n}") for n in range(30)])
    pooled = retriever(base, pool=5).pooled(Query("router model7", ""))
    assert 5 <= len(pooled) <= 10
    assert [one.rank for one in pooled] == list(range(1, len(pooled) + 1))
    assert retriever(base).pooled(Query(" ", "")) == []


class Narrowing:
    """A view that leaves out documents itself, and forgets which it was asked to."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def narrowed(self, only: Filter, asked: AskedTime | None, today: date) -> Snapshot:
        assert (only, asked, today) == (OPEN, AskedTime(), TODAY)
        return self._snapshot

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} of the whole view is used")


def test_a_view_that_can_leave_documents_out_itself_is_asked_to(tmp_path: Path) -> None:
    base = base_of(tmp_path, prepared("a", "red light"), prepared("b", "blue sky"))

    @contextmanager
    def narrowing() -> Iterator[Narrowing]:
        with base.snapshot() as snapshot:
            yield Narrowing(snapshot)

    [found] = HybridRetriever(narrowing, WordEncoder(), today=lambda: TODAY).retrieve(Query("red", "red"), 1)  # type: ignore[arg-type]
    assert found.passage.document_id == "a"
