"""A knowledge base is rebuilt beside the live one and swapped in: for readers, writers, other processes and crashes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.errors import Misconfigured, PartUnavailable, UnknownKnowledgeBase
from retrieval.index_spec import parse_spec
from retrieval.ingestion import ingest_anew
from retrieval.knowledge_base import KnowledgeBase, KnowledgeBaseStore
from tests.retrieval.word_encoder import WordEncoder, prepared

ROOT = Path(__file__).parents[2]
HNSW = parse_spec("hnsw:effort=500")


@pytest.fixture
def store(tmp_path: Path) -> KnowledgeBaseStore:
    made = KnowledgeBaseStore(tmp_path, WordEncoder(), busy_seconds=0.2)
    made.create("help", "Help pages", ["How do I move?"]).put_many([prepared("a", "heron"), prepared("b", "otter")])
    return made


def texts(base: KnowledgeBase) -> set[str]:
    with base.snapshot() as snapshot:
        return {passage.text for passage in snapshot.passages(snapshot.rows()).values()}


def nearest(base: KnowledgeBase, word: str, encoder: WordEncoder | None = None) -> str:
    vector = (encoder or WordEncoder()).encode_queries([word])[0]
    with base.snapshot() as snapshot:
        [(row, _)] = snapshot.dense(vector, 1)
        return snapshot.passages([row])[row].text


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.endswith(("-wal", "-shm"))}


def test_readers_go_on_with_the_old_one_until_the_new_one_is_whole(store: KnowledgeBaseStore) -> None:
    held = store.open("help")
    with held.snapshot() as during:
        with store.rebuilding("help") as new:
            new.put_many([prepared("c", "badger")])
            assert texts(store.open("help")) == texts(held) == {"heron", "otter"}
        assert {passage.text for passage in during.passages(during.rows()).values()} == {"heron", "otter"}
        assert [row for row, _ in during.lexical("heron", 5)] == [1]
    assert texts(store.open("help")) == texts(held) == {"badger"}
    assert nearest(held, "badger") == "badger"
    assert held.document("a") is None


def test_title_and_examples_are_kept_and_nothing_else_is_left(store: KnowledgeBaseStore, tmp_path: Path) -> None:
    for word in ("crow", "swan"):
        with store.rebuilding("help") as new:
            new.put_many([prepared("c", word)])
    info = store.info("help")
    assert (info.name, info.title, info.examples) == ("help", "Help pages", ("How do I move?",))
    assert files(tmp_path) == {"help.3.sqlite3", "help.lock"}
    assert store.names() == ["help"]
    store.remove("help")
    assert list(tmp_path.iterdir()) == []


def test_a_rebuild_that_fails_leaves_the_old_one(store: KnowledgeBaseStore, tmp_path: Path) -> None:
    def rebuild() -> None:
        with store.rebuilding("help") as new:
            new.put_many([prepared("c", "badger")])
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rebuild()
    assert texts(store.open("help")) == {"heron", "otter"}
    assert files(tmp_path) == {"help.sqlite3", "help.lock"}


def test_another_process_finds_the_new_one_at_its_next_snapshot(store: KnowledgeBaseStore, tmp_path: Path) -> None:
    other = KnowledgeBaseStore(tmp_path, WordEncoder())
    held = other.open("help")
    assert texts(held) == {"heron", "otter"}
    with store.rebuilding("help") as new:
        new.put_many([prepared("c", "badger")])
    assert texts(held) == {"badger"}
    held.put_many([prepared("d", "crow")])
    assert texts(store.open("help")) == {"badger", "crow"}
    other.close()
    assert texts(store.open("help")) == {"badger", "crow"}, "closing an old connection takes nothing from the new file"


@pytest.mark.parametrize("change", ["put", "delete", "compact", "rebuild", "remove"])
def test_writers_are_refused_during_a_rebuild_and_lose_nothing(
    store: KnowledgeBaseStore, tmp_path: Path, change: str
) -> None:
    other = KnowledgeBaseStore(tmp_path, WordEncoder(), busy_seconds=0.1)
    base = other.open("help")
    changes: dict[str, Callable[[], object]] = {
        "put": lambda: base.put_many([prepared("d", "crow")]),
        "delete": lambda: base.delete("a"),
        "compact": base.compact,
        "rebuild": lambda: other.reembed("help"),
        "remove": lambda: other.remove("help"),
    }
    with store.rebuilding("help") as new:
        new.put_many([prepared("c", "badger")])
        with pytest.raises(PartUnavailable, match=r"'help' is being .* by another process for more than 0\.1 s"):
            changes[change]()
    assert texts(base) == {"badger"}
    base.put_many([prepared("d", "crow")])
    assert texts(base) == {"badger", "crow"}


def test_a_writer_that_waits_long_enough_writes_into_the_new_one(tmp_path: Path, store: KnowledgeBaseStore) -> None:
    base = KnowledgeBaseStore(tmp_path, WordEncoder(), busy_seconds=20).open("help")
    writer = threading.Thread(target=lambda: base.put_many([prepared("d", "crow")]))
    with store.rebuilding("help") as new:
        writer.start()
        new.put_many([prepared("c", "badger")])
        writer.join(0.3)
        assert writer.is_alive()
    writer.join()
    assert texts(base) == {"badger", "crow"}


def test_searches_never_fail_while_it_is_rebuilt_again_and_again(store: KnowledgeBaseStore, tmp_path: Path) -> None:
    """Each finds a state that was whole: some round's two documents."""
    stop, seen, failed = threading.Event(), set[frozenset[str]](), list[Exception]()

    def read(base: KnowledgeBase) -> None:
        while not stop.is_set():
            try:
                seen.add(frozenset(texts(base)))
            except Exception as error:
                failed.append(error)

    other = KnowledgeBaseStore(tmp_path, WordEncoder())
    readers = [threading.Thread(target=read, args=(one.open("help"),)) for one in (store, store, other)]
    for reader in readers:
        reader.start()
    for number in range(8):
        with store.rebuilding("help") as new:
            new.put_many([prepared("a", f"heron {number}"), prepared("b", f"otter {number}")])
    stop.set()
    for reader in readers:
        reader.join()
    assert failed == []
    whole = [{"heron", "otter"}] + [{f"heron {number}", f"otter {number}"} for number in range(8)]
    assert all(found in whole for found in seen)
    assert len(seen) > 3


