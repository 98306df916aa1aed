from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from domain.conversation import Query
from domain.errors import Misconfigured, PartUnavailable, UnknownKnowledgeBase
from retrieval.hybrid import HybridRetriever
from retrieval.knowledge_base import KnowledgeBaseStore
from tests.retrieval.word_encoder import WordEncoder, prepared


@pytest.fixture
def store(tmp_path: Path) -> KnowledgeBaseStore:
    return KnowledgeBaseStore(tmp_path / "bases", WordEncoder())


def test_a_folder_that_is_not_there_yet_holds_nothing(store: KnowledgeBaseStore) -> None:
    assert store.names() == []


def test_info_counts_and_dates(store: KnowledgeBaseStore) -> None:
    before = time.time()
    store.create("help", "Help pages", ["How do I move?"]).put_many([prepared("a", "one", "two"), prepared("b", "one")])
    store.create("empty")
    info = store.info("help")
    assert (info.name, info.title, info.examples) == ("help", "Help pages", ("How do I move?",))
    assert (info.document_count, info.passage_count) == (2, 3)
    assert before <= info.updated_at <= time.time()
    assert store.info("empty").title == "empty"
    assert store.names() == ["empty", "help"]


def test_info_needs_no_matching_encoder(store: KnowledgeBaseStore, tmp_path: Path) -> None:
    store.create("help")
    other = KnowledgeBaseStore(tmp_path / "bases", WordEncoder(fingerprint="other"))
    assert other.info("help").document_count == 0


@pytest.mark.parametrize("name", ["", "Help", "-a", "a b", "../a", "a/b", "ä", "a" * 64, "a.sqlite3"])
@pytest.mark.parametrize("action", ["create", "open", "remove", "info"])
def test_a_name_that_is_none_is_refused(store: KnowledgeBaseStore, name: str, action: str) -> None:
    with pytest.raises(Misconfigured, match="no name for a knowledge base"):
        getattr(store, action)(name)


@pytest.mark.parametrize("action", ["open", "remove", "info"])
def test_an_unknown_name_lists_what_there_is(store: KnowledgeBaseStore, action: str) -> None:
    with pytest.raises(UnknownKnowledgeBase, match="none yet"):
        getattr(store, action)("nope")
    store.create("help")
    store.create("a" * 63)
    with pytest.raises(UnknownKnowledgeBase, match=r"there is: a+, help.*colloquy ingest --kb nope"):
        getattr(store, action)("nope")


def test_a_taken_name_is_refused_and_what_it_holds_kept(store: KnowledgeBaseStore) -> None:
    store.create("help").put_many([prepared("a", "one")])
    with pytest.raises(Misconfigured, match="already"):
        store.create("help")
    assert store.info("help").document_count == 1


def test_of_many_that_create_at_once_one_succeeds(tmp_path: Path) -> None:
    outcomes: list[str] = []

    def create() -> None:
        try:
            KnowledgeBaseStore(tmp_path, WordEncoder()).create("help")
            outcomes.append("made")
        except Misconfigured:
            outcomes.append("taken")

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made"] + ["taken"] * 7
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_removed_one_is_gone_with_its_log_and_can_be_made_anew(store: KnowledgeBaseStore, tmp_path: Path) -> None:
    store.create("help").put_many([prepared("a", "one")])
    store.remove("help")
    assert store.names() == []
    assert list((tmp_path / "bases").iterdir()) == []
    assert list(store.create("help").documents()) == []


def test_opening_twice_gives_the_same_one(store: KnowledgeBaseStore) -> None:
    store.create("help")
    assert store.open("help") is store.open("help")


def test_a_server_notices_that_another_process_rebuilt_it(store: KnowledgeBaseStore, tmp_path: Path) -> None:
    store.create("help").put_many([prepared("a", "old heron")])
    search = HybridRetriever(lambda: store.open("help").snapshot(), WordEncoder())
    assert search.retrieve(Query("heron", ""), 1)[0].passage.text == "old heron"
    other = KnowledgeBaseStore(tmp_path / "bases", WordEncoder())
    other.remove("help")
    other.create("help").put_many([prepared("a", "new heron")])
    assert search.retrieve(Query("heron", ""), 1)[0].passage.text == "new heron"


