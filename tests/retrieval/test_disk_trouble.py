"""A full disk and a folder that may not be written to: one clear sentence, the old state kept and searchable, and the
same operation succeeds once there is room."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from domain.errors import ColloquyError, PartUnavailable
from retrieval.index_spec import parse_spec
from retrieval.knowledge_base import KnowledgeBase, KnowledgeBaseStore
from retrieval.prepared import PreparedDocument
from tests.retrieval.word_encoder import WordEncoder, prepared

ROOT = Path(__file__).parents[2]
HNSW = parse_spec("hnsw")
Operation = Callable[[KnowledgeBaseStore], object]


def mounted(*arguments: str) -> bool:
    """Whether ``mount`` with these arguments succeeded; it needs root."""
    return (
        shutil.which("mount") is not None and subprocess.run(["mount", *arguments], capture_output=True).returncode == 0
    )


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of three megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    if not mounted("-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)):
        pytest.skip("a small disk cannot be mounted here: that needs root")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture
def read_only(disk: Path, tmp_path: Path) -> Iterator[Path]:
    """The same disk once more, where nothing can be written."""
    place = tmp_path / "read-only"
    place.mkdir()
    if not (mounted("--bind", str(disk), str(place)) and mounted("-o", "remount,bind,ro", str(place))):
        pytest.skip("a disk cannot be mounted read-only here")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(disk: Path) -> Path:
    """A file that takes all the room there is."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (65_536, 4096, 512):
            with suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass
    return filler


def store_on(disk: Path) -> KnowledgeBaseStore:
    return KnowledgeBaseStore(disk / "bases", WordEncoder(32))


def documents(count: int, word: str) -> list[PreparedDocument]:
    return [prepared(f"{word}{number}", f"{word} number{number} " + "f" * 1200) for number in range(count)]


def found(base: KnowledgeBase, word: str) -> tuple[int, int]:
    """How many passages hold ``word`` by the word index, and how many passages are searched by meaning."""
    with base.snapshot() as snapshot:
        [vector] = WordEncoder(32).encode_queries([word])
        return len(snapshot.lexical(word, 1000)), len(snapshot.dense(vector, 1000))


def put(store: KnowledgeBaseStore) -> None:
    store.open("help").put_many(documents(100, "otter"))


def replace(store: KnowledgeBaseStore) -> None:
    store.open("help").put_many([prepared(f"heron{n}", "otter " + "o" * 12_000) for n in range(60)])


def delete(store: KnowledgeBaseStore) -> object:
    return store.open("help").delete("heron3")


def index(store: KnowledgeBaseStore) -> object:
    return store.open("help").compact(HNSW)


def compact(store: KnowledgeBaseStore) -> object:
    return store.compact("help")


def rebuild(store: KnowledgeBaseStore) -> None:
    with store.rebuilding("help") as new:
        new.put_many(documents(100, "otter"))


def create(store: KnowledgeBaseStore) -> object:
    return store.create("another")


OPERATIONS: list[Operation] = [put, replace, index, compact, rebuild, create]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_full_disk_is_told_in_one_sentence_and_nothing_is_lost(disk: Path, operation: Operation) -> None:
    store = store_on(disk)
    base = store.create("help")
    base.put_many(documents(60, "heron"))
    before = found(base, "heron")
    filler = fill(disk)
    with pytest.raises(PartUnavailable) as told:
        operation(store)
    assert str(disk) in str(told.value)
    assert str(told.value).rstrip().endswith(".")
    assert found(base, "heron") == before == (60, 60)
    assert found(base, "otter")[0] == 0
    assert found(store_on(disk).open("help"), "heron") == before, "whoever opens it anew finds the same"
    assert store.names() == ["help"]
    filler.unlink()
    operation(store)
    if operation in (put, replace, rebuild):
        assert found(store.open("help"), "otter")[0] >= 60
    else:
        assert found(store.open("help"), "heron") == before
    store.close()


def test_a_disk_that_fills_up_in_the_middle_of_an_ingestion_keeps_what_was_stored(disk: Path) -> None:
    base = store_on(disk).create("help")
    stored = 0
    told = ""
    while not told and stored < 20_000:
        try:
            base.put_many(documents(20, f"w{stored}x"))
            stored += 20
        except PartUnavailable as error:
            told = str(error)
    assert "help.sqlite3 cannot be used now" in told
    assert told.endswith("check disk and rights.")
    assert 100 < stored < 5000
    assert len(list(base.documents())) == stored
    assert len(list(store_on(disk).open("help").documents())) == stored


@pytest.mark.parametrize("operation", [*OPERATIONS, delete])
@pytest.mark.usefixtures("disk")
def test_a_folder_that_may_not_be_written_to_is_told_in_one_sentence(
    disk: Path, read_only: Path, operation: Operation
) -> None:
    store = store_on(disk)
    base = store.create("help")
    base.put_many(documents(60, "heron"))
    with pytest.raises(PartUnavailable) as told:
        operation(store_on(read_only))
    assert str(read_only) in str(told.value)
    assert str(told.value).rstrip().endswith(".")
    assert found(base, "heron") == (60, 60)
    store.close()


def test_a_knowledge_base_that_is_written_elsewhere_is_searched_where_it_is_read_only(
    disk: Path, read_only: Path
) -> None:
    store = store_on(disk)
    base = store.create("help")
    base.put_many(documents(60, "heron"))
    reader = store_on(read_only).open("help")
    assert found(reader, "heron") == (60, 60)
    base.put_many(documents(5, "otter"))
    assert found(reader, "otter") == (5, 65)
    store.close()


HUMBLE = """
import sys
from pathlib import Path
from domain.errors import ColloquyError
from retrieval.knowledge_base import KnowledgeBaseStore
from tests.retrieval.word_encoder import WordEncoder, prepared
base = KnowledgeBaseStore(Path(sys.argv[1]), WordEncoder(32)).open("help")
with base.snapshot() as snapshot:
    print(len(snapshot.lexical("heron", 100)), flush=True)
try:
    base.put_many([prepared("a", "otter")])
except ColloquyError as error:
    print(type(error).__name__, error)
"""


def test_a_file_without_the_right_to_write_is_searched_and_not_changed(tmp_path: Path) -> None:
    store = KnowledgeBaseStore(tmp_path, WordEncoder(32))
    store.create("help").put_many(documents(30, "heron"))
    files = [path for path in tmp_path.iterdir() if path.name.startswith("help.sqlite3")]
    for path in files:
        path.chmod(0o444)
    # Root may write everything: as root, the command runs without that right.
    rights = "-dac_override,-dac_read_search"
    humbly = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"] if os.geteuid() == 0 else []
    if humbly and shutil.which("setpriv") is None:
        pytest.skip("as root, this test needs setpriv")
    command = [*humbly, sys.executable, "-c", HUMBLE, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    count, _, told = done.stdout.partition("\n")
    assert count == "30", done.stderr
    assert told.startswith("PartUnavailable The index file")
    assert "readonly" in told
    assert found(store.open("help"), "heron") == (30, 30)
    assert issubclass(PartUnavailable, ColloquyError)