REBUILDER = """
import sys
from pathlib import Path
from retrieval.index_spec import parse_spec
from retrieval.knowledge_base import KnowledgeBaseStore
from tests.retrieval.word_encoder import WordEncoder, prepared
store = KnowledgeBaseStore(Path(sys.argv[1]), WordEncoder(16), index=parse_spec("hnsw:effort=500"))
for number in range(1, 10_000):
    print(number, flush=True)
    with store.rebuilding("help") as new:
        new.put_many([prepared(f"d{i}", f"round{number} word{i}") for i in range(40)])
        new.compact()
    print(-number, flush=True)
"""


@pytest.mark.parametrize("attempt", range(3))
def test_a_killed_rebuild_leaves_the_state_before_or_after_and_the_next_one_clears_up(
    tmp_path: Path, attempt: int
) -> None:
    store = KnowledgeBaseStore(tmp_path, WordEncoder(16), index=HNSW)
    store.create("help", "Help pages")
    command = [sys.executable, "-c", REBUILDER, str(tmp_path)]
    rebuilder = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ})
    assert rebuilder.stdout is not None
    while rebuilder.stdout.readline().strip() != "-1":
        assert rebuilder.poll() is None
    threading.Event().wait(attempt * 0.023)
    rebuilder.send_signal(signal.SIGKILL)
    lines = [int(line) for line in rebuilder.stdout.read().split()]
    rebuilder.wait()
    acknowledged = max([-number for number in lines if number < 0], default=1)
    base = store.open("help")
    [found] = {text.split()[0] for text in texts(base)}
    assert len(texts(base)) == 40
    assert found in (f"round{acknowledged}", f"round{acknowledged + 1}")
    assert nearest(base, "word7", WordEncoder(16)).endswith("word7")
    with store.rebuilding("help") as new:
        new.put_many([prepared("a", "last")])
    assert texts(base) == {"last"}
    assert len(files(tmp_path)) == 2
    assert store.info("help").title == "Help pages"


def test_a_trained_index_comes_with_it(store: KnowledgeBaseStore, tmp_path: Path) -> None:
    trained = KnowledgeBaseStore(tmp_path, WordEncoder(), index=HNSW)
    with trained.rebuilding("help") as new:
        new.put_many([prepared(f"d{n}", f"heron word{n}") for n in range(60)])
        new.compact()
    assert "help.2.index-1" in files(tmp_path)
    again = KnowledgeBaseStore(tmp_path, WordEncoder(), index=HNSW)
    assert nearest(again.open("help"), "word33") == "heron word33"
    with again.open("help").snapshot() as snapshot:
        assert type(snapshot._index).__name__ == "TrainedIndex"


