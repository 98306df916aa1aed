"""Compacting gives room back and changes no answer, beside readers and through a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from domain.errors import PartUnavailable
from retrieval.index_spec import Family, IndexSpec, parse_spec
from retrieval.knowledge_base import KnowledgeBase, KnowledgeBaseStore
from tests.retrieval.word_encoder import WordEncoder, prepared

ROOT = Path(__file__).parents[2]


def encoder() -> WordEncoder:
    return WordEncoder(32)


@pytest.fixture
def store(tmp_path: Path) -> KnowledgeBaseStore:
    """300 passages, of which 30 are left: the other documents have been emptied."""
    made = KnowledgeBaseStore(tmp_path, encoder(), busy_seconds=0.2)
    base = made.create("help", "Help pages")
    base.put_many([prepared(f"d{n}", f"heron word{n} " + "z" * 1500) for n in range(300)])
    base.put_many([prepared(f"d{n}") for n in range(300) if n % 10])
    return made


def answers(base: KnowledgeBase) -> tuple[list[int], list[tuple[int, float]], list[tuple[int, float]]]:
    with base.snapshot() as snapshot:
        dense = [(row, round(score, 5)) for row, score in snapshot.dense(encoder().encode_queries(["word70"])[0], 9)]
        return snapshot.rows(), dense, [(row, round(score, 5)) for row, score in snapshot.lexical("word70 heron", 9)]


def test_room_is_given_back_and_rows_and_answers_stay(store: KnowledgeBaseStore, tmp_path: Path) -> None:
    base = store.open("help")
    before = answers(base)
    done = store.compact("help")
    assert done.bytes_after < 0.4 * done.bytes_before
    assert done.bytes_after == sum(path.stat().st_size for path in tmp_path.iterdir() if "sqlite3" in path.name)
    assert done.index.family is Family.FLAT
    assert answers(base) == answers(KnowledgeBaseStore(tmp_path, encoder()).open("help")) == before
    base.put_many([prepared("new", "crow")])
    assert answers(base)[0] == [*before[0], 301]


def test_a_reader_keeps_its_moment_while_it_is_compacted(store: KnowledgeBaseStore, tmp_path: Path) -> None:
    other = KnowledgeBaseStore(tmp_path, encoder()).open("help")
    with other.snapshot() as held:
        store.compact("help")
        assert len(held.passages(held.rows())) == 30
        assert len(held.lexical("heron", 99)) == 30
    assert len(answers(other)[0]) == 30


def test_it_is_refused_while_another_process_writes(store: KnowledgeBaseStore, tmp_path: Path) -> None:
    other = KnowledgeBaseStore(tmp_path, encoder()).open("help")
    with (
        other._catalogue._file.writing(),
        pytest.raises(PartUnavailable, match=r"has been writing to .*help\.sqlite3 for more than 0\.2 s"),
    ):
        store.compact("help")
    assert store.compact("help").bytes_after > 0


def test_an_index_that_is_named_is_kept_to_until_it_goes_by_size_again(
    store: KnowledgeBaseStore, tmp_path: Path
) -> None:
    assert store.compact("help", parse_spec("hnsw:effort=99")).index.family is Family.HNSW
    again = KnowledgeBaseStore(tmp_path, encoder())
    assert again.open("help").compact().family is Family.HNSW
    assert again.compact("help").index.family is Family.HNSW
    with again.rebuilding("help") as new:
        new.put_many([prepared(f"d{n}", f"heron word{n}") for n in range(9)])
        assert new.compact().family is Family.HNSW, "a rebuild keeps to it too"
    assert again.compact("help", "auto").index.family is Family.FLAT
    assert again.open("help").compact().family is Family.FLAT


def test_what_a_crash_left_is_cleared(store: KnowledgeBaseStore, tmp_path: Path) -> None:
    for name in (".help.new.sqlite3", ".help.new.sqlite3-wal", ".help.sqlite3.123.456", "help-2.sqlite3.bak"):
        (tmp_path / name).write_bytes(b"left")
    (tmp_path / ".help.index.123.456").mkdir()
    (tmp_path / "help.7.index-5").mkdir()
    KnowledgeBaseStore(tmp_path, encoder()).create("help-2")
    store.compact("help")
    left = {path.name for path in tmp_path.iterdir() if not path.name.endswith(("-wal", "-shm"))}
    assert left == {"help.sqlite3", "help.lock", "help-2.sqlite3", "help-2.lock", "help-2.sqlite3.bak"}


COMPACTER = """
import sys
from pathlib import Path
from retrieval.index_spec import parse_spec
from retrieval.knowledge_base import KnowledgeBaseStore
from tests.retrieval.word_encoder import WordEncoder
store = KnowledgeBaseStore(Path(sys.argv[1]), WordEncoder(32))
print("ready", flush=True)
while True:
    for spec in ("hnsw:effort=99", "sq8"):
        store.compact("help", parse_spec(spec))
"""


@pytest.mark.parametrize("attempt", range(3))
def test_a_kill_at_any_moment_changes_no_answer(store: KnowledgeBaseStore, tmp_path: Path, attempt: int) -> None:
    before = answers(store.open("help"))
    store.close()
    command = [sys.executable, "-c", COMPACTER, str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env={**os.environ})
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "ready"
    time.sleep(0.013 + 0.031 * attempt)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    again = KnowledgeBaseStore(tmp_path, encoder())
    assert answers(again.open("help")) == before
    with again.open("help")._catalogue._file.bare() as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.execute("INSERT INTO lexicon(lexicon) VALUES ('integrity-check')")
    assert again.compact("help", "auto").index.family is Family.FLAT
    assert answers(again.open("help")) == before


def test_too_few_passages_for_codes_are_compared_one_by_one(tmp_path: Path) -> None:
    base = KnowledgeBaseStore(tmp_path, WordEncoder(), index=parse_spec("ivf-pq:code_bytes=8")).create("help")
    base.put_many([prepared(f"d{n}", f"heron {n}") for n in range(40)])
    assert base.compact() == IndexSpec(Family.FLAT)
