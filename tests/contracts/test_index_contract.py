"""The promises of ``Index``, kept on files and on Milvus; on files the third also with a process that is killed
(``tests/retrieval/test_milvus_writing.py`` has that for Milvus)."""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

import pytest

from domain.errors import DocumentRejected, Misconfigured, PartUnavailable, UnknownKnowledgeBase
from domain.protocols import Index
from retrieval.knowledge_base import KnowledgeBaseStore
from retrieval.prepared import PreparedDocument
from tests.retrieval.index_places import PLACES, IndexStore, Place, SearchableIndex, killed, new_place
from tests.retrieval.word_encoder import WordEncoder, prepared

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return new_place(request.param, tmp_path)


@pytest.fixture
def store(place: Place) -> IndexStore:
    return place.store()


@pytest.fixture
def index(store: IndexStore) -> SearchableIndex:
    return store.create("help", "Help", ["How do I move?"])


def put(index: Index, document: PreparedDocument) -> None:
    index.put(document.document, document.text, document.passages, document.content_hash)


def found(index: SearchableIndex, word: str) -> tuple[set[str], set[str]]:
    """The ids of passages that BM25 and the vectors find for ``word``: two lists that must never disagree."""
    vector = WordEncoder().encode_queries([word])[0]
    with index.snapshot() as snapshot:
        lexical = [row for row, _ in snapshot.lexical(word, 100)]
        dense = [row for row, score in snapshot.dense(vector, 100) if score > 0.5]
        names = {row: passage.id for row, passage in snapshot.passages([*lexical, *dense]).items()}
    return {names[row] for row in lexical}, {names[row] for row in dense}


def test_what_was_put_comes_back_equal(index: SearchableIndex) -> None:
    document = prepared("moving", "First Ünïcode — text.", "Second.", metadata={"region": "uk", "product": "fibre"})
    put(index, document)
    assert index.document("moving") == (document.document, document.text)
    assert index.content_hash("moving") == document.content_hash
    assert list(index.documents()) == [document.document]
    with index.snapshot() as snapshot:
        found = snapshot.passages(snapshot.rows())
        assert tuple(found.values()) == document.passages
        assert [passage.metadata for passage in found.values()] == [{"n": "0"}, {"n": "0"}]


def test_it_is_known_when_a_document_was_put_until_it_is_gone(index: SearchableIndex) -> None:
    before = time.time()
    put(index, prepared("moving", "First."))
    first = index.indexed_at(["moving", "nowhere"])
    put(index, prepared("moving", "Second."))
    again = index.indexed_at(["moving"])
    assert list(first) == ["moving"]
    assert before <= first["moving"] <= again["moving"] <= time.time()
    index.delete("moving")
    assert index.indexed_at(["moving"]) == {}


def test_unknown_documents_are_none(index: SearchableIndex) -> None:
    assert index.document("x") is None
    assert index.content_hash("x") is None
    assert index.delete("x") is False


def test_replacing_takes_the_old_passages_out_of_every_list(index: SearchableIndex) -> None:
    put(index, prepared("a", "heron", "otter"))
    assert found(index, "heron") == ({"a#0"}, {"a#0"})
    put(index, prepared("a", "badger"))
    assert found(index, "heron") == (set(), set())
    assert found(index, "otter") == (set(), set())
    assert found(index, "badger") == ({"a#0"}, {"a#0"})


def test_deleting_takes_one_document_out_and_leaves_the_others(index: SearchableIndex) -> None:
    put(index, prepared("a", "heron"))
    put(index, prepared("b", "heron"))
    assert index.delete("a") is True
    assert found(index, "heron") == ({"b#0"}, {"b#0"})
    assert [document.id for document in index.documents()] == ["b"]


def test_a_batch_with_one_bad_document_changes_nothing(index: SearchableIndex) -> None:
    put(index, prepared("a", "heron"))
    thief = prepared("b", "otter")
    stolen = PreparedDocument(thief.document, "otter", (thief.passages[0], thief.passages[0]), "hash")
    with pytest.raises(DocumentRejected, match="taken"):
        index.put_many([prepared("a", "badger"), prepared("c", "crow"), stolen])
    assert found(index, "heron") == ({"a#0"}, {"a#0"})
    assert found(index, "badger") == found(index, "crow") == (set(), set())


def test_a_passage_of_another_document_is_refused(index: SearchableIndex) -> None:
    mixed = PreparedDocument(prepared("a").document, "", prepared("b", "heron").passages, "hash")
    with pytest.raises(DocumentRejected, match="'b'"):
        index.put_many([mixed])


def test_a_document_without_passages_and_an_empty_batch_are_fine(index: SearchableIndex) -> None:
    index.put_many([])
    index.put_many([prepared("empty"), prepared("a", "heron"), prepared("empty2")])
    assert [document.id for document in index.documents()] == ["a", "empty", "empty2"]
    assert found(index, "heron") == ({"a#0"}, {"a#0"})


def test_a_snapshot_stays_as_it_was_while_a_writer_works(index: SearchableIndex) -> None:
    put(index, prepared("a", "heron"))
    vector = WordEncoder().encode_queries(["heron"])[0]
    with index.snapshot() as before:
        put(index, prepared("a", "badger"))
        put(index, prepared("b", "heron"))
        assert found(index, "heron") == ({"b#0"}, {"b#0"})
        assert before.lexical("badger", 10) == []
        [(row, _)] = before.lexical("heron", 10)
        assert [one for one, _ in before.dense(vector, 10)] == [row]
        assert before.passages([row])[row].text == "heron"


