"""Where knowledge bases can be kept: in files, and on Milvus. The contract suites run over both."""

from __future__ import annotations

import functools
import itertools
import os
import random
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import pytest

from domain.passage import RetrievedPassage
from domain.protocols import Index, KnowledgeBaseInfo
from retrieval.knowledge_base import KnowledgeBaseStore
from retrieval.milvus_schema import Head, Names
from retrieval.milvus_server import MilvusOptions, MilvusServer
from retrieval.milvus_store import MilvusKnowledgeBaseStore
from retrieval.milvus_writing import Reader
from retrieval.prepared import PreparedDocument
from tests.retrieval.word_encoder import WordEncoder

# No other machine takes part, and a small write to milvus-lite takes a few hundredths of a second.
QUICK = MilvusOptions(settle_seconds=0.1, timeout_seconds=5, lease_seconds=15)

ROOT = Path(__file__).parents[2]
_numbers = itertools.count()


class SearchableIndex(Index, Protocol):
    """An index that takes batches and can be searched."""

    def put_many(self, documents: Sequence[PreparedDocument]) -> None: ...

    def snapshot(self) -> AbstractContextManager[Any]: ...

    def indexed_at(self, document_ids: Sequence[str]) -> Mapping[str, float]: ...


class IndexStore(Protocol):
    """Knowledge bases by name."""

    def names(self) -> list[str]: ...

    def open(self, name: str) -> SearchableIndex: ...

    def create(self, name: str, title: str = "", examples: Sequence[str] = ()) -> SearchableIndex: ...

    def remove(self, name: str) -> None: ...

    def fits(self, name: str) -> bool: ...

    def info(self, name: str) -> KnowledgeBaseInfo: ...

    def close(self) -> None: ...


class Place(Protocol):
    """Where knowledge bases are; each ``store`` sees it as another process would."""

    def store(self, encoder: WordEncoder | None = None, *, busy_seconds: float = 10) -> IndexStore: ...

    def somebody_writes(self, index: Any) -> AbstractContextManager[None]:
        """While another writer is at work on ``index``."""
        ...

    def spoil(self, index: Any, key: str, value: str) -> None:
        """Make ``index`` one of another metric or format."""
        ...


@dataclass(frozen=True)
class Files:
    """A folder of catalogues."""

    folder: Path

    def store(self, encoder: WordEncoder | None = None, *, busy_seconds: float = 10) -> KnowledgeBaseStore:
        return KnowledgeBaseStore(self.folder, encoder or WordEncoder(), busy_seconds=busy_seconds)

    @contextmanager
    def somebody_writes(self, index: Any) -> Iterator[None]:
        with index._catalogue._file.writing():
            yield

    def spoil(self, index: Any, key: str, value: str) -> None:
        with index._catalogue._file.writing() as connection:
            connection.execute("UPDATE meta SET value = ? WHERE key = ?", (value, key))


@dataclass(frozen=True)
class OnMilvus:
    """Collections with a prefix of their own on milvus-lite."""

    uri: str
    prefix: str

    def store(self, encoder: WordEncoder | None = None, *, busy_seconds: float = 10) -> MilvusKnowledgeBaseStore:
        server = MilvusServer(self.uri, options=replace(QUICK, busy_seconds=busy_seconds))
        return MilvusKnowledgeBaseStore(server, encoder or WordEncoder(), self.prefix)

    def address(self) -> str:
        """Where another process reaches the same server."""
        from milvus_lite.server_manager import server_manager_instance

        return str(server_manager_instance.start_and_get_uri(self.uri))

    def reader(self, name: str = "help") -> Reader:
        """The records and passages of a knowledge base as they are stored."""
        return Reader(MilvusServer(self.uri, options=QUICK), Names.of(name, self.prefix))

    @contextmanager
    def somebody_writes(self, index: Any) -> Iterator[None]:
        with index._writer._turn():
            yield
        index.close()

    def spoil(self, index: Any, key: str, value: str) -> None:
        reader = self.reader(index.name)
        stored: dict[str, Any] = asdict(reader.head()) | {key: value}
        reader.server.upsert(reader.names.records, [Head(**stored).as_row()])


PLACES = ("files", "milvus")


def new_place(kind: str, folder: Path) -> Place:
    """An empty place for knowledge bases; the test is skipped where its package is not installed."""
    if kind == "files":
        return Files(folder)
    return new_on_milvus()


def new_on_milvus() -> OnMilvus:
    """The same on milvus-lite, one server for all tests of this process."""
    pytest.importorskip("pymilvus")
    pytest.importorskip("milvus_lite")
    return OnMilvus(str(Path(_lite_folder().name) / "milvus.db"), f"t{next(_numbers)}")


@functools.cache
def _lite_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(ignore_cleanup_errors=True)  # kept alive by the cache, deleted at the end


def killed(command: Sequence[str], attempt: int) -> int:
    """Runs a writer of rounds, kills it at some instant (another one for each ``attempt``) after its second round, and
    returns the last round that it said was in. It prints a round's number before it and its negative after it."""
    writer = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=os.environ)
    assert writer.stdout is not None
    while writer.stdout.readline().strip() != "2":
        assert writer.poll() is None
    time.sleep(random.Random(attempt).uniform(0, 0.25))
    writer.send_signal(signal.SIGKILL)
    lines = [int(line) for line in writer.stdout.read().split()]
    writer.wait()
    return max([-number for number in lines if number < 0], default=1)


def assert_ranked(found: Sequence[RetrievedPassage], k: int) -> None:
    """The promises of a ``Retriever`` that any list of it shows."""
    assert len(found) <= max(k, 0)
    assert [one.rank for one in found] == list(range(1, len(found) + 1))
    assert [one.passage.id for one in found] == [
        one.passage.id for one in sorted(found, key=lambda one: (-one.score, one.passage.id))
    ]
    assert len({one.passage.id for one in found}) == len(found)
