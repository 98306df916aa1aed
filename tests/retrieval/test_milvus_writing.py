"""A write to Milvus that breaks off anywhere leaves the state before or after, and the next one clears the rest."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from domain.errors import PartUnavailable
from retrieval.milvus_server import MilvusOptions, MilvusServer, Row
from retrieval.milvus_store import MilvusKnowledgeBaseStore
from tests.retrieval.index_places import QUICK, OnMilvus, killed, new_on_milvus
from tests.retrieval.word_encoder import WordEncoder, prepared

ROOT = Path(__file__).parents[2]

# A dead writer's lease is taken over after this long; no call to milvus-lite takes a third of it.
HASTY = replace(QUICK, timeout_seconds=1, lease_seconds=3, busy_seconds=10)

State = dict[str, list[str]]


class FragileServer(MilvusServer):
    """Goes away at the call to change something that ``breaks_at`` names, counted from 1: before it or, with
    ``late``, after it was carried out and before it was acknowledged; and again at every call that follows."""

    def __init__(self, uri: str, options: MilvusOptions) -> None:
        super().__init__(uri, options=options)
        self.calls, self.breaks_at, self.late = 0, 0, False

    def upsert(self, collection: str, rows: Sequence[Row]) -> None:
        if self._goes_on():
            super().upsert(collection, rows)
        self._check()

    def delete(self, collection: str, expression: str) -> None:
        if self._goes_on():
            super().delete(collection, expression)
        self._check()

    def _goes_on(self) -> bool:
        self.calls += 1
        return not self.breaks_at or self.calls < self.breaks_at + self.late

    def _check(self) -> None:
        if self.breaks_at and self.calls >= self.breaks_at:
            raise PartUnavailable("The server is gone.")


@pytest.fixture
def place() -> OnMilvus:
    return new_on_milvus()


def state(place: OnMilvus) -> State:
    """What a new reader finds of each document, by passages, by both searches and by its text."""
    base = place.store().open("help")
    found: State = {}
    with base.snapshot() as snapshot:
        passages = snapshot.passages(snapshot.rows())
        assert len(passages) == len(snapshot)
        for row in passages:
            found.setdefault(passages[row].document_id, []).append(passages[row].text)
        vector = WordEncoder().encode_queries(["word"])[0]
        assert {row for row, _ in snapshot.dense(vector, 500)} == set(passages)
        assert {row for row, _ in snapshot.lexical("word", 500)} == set(passages)
    documents = {document.id: base.document(document.id) for document in base.documents()}
    assert {id_: known[1].split("\n\n") for id_, known in documents.items() if known} == found
    assert base.info().document_count == len(found)
    return found


BEFORE = {"a": ["word one", "word two"], "b": ["word three"]}
AFTER = {"a": ["word four"], "b": ["word three"], "c": ["word five"]}


def base_before(place: OnMilvus) -> None:
    base = place.store().create("help")
    base.put_many([prepared("a", "word one", "word two"), prepared("b", "word three")])
    base.close()


def change(store: MilvusKnowledgeBaseStore) -> None:
    store.open("help").put_many([prepared("a", "word four"), prepared("c", "word five")])


def leftovers(place: OnMilvus) -> tuple[int, int]:
    """How many stored passages, and records of documents and texts, no reader of the newest moment sees."""
    reader = place.reader()
    head = reader.head()
    hidden = f"not ({reader.seen(head)})"
    records = reader.server.newest(reader.names.records, f'kind in ["document", "text"] and {hidden}', ["key"])
    return len(reader.server.newest(reader.names.passages, hidden, ["row"])), len(records)


def calls_of_a_change() -> int:
    place = new_on_milvus()
    base_before(place)
    server = FragileServer(place.uri, QUICK)
    change(MilvusKnowledgeBaseStore(server, WordEncoder(), place.prefix))
    return server.calls


def test_a_change_broken_off_at_any_call_is_there_or_not_and_the_next_one_clears_up() -> None:
    seen = []
    for late in (False, True):
        for breaks_at in range(1, calls_of_a_change() + 1):
            place = new_on_milvus()
            base_before(place)
            server = FragileServer(place.uri, QUICK)
            store = MilvusKnowledgeBaseStore(server, WordEncoder(), place.prefix)
            server.breaks_at, server.late = breaks_at, late
            with pytest.raises(PartUnavailable):
                change(store)
            found = state(place)
            assert found in (BEFORE, AFTER)
            seen.append(found == AFTER)
            server.breaks_at = 0
            store.open("help").put_many([prepared("d", "word six")])
            assert state(place) == {**found, "d": ["word six"]}
            if found == BEFORE:
                assert leftovers(place) == (0, 0)
    assert len(seen) == 8
    assert seen.count(True) == 1  # only where nothing but the last acknowledgment was lost


def test_a_message_of_a_broken_write_that_arrives_late_is_never_seen(place: OnMilvus) -> None:
    base_before(place)
    reader = place.reader()
    [row] = reader.server.newest(reader.names.passages, "row == 2", ["*"])
    late = {key: value for key, value in row.items() if key != "sparse"}
    number, born = reader.head().next_number, reader.head().generation + 1
    late |= {"row": number + 1, "copy": number, "born": born}
    reader.server.upsert(reader.names.passages, [late])
    assert state(place) == BEFORE
    store = place.store()
    store.open("help").put_many([prepared("d", "word six")])  # its first write finds what another one left
    assert leftovers(place) == (0, 0)
    reader.server.upsert(reader.names.passages, [late])
    store.open("help").put_many([prepared("e", "word seven")])
    assert state(place) == {**BEFORE, "d": ["word six"], "e": ["word seven"]}
    assert leftovers(place) == (1, 0)


def test_what_was_replaced_is_deleted_once_no_reader_can_need_it(place: OnMilvus) -> None:
    base_before(place)
    soon = MilvusServer(place.uri, options=replace(QUICK, keep_seconds=0))
    base = MilvusKnowledgeBaseStore(soon, WordEncoder(), place.prefix).open("help")
    other = place.store()
    change(other)
    other.close()
    assert leftovers(place) == (2, 2)
    base.compact()
    assert leftovers(place) == (0, 0)
    assert state(place) == AFTER
    gone = 'kind in ["dead", "void"]'
    assert len(soon.newest(place.reader().names.records, gone, ["key"])) == 1
    base.compact()
    assert soon.newest(place.reader().names.records, gone, ["key"]) == []
    assert state(place) == AFTER


def test_a_snapshot_kept_longer_than_what_was_replaced_says_so(place: OnMilvus) -> None:
    base_before(place)
    server = MilvusServer(place.uri, options=replace(QUICK, keep_seconds=0.1))
    base = MilvusKnowledgeBaseStore(server, WordEncoder(), place.prefix).open("help")
    with base.snapshot() as snapshot:
        time.sleep(0.2)
        with pytest.raises(PartUnavailable, match=r"older than the 0\.1 s"):
            snapshot.rows()


WRITER = """
import sys
from retrieval.milvus_server import MilvusServer
from retrieval.milvus_store import MilvusKnowledgeBaseStore
from tests.retrieval.test_milvus_writing import HASTY
from tests.retrieval.word_encoder import WordEncoder, prepared
server = MilvusServer(sys.argv[1], options=HASTY)
base = MilvusKnowledgeBaseStore(server, WordEncoder(), sys.argv[2]).open("help")
for number in range(1, 10_000):
    documents = [prepared(f"d{i}", *[f"round{number} word {j}" for j in range(20)]) for i in range(6)]
    print(number, flush=True)
    base.put_many(documents)
    print(-number, flush=True)
"""


@pytest.mark.parametrize("attempt", [0])
def test_a_killed_writer_leaves_the_state_before_or_after_and_another_takes_over(place: OnMilvus, attempt: int) -> None:
    place.store().create("help").close()
    address = place.address()
    acknowledged = killed([sys.executable, "-c", WRITER, address, place.prefix], attempt)
    rounds = {text.split()[0] for texts in state(place).values() for text in texts}
    assert rounds in ({f"round{acknowledged}"}, {f"round{acknowledged + 1}"})
    survivor = MilvusKnowledgeBaseStore(MilvusServer(place.uri, options=HASTY), WordEncoder(), place.prefix)
    survivor.open("help").put_many([prepared("d0", "word anew")])
    found = state(place)
    assert found["d0"] == ["word anew"]
    assert sum(len(texts) for texts in found.values()) == 101