def test_a_changed_encoder_is_refused_until_the_texts_are_encoded_anew(
    store: KnowledgeBaseStore, tmp_path: Path
) -> None:
    """Pain 7: re-indexing must do something, also where the files are no longer at hand."""
    store.open("help").put_many([prepared("empty"), prepared("c", "crow", "swan", metadata={"region": "UK"})])
    before = {document.id: store.open("help").document(document.id) for document in store.open("help").documents()}
    hashes = {id_: store.open("help").content_hash(id_) for id_ in before}
    other = KnowledgeBaseStore(tmp_path, WordEncoder(32, "other weights"))
    with pytest.raises(Misconfigured, match=r"words \(512 numbers.*colloquy kb rebuild help"):
        other.open("help")
    told: list[tuple[int, int]] = []
    assert other.reembed("help", lambda done, total: told.append((done, total))) == 4
    assert told == [(4, 4)]
    base = other.open("help")
    assert {document.id: base.document(document.id) for document in base.documents()} == before
    assert {id_: base.content_hash(id_) for id_ in before} == hashes
    assert nearest(base, "swan", WordEncoder(32)) == "swan"
    with base.snapshot() as snapshot:
        assert [passage.id for passage in snapshot.passages(snapshot.rows()).values()] == ["a#0", "b#0", "c#0", "c#1"]
    with pytest.raises(Misconfigured, match="other weights"):
        store.open("help")


def test_what_has_another_format_or_is_damaged_can_be_rebuilt_from_files(
    store: KnowledgeBaseStore, tmp_path: Path
) -> None:
    with store.open("help")._catalogue._file.writing() as connection:
        connection.execute("UPDATE meta SET value = '0' WHERE key = 'format'")
    fresh = KnowledgeBaseStore(tmp_path, WordEncoder())
    with pytest.raises(Misconfigured, match="format '0'"):
        fresh.reembed("help")
    with fresh.rebuilding("help") as new:
        new.put_many([prepared("c", "badger")])
    assert (texts(fresh.open("help")), fresh.info("help").title) == ({"badger"}, "Help pages")
    fresh.close()
    store.close()
    (tmp_path / "help.2.sqlite3").write_bytes(b"noise" * 1000)
    with fresh.rebuilding("help") as new:
        new.put_many([prepared("c", "crow")])
    assert (texts(fresh.open("help")), fresh.info("help").title) == ({"crow"}, "help")


def test_a_new_name_can_be_built_too_and_appears_whole(store: KnowledgeBaseStore) -> None:
    with store.rebuilding("new") as new:
        new.put_many([prepared("c", "badger")])
        assert store.names() == ["help"]
    assert texts(store.open("new")) == {"badger"}


def test_nothing_that_can_be_read_is_no_reason_to_throw_away_what_there_is(
    store: KnowledgeBaseStore, tmp_path: Path
) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.pdf").write_bytes(b"broken")
    with (
        pytest.raises(Misconfigured, match=r"Nothing could be read from “.*docs”.*a\.pdf"),
        store.rebuilding("help") as new,
    ):
        ingest_anew([docs], new)
    assert texts(store.open("help")) == {"heron", "otter"}
    (docs / "b.md").write_text("Crow.")
    with store.rebuilding("help") as new:
        assert ingest_anew([docs], new).added == 1
    assert texts(store.open("help")) == {"Crow."}


def test_a_stray_log_of_a_removed_one_never_meets_its_successor(store: KnowledgeBaseStore, tmp_path: Path) -> None:
    """A crash in the middle of removing: the file is gone, its log is not."""
    log = (tmp_path / "help.sqlite3-wal").read_bytes()
    assert len(log) > 1000
    store.remove("help")
    (tmp_path / "help.sqlite3-wal").write_bytes(log)
    base = store.create("help")
    assert list(base.documents()) == []
    base.put_many([prepared("c", "badger")])
    assert texts(KnowledgeBaseStore(tmp_path, WordEncoder()).open("help")) == {"badger"}


def test_what_a_killed_removal_left_is_cleared_by_the_next(store: KnowledgeBaseStore, tmp_path: Path) -> None:
    (tmp_path / ".lost.gone.sqlite3").write_bytes(b"all its documents")
    with pytest.raises(UnknownKnowledgeBase):
        store.remove("lost")
    assert [path.name for path in tmp_path.iterdir() if "lost" in path.name] == []