def test_a_knowledge_base_taken_away_in_use_says_so(store: KnowledgeBaseStore) -> None:
    base = store.create("help")
    store.remove("help")
    with pytest.raises(PartUnavailable, match=r"help\.sqlite3 is gone"):
        base.document("a")


@pytest.mark.parametrize("kept", [0, 10, 100, 4096, 40_000])
def test_a_truncated_file_is_reported_with_its_path_and_the_remedy(
    store: KnowledgeBaseStore, tmp_path: Path, kept: int
) -> None:
    store.create("help").put_many([prepared(f"d{n}", "word " * 300) for n in range(50)])
    store.close()
    path = tmp_path / "bases" / "help.sqlite3"
    assert path.stat().st_size > 100_000
    os.truncate(path, kept)
    with pytest.raises(Misconfigured, match=r"help\.sqlite3 is damaged.*colloquy ingest --rebuild --kb help"):
        store.open("help")
    assert store.names() == ["help"]
    store.remove("help")
    assert store.names() == []


def test_a_file_overwritten_with_noise_is_reported(store: KnowledgeBaseStore, tmp_path: Path) -> None:
    store.create("help")
    store.close()
    (tmp_path / "bases" / "help.sqlite3").write_bytes(np.random.default_rng(0).bytes(50_000))
    with pytest.raises(Misconfigured, match="damaged or not a knowledge base"):
        store.info("help")


def test_damage_in_the_middle_is_reported_when_it_is_met(store: KnowledgeBaseStore, tmp_path: Path) -> None:
    store.create("help").put_many([prepared(f"d{n}", "word " * 300) for n in range(50)])
    store.close()
    path = tmp_path / "bases" / "help.sqlite3"
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))
    with pytest.raises(Misconfigured, match="damaged"):  # noqa: PT012 - opening may meet it, searching must
        base = store.open("help")
        with base.snapshot() as snapshot:
            snapshot.passages([row for row, _ in snapshot.lexical("word", 5)] and snapshot.rows())


def test_a_database_of_something_else_is_reported(store: KnowledgeBaseStore, tmp_path: Path) -> None:
    import sqlite3

    store.create("help")
    other = sqlite3.connect(tmp_path / "bases" / "recipes.sqlite3")
    other.execute("CREATE TABLE cake (flour REAL)")
    other.close()
    with pytest.raises(Misconfigured, match=r"recipes\.sqlite3 is damaged or not a knowledge base"):
        store.open("recipes")


def test_passages_are_encoded_with_their_heading(tmp_path: Path) -> None:
    encoder = WordEncoder()
    KnowledgeBaseStore(tmp_path, encoder).create("help").put_many([prepared("a", "one", title="Moving")])
    assert encoder.encoded == ["Moving\none"]


def test_an_unchanged_index_is_read_once_and_changes_are_read_alone(tmp_path: Path) -> None:
    base = KnowledgeBaseStore(tmp_path, WordEncoder()).create("help")
    base.put_many([prepared(f"d{n}", "one", "two") for n in range(30)])
    with base.snapshot() as first, base.snapshot() as second:
        assert first._index is second._index
    base.put_many([prepared("d3", "three")])
    with base.snapshot() as changed:
        assert changed.rows() == [row for row in range(1, 62) if row not in (7, 8)]


def test_row_numbers_are_never_used_again(tmp_path: Path) -> None:
    base = KnowledgeBaseStore(tmp_path, WordEncoder()).create("help")
    base.put_many([prepared("a", "one")])
    base.delete("a")
    base.put_many([prepared("a", "one")])
    with base.snapshot() as snapshot:
        assert snapshot.rows() == [2]


def test_a_catalogue_of_before_times_were_kept_goes_on_and_keeps_them_from_then_on(tmp_path: Path) -> None:
    import sqlite3

    base = KnowledgeBaseStore(tmp_path, WordEncoder()).create("help")
    base.put_many([prepared("old", "one")])
    with sqlite3.connect(tmp_path / "help.sqlite3") as older:
        older.execute("DROP TABLE indexed")
    older.close()
    assert base.indexed_at(["old"]) == {}
    base.put_many([prepared("new", "two")])
    assert list(base.indexed_at(["old", "new"])) == ["new"]