def test_a_snapshot_begun_before_a_change_and_read_after_it_is_of_one_moment(index: SearchableIndex) -> None:
    put(index, prepared("a", "heron"))
    stop = threading.Event()
    wrong: list[object] = []

    def read() -> None:
        while not stop.is_set():
            lexical, dense = found(index, "heron")
            if lexical != dense:
                wrong.append((lexical, dense))

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for number in range(13):
        index.put_many([prepared("a", "heron" if number % 2 else "otter"), prepared(f"n{number}", "heron")])
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    assert len(found(index, "heron")[0]) == 13


def test_what_another_process_wrote_is_found(place: Place, index: SearchableIndex) -> None:
    assert found(index, "heron") == (set(), set())
    other = place.store().open("help")
    put(other, prepared("a", "heron"))
    assert found(index, "heron") == ({"a#0"}, {"a#0"})


WRITER = """
import sys
from pathlib import Path
from retrieval.knowledge_base import KnowledgeBaseStore
from tests.retrieval.word_encoder import WordEncoder, prepared
base = KnowledgeBaseStore(Path(sys.argv[1]), WordEncoder()).open("help")
for number in range(1, 10_000):
    documents = [prepared(f"d{i}", *[f"round{number} words of passage {j}" for j in range(20)]) for i in range(6)]
    print(number, flush=True)
    base.put_many(documents)
    print(-number, flush=True)
"""


@pytest.mark.parametrize("attempt", range(4))
def test_a_killed_writer_leaves_the_state_before_or_after(tmp_path: Path, attempt: int) -> None:
    store = KnowledgeBaseStore(tmp_path, WordEncoder())
    store.create("help")
    store.close()
    acknowledged = killed([sys.executable, "-c", WRITER, str(tmp_path)], attempt)
    base = KnowledgeBaseStore(tmp_path, WordEncoder()).open("help")
    with base.snapshot() as snapshot:
        rounds = {passage.text.split()[0] for passage in snapshot.passages(snapshot.rows()).values()}
        assert len(snapshot) == 120
    assert rounds in ({f"round{acknowledged}"}, {f"round{acknowledged + 1}"})
    assert len(found(base, rounds.pop())[0]) == 100


def test_a_second_writer_is_told_when_the_first_takes_too_long(place: Place, index: SearchableIndex) -> None:
    impatient = place.store(busy_seconds=0.2).open("help")
    with place.somebody_writes(index):
        started = time.perf_counter()
        with pytest.raises(PartUnavailable, match=r"more than 0\.2 s"):
            put(impatient, prepared("a", "heron"))
        assert time.perf_counter() - started < 5
        assert list(impatient.documents()) == []
    put(impatient, prepared("a", "heron"))
    assert found(index, "heron") == ({"a#0"}, {"a#0"})


@pytest.mark.parametrize(
    "encoder", [WordEncoder(fingerprint="other weights"), WordEncoder(dimension=32)], ids=["weights", "dimension"]
)
def test_another_encoder_is_refused_with_both_names_and_the_remedy(
    place: Place, index: SearchableIndex, encoder: WordEncoder
) -> None:
    put(index, prepared("a", "heron"))
    with pytest.raises(Misconfigured) as refusal:
        place.store(encoder).open("help")
    message = str(refusal.value)
    assert "words (512 numbers" in message
    assert f"{encoder.fingerprint} ({encoder.dimension} numbers" in message
    assert "colloquy ingest --rebuild --kb help PATH…" in message
    assert place.store().fits("help")
    assert not place.store(encoder).fits("help")


@pytest.mark.parametrize(("key", "value"), [("metric", "L2"), ("format", "0")])
def test_another_metric_or_format_is_refused(place: Place, index: SearchableIndex, key: str, value: str) -> None:
    place.spoil(index, key, value)
    with pytest.raises(Misconfigured, match=rf"{value}.*--rebuild --kb help"):
        place.store().open("help")


def test_what_lists_show_of_it_is_counted(store: IndexStore, index: SearchableIndex) -> None:
    put(index, prepared("a", "heron", "otter"))
    index.put_many([prepared("b", "otter"), prepared("c", "crow")])
    put(index, prepared("a", "heron"))
    index.delete("b")
    info = store.info("help")
    assert (info.document_count, info.passage_count) == (2, 2)
    assert (info.name, info.title, info.examples) == ("help", "Help", ("How do I move?",))
    assert abs(info.updated_at - time.time()) < 60


def test_a_name_is_taken_once_and_free_again_after_removal(place: Place, store: IndexStore) -> None:
    put(store.create("help-desk"), prepared("a", "heron"))
    with pytest.raises(Misconfigured, match="already"):
        place.store().create("help-desk")
    assert place.store().names() == ["help-desk"]
    store.remove("help-desk")
    assert place.store().names() == []
    for open_again in (store.open, place.store().open, store.info, store.remove):
        with pytest.raises(UnknownKnowledgeBase, match="'help-desk'"):
            open_again("help-desk")
    assert list(store.create("help-desk").documents()) == []


@pytest.mark.parametrize("name", ["", "Help", "a b", "../x", "a_b", "x" * 64])
def test_a_bad_name_is_refused(store: IndexStore, name: str) -> None:
    with pytest.raises(Misconfigured, match="is no name"):
        store.create(name)


def test_a_generation_is_counted_for_every_change(tmp_path: Path) -> None:
    index = KnowledgeBaseStore(tmp_path, WordEncoder()).create("help", "Help", ["How do I move?"])
    put(index, prepared("a", "heron"))
    index.put_many([prepared("b", "otter"), prepared("c", "crow")])
    index.delete("a")
    with index._catalogue.moment() as moment:
        assert moment.generation() == 3
        assert json.loads(moment.meta()["examples"]) == ["How do I move?"]
