"""Knowledge bases by name on Milvus, beyond what the contract suite asks of every store."""

from __future__ import annotations

import pytest

from domain.errors import Misconfigured, UnknownKnowledgeBase
from retrieval.milvus_schema import Head, Names
from retrieval.milvus_server import MilvusServer
from retrieval.milvus_store import MilvusKnowledgeBaseStore
from tests.retrieval.index_places import OnMilvus, new_on_milvus
from tests.retrieval.word_encoder import WordEncoder, prepared


@pytest.fixture
def place() -> OnMilvus:
    return new_on_milvus()


def test_a_knowledge_base_made_anew_by_another_encoder_is_refused_at_the_next_search(place: OnMilvus) -> None:
    mine = place.store(WordEncoder(16)).create("help")
    other = place.store(WordEncoder(8, "other"))
    other.remove("help")
    with pytest.raises(UnknownKnowledgeBase, match="'help'"), mine.snapshot():
        pass
    other.create("help")
    with pytest.raises(Misconfigured, match=r"other \(8 numbers.*--rebuild"), mine.snapshot():
        pass


def test_what_a_creation_left_that_broke_off_is_no_knowledge_base(place: OnMilvus) -> None:
    store = place.store()
    store.create("help").put_many([prepared("a", "heron")])
    place.reader().server.drop(Names.of("help", place.prefix).records)
    assert store.names() == []
    assert list(place.store().create("help").documents()) == []


def test_names_map_to_collections_and_back() -> None:
    names = ["a", "a--b", "a-b", "help-desk-2"]
    collections = [Names.of(name, "x").records for name in names]
    assert collections == ["x_records_a", "x_records_a__b", "x_records_a_b", "x_records_help_desk_2"]
    assert Names.known_in([*collections, "x_passages_a", "y_records_z"], "x") == names


@pytest.mark.parametrize("prefix", ["", "1a", "a-b", "x" * 33])
def test_a_bad_prefix_is_refused(place: OnMilvus, prefix: str) -> None:
    with pytest.raises(Misconfigured, match="is no prefix"):
        MilvusKnowledgeBaseStore(MilvusServer(place.uri), WordEncoder(), prefix)


def test_a_head_of_another_version_says_what_to_do() -> None:
    row = Head("words", 8, "x", "Help").as_row()
    row["payload"] = row["payload"].replace('"generation"', '"epoch"')
    with pytest.raises(Misconfigured, match="--rebuild"):
        Head.from_row(row)
