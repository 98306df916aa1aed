"""A server that is not there, or a package that is missing, is said in words."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from domain.errors import PartUnavailable
from retrieval.milvus_server import MilvusOptions, MilvusServer, in_blocks
from retrieval.milvus_store import MilvusKnowledgeBaseStore
from tests.retrieval.index_places import QUICK, OnMilvus
from tests.retrieval.word_encoder import WordEncoder, prepared

ROOT = Path(__file__).parents[2]


def test_a_server_that_is_not_there_is_unavailable() -> None:
    started = time.monotonic()
    with pytest.raises(PartUnavailable, match=r"http://127\.0\.0\.1:1 does not answer"):
        MilvusServer("http://127.0.0.1:1", options=MilvusOptions(timeout_seconds=1))
    assert time.monotonic() - started < 10


def test_a_server_that_goes_away_is_unavailable_until_it_is_back(tmp_path: Path) -> None:
    server_manager = pytest.importorskip("milvus_lite.server_manager").server_manager_instance
    place = OnMilvus(str(tmp_path / "own.db"), "t")
    server = MilvusServer(place.uri, options=replace(QUICK, timeout_seconds=0.5))
    base = MilvusKnowledgeBaseStore(server, WordEncoder(16), "t").create("help")
    base.put_many([prepared("a", "heron")])
    server_manager.release_server(place.uri)
    with pytest.raises(PartUnavailable, match="does not answer"):
        base.content_hash("a")
    with pytest.raises(PartUnavailable):
        base.put_many([prepared("b", "heron")])
    again = place.store(WordEncoder(16)).open("help")
    assert [document.id for document in again.documents()] == ["a"]
    server_manager.release_server(place.uri)


@pytest.mark.parametrize("missing", ["pymilvus", "milvus_lite"])
def test_a_missing_package_is_said_with_the_remedy(tmp_path: Path, missing: str) -> None:
    code = (
        f"import sys; sys.modules[{missing!r}] = None\n"
        "from retrieval.milvus_server import MilvusServer\n"
        "from domain.errors import Misconfigured\n"
        f"try: MilvusServer({str(tmp_path / 'x.db')!r})\n"
        "except Misconfigured as error: print(error)"
    )
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert f"the package {missing} is not installed" in said
    assert "pip install 'colloquy[milvus]'" in said


def test_nothing_of_milvus_is_imported_before_it_is_used() -> None:
    code = "import sys, retrieval.milvus_store; print('pymilvus' in sys.modules, 'grpc' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["False", "False"]


def test_rows_go_in_blocks_that_fit_a_message() -> None:
    small = [{"row": n} for n in range(1201)]
    assert [len(block) for block in in_blocks(small)] == [500, 500, 201]
    large = [{"text": "x" * 700_000}] * 7
    assert [len(block) for block in in_blocks(large)] == [2, 2, 2, 1]
    assert list(in_blocks([])) == []
    assert [len(block) for block in in_blocks([{"vector": np.zeros(3_000_000, np.float32)}] * 2)] == [1, 1]
