"""A ``Filter`` as a Milvus expression lets through what ``Filter.admits`` does, whatever the metadata holds."""

from __future__ import annotations

import random
from datetime import date

import pytest

from domain.conversation import Query
from domain.filters import Filter
from retrieval.hybrid import HybridOptions, HybridRetriever
from retrieval.milvus_filters import Hidden, admitting, both, facets_of, numbers, outside, quoted, visible
from retrieval.milvus_knowledge_base import MilvusKnowledgeBase
from retrieval.validity import AskedTime
from tests.retrieval.index_places import new_on_milvus
from tests.retrieval.word_encoder import WordEncoder, prepared

TODAY = date(2026, 11, 22)
HOSTILE = ["uk", "UK, IE", "all", "", "null", '"] or true or facets in ["', "a\\", "ünï", "x" * 600, "'", "a=b", "{x}"]
KEYS = ["region", "audience", "a=b", 'we"ird', "k" * 300]


def metadata_of(rng: random.Random) -> dict[str, str]:
    found = {key: rng.choice(HOSTILE) for key in KEYS if rng.random() < 0.6}
    days = ["2025-06-01", "2026", "2026-03", "2026-11-22", "2027-01-01", "soon", ""]
    return found | {key: rng.choice(days) for key in ("effective_from", "effective_until") if rng.random() < 0.5}


def filter_of(rng: random.Random) -> Filter:
    chosen = rng.sample(KEYS, rng.randint(0, 2))
    where = {key: frozenset(rng.sample([*HOSTILE, "ie", "agent"], rng.randint(0, 3))) for key in chosen}
    strict = frozenset(key for key in chosen if rng.random() < 0.5)
    return Filter(where, strict, rng.choice([None, TODAY, date(2025, 1, 1), date(2026, 3, 31), date(2026, 12, 31)]))


@pytest.fixture(scope="module")
def metadata() -> dict[str, dict[str, str]]:
    rng = random.Random(5)
    return {f"d{n}": metadata_of(rng) for n in range(150)}


@pytest.fixture(scope="module")
def base(metadata: dict[str, dict[str, str]]) -> MilvusKnowledgeBase:
    base = new_on_milvus().store(WordEncoder(16)).create("help")
    base.put_many([prepared(id_, f"fee {id_}", metadata=known) for id_, known in metadata.items()])
    return base


def test_a_narrowed_view_finds_exactly_the_documents_that_the_filter_admits(
    base: MilvusKnowledgeBase, metadata: dict[str, dict[str, str]]
) -> None:
    rng, sizes = random.Random(6), []
    [vector] = WordEncoder(16).encode_queries(["fee"])
    with base.snapshot() as snapshot:
        owner = {row: passage.document_id for row, passage in snapshot.passages(snapshot.rows()).items()}
        for _ in range(40):
            only = filter_of(rng)
            admitted = {id_ for id_, known in metadata.items() if only.admits(known)}
            view = snapshot.narrowed(only, None, TODAY)
            assert {owner[row] for row, _ in view.dense(vector, 1000)} == admitted, only
            assert {owner[row] for row, _ in view.lexical("fee", 1000)} == admitted, only
            assert {owner[row] for row in snapshot.rows_outside(only).tolist()} == metadata.keys() - admitted, only
            sizes.append(len(admitted))
    assert len(set(sizes)) > 10
    assert min(sizes) == 0


def test_k_come_back_where_k_pass(base: MilvusKnowledgeBase, metadata: dict[str, dict[str, str]]) -> None:
    only = Filter({"region": frozenset({"ie"})}, strict=frozenset({"region"}))
    passing = sum(only.admits(known) for known in metadata.values())
    found = HybridRetriever(
        base.snapshot, WordEncoder(16), HybridOptions(only=only, keep_superseded=True, pool=3)
    ).retrieve(Query("fee", "fee"), 10)
    assert passing > 0
    assert len(found) == min(10, passing)


def test_what_does_not_hold_at_the_time_asked_about_is_not_found() -> None:
    base = new_on_milvus().store().create("help")
    replacing = {"supersedes": "old", "effective_from": "2026-01-01"}
    base.put_many(
        [
            prepared("old", "price twenty"),
            prepared("new", "price thirty", metadata=replacing),
            prepared("coming", "price forty", metadata={"effective_from": "2027-01-01"}),
            prepared("over", "price ten", metadata={"effective_until": "2020-12-31"}),
            prepared("plain", "price list"),
        ]
    )
    [vector] = WordEncoder().encode_queries(["price"])
    with base.snapshot() as snapshot:
        owner = {row: passage.document_id for row, passage in snapshot.passages(snapshot.rows()).items()}
        for asked in (AskedTime(), AskedTime(past=True), AskedTime(future=True)):
            out = {owner[row] for row in snapshot.rows_not_holding(asked, TODAY).tolist()}
            view = snapshot.narrowed(Filter(), asked, TODAY)
            found = {owner[row] for row, _ in view.dense(vector, 10)}
            assert found == set(owner.values()) - out
            assert {owner[row] for row, _ in view.lexical("price", 10)} == found
        assert {owner[row] for row in snapshot.rows_not_holding(AskedTime(), TODAY).tolist()} == {
            "old",
            "coming",
            "over",
        }


def test_a_narrowed_view_can_be_narrowed_again() -> None:
    base = new_on_milvus().store().create("help")
    texts = {"a": {"region": "uk"}, "b": {"region": "uk", "audience": "agent"}, "c": {"audience": "customer"}}
    base.put_many([prepared(id_, "fee", metadata=known) for id_, known in texts.items()])
    uk, customers = Filter({"region": frozenset({"uk"})}), Filter({"audience": frozenset({"customer"})})
    with base.snapshot() as snapshot:
        view = snapshot.narrowed(uk, None, TODAY).narrowed(customers, None, TODAY)
        found = snapshot.passages([row for row, _ in view.lexical("fee", 10)])
    assert sorted(passage.document_id for passage in found.values()) == ["a", "c"]


def test_the_expression_of_a_moment() -> None:
    assert visible(7, Hidden()) == "born <= 7"
    hidden = Hidden((3, 9), ((20, 29),))
    assert visible(7, hidden) == "born <= 7 and copy not in [3, 9] and not (copy >= 20 and copy <= 29)"
    assert both("", "a == 1", "") == "(a == 1)"
    assert both("a == 1", "b == 2 or c == 3") == "(a == 1) and (b == 2 or c == 3)"
    assert both() == ""
    assert numbers([]) == "[]"
    assert quoted('a"b\\\n') == '"a\\"b\\\\\\n"'
    assert admitting(Filter()) == ""
    assert outside(Filter()) == "row < 0"


def test_facets_tell_keys_and_values_apart() -> None:
    assert facets_of({"region": "UK, IE", "empty": "null"}) == ["6:region", "6:region=ie", "6:region=uk"]
    assert not set(facets_of({"a": "=b"})) & set(facets_of({"a=": "b"}))
    assert not set(facets_of({"a": "b"})) & set(facets_of({"a=b": "c"}))
    [key, value] = facets_of({"k": "v" * 500})
    assert key == "1:k"
    assert value.startswith("sha256:")
    assert len(value) == 71
