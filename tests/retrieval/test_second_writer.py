"""Two processes write one knowledge base: the second waits its turn, or is refused with a sentence; readers see nothing
of it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from domain.errors import PartUnavailable
from retrieval.knowledge_base import KnowledgeBase, KnowledgeBaseStore
from tests.retrieval.word_encoder import WordEncoder, prepared

ROOT = Path(__file__).parents[2]

# Writes until its input ends. The encoder is done before the first transaction; the file is held from inside it, by a
# document whose text is only told once it is asked for.
LONG_WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from retrieval.knowledge_base import KnowledgeBaseStore
from tests.retrieval.word_encoder import WordEncoder, prepared

class Slow(tuple):
    def __iter__(self):
        yield from super().__iter__()
        if sys._getframe(1).f_code.co_name == "_insert":
            print("holding", flush=True)
            sys.stdin.readline()

base = KnowledgeBaseStore(Path(sys.argv[1]), WordEncoder(32)).open("help")
first, second = prepared("long", "heron of the first writer", "heron again"), prepared("last", "heron at last")
base.put_many([replace(first, passages=Slow(first.passages)), second])
print("done", flush=True)
"""

READER = """
import sys
from pathlib import Path
from retrieval.knowledge_base import KnowledgeBaseStore
from tests.retrieval.word_encoder import WordEncoder
base = KnowledgeBaseStore(Path(sys.argv[1]), WordEncoder(32), busy_seconds=0).open("help")
for number in range(50):
    with base.snapshot() as snapshot:
        lexical = {row for row, _ in snapshot.lexical("heron", 100)}
        assert lexical == set(snapshot.rows()) == set(snapshot.passages(snapshot.rows()))
        assert len(lexical) == int(sys.argv[2])
print("read", flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A knowledge base of one document about herons."""
    store = KnowledgeBaseStore(tmp_path, WordEncoder(32))
    store.create("help").put_many([prepared("old", "heron")])
    store.close()
    return tmp_path


@contextmanager
def long_write(folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process in the middle of a ``put_many`` of two documents; it goes on when it reads a line."""
    command = [sys.executable, "-c", LONG_WRITER, str(folder)]
    writer = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "holding\n"
    try:
        yield writer
    finally:
        writer.communicate("\n")
        writer.wait()


def finish(writer: subprocess.Popen[str]) -> None:
    assert writer.stdin is not None
    assert writer.stdout is not None
    writer.stdin.write("\n")
    writer.stdin.flush()
    assert writer.stdout.readline() == "done\n"


def opened(folder: Path, busy_seconds: float) -> KnowledgeBase:
    return KnowledgeBaseStore(folder, WordEncoder(32), busy_seconds=busy_seconds).open("help")


def ids(base: KnowledgeBase) -> list[str]:
    return [document.id for document in base.documents()]


def test_a_second_writer_is_refused_after_its_patience_and_changes_nothing(folder: Path) -> None:
    base = opened(folder, busy_seconds=0.4)
    with long_write(folder) as writer:
        for attempt in (lambda: base.put_many([prepared("mine", "heron")]), lambda: base.delete("old")):
            began = time.monotonic()
            with pytest.raises(PartUnavailable, match=r"Another process has been writing to .*help\.sqlite3 for more"):
                attempt()
            assert 0.3 < time.monotonic() - began < 5
        assert ids(base) == ["old"]
        finish(writer)
    assert ids(base) == ["last", "long", "old"]
    base.put_many([prepared("mine", "heron")])
    assert ids(base) == ["last", "long", "mine", "old"]


def test_a_second_writer_with_patience_waits_its_turn(folder: Path) -> None:
    base = opened(folder, busy_seconds=30)
    waiting = (
        "import sys; from pathlib import Path; from tests.retrieval.word_encoder import WordEncoder, prepared; "
        "from retrieval.knowledge_base import KnowledgeBaseStore; print('begins', flush=True); "
        "KnowledgeBaseStore(Path(sys.argv[1]), WordEncoder(32), busy_seconds=30).open('help')"
        ".put_many([prepared('second', 'heron')])"
    )
    with long_write(folder) as writer:
        command = [sys.executable, "-c", waiting, str(folder)]
        second = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert second.stdout is not None
        assert second.stdout.readline() == "begins\n"
        time.sleep(0.3)
        assert second.poll() is None
        assert ids(base) == ["old"]
        finish(writer)
        assert second.wait(timeout=30) == 0
    second.stdout.close()
    assert ids(base) == ["last", "long", "old", "second"]


def test_a_reader_in_another_process_sees_nothing_of_a_long_write(folder: Path) -> None:
    with long_write(folder) as writer:
        command = [sys.executable, "-c", READER, str(folder)]
        during = subprocess.run([*command, "1"], cwd=ROOT, capture_output=True, text=True)
        assert during.stdout == "read\n", during.stderr
        finish(writer)
        after = subprocess.run([*command, "4"], cwd=ROOT, capture_output=True, text=True)
        assert after.stdout == "read\n", after.stderr


def test_a_writer_that_dies_in_the_middle_holds_nobody_up(folder: Path) -> None:
    base = opened(folder, busy_seconds=0.4)
    with long_write(folder) as writer:
        writer.kill()
        writer.wait()
        base.put_many([prepared("mine", "heron")])
    assert ids(base) == ["mine", "old"]


def test_a_rebuild_beside_a_long_write_waits_and_is_refused(folder: Path) -> None:
    store = KnowledgeBaseStore(folder, WordEncoder(32), busy_seconds=0.4)
    with long_write(folder) as writer:
        with (
            pytest.raises(PartUnavailable, match=r"'help' is being written to by another process .* 0\.4 s"),
            store.rebuilding("help"),
        ):
            pytest.fail("it must not begin")
        with pytest.raises(PartUnavailable, match="is being written to"):
            store.remove("help")
        finish(writer)
    assert ids(store.open("help")) == ["last", "long", "old"]


def test_a_writer_beside_a_rebuild_is_refused_and_a_reader_is_not(folder: Path) -> None:
    store = KnowledgeBaseStore(folder, WordEncoder(32))
    other = opened(folder, busy_seconds=0.4)
    with store.rebuilding("help") as new:
        new.put_many([prepared("new", "heron")])
        with pytest.raises(PartUnavailable, match="'help' is being rebuilt or removed by another process for more"):
            other.put_many([prepared("lost", "heron")])
        assert ids(other) == ["old"]
    assert ids(other) == ["new"]
