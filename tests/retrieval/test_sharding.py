from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from domain.errors import Misconfigured, PartUnavailable
from domain.protocols import IngestReport, PassageEncoder
from retrieval.ingestion import ingest
from retrieval.knowledge_base import KnowledgeBaseStore
from retrieval.prepared import PreparedDocument
from retrieval.shard_files import Precision, ShardFolder
from retrieval.sharding import (
    Engine,
    StoredVectors,
    cut,
    embed,
    embed_shard,
    in_processes,
    in_this_process,
    load,
    planned,
)
from tests.retrieval.deadly_encoder import DeadlyEncoder
from tests.retrieval.fakes import BatchingMemoryIndex
from tests.retrieval.word_encoder import WordEncoder, prepared

ROOT = Path(__file__).parents[2]
MAKE = partial(WordEncoder, 16)


def wikipedia(folder: Path, rows: int, poison: int = 0) -> Path:
    """A file as DPR has it; row ``poison`` holds that word."""
    path = folder / "psgs_w100.tsv.gz"
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write("id\ttext\ttitle\n")
        for n in range(1, rows + 1):
            word = "poison" if n == poison else "river"
            file.write(f'{n}\t"Number {n} is a ""{word}"" of {n % 7} miles."\tPlace {n}\n')
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return wikipedia(tmp_path, 23)


@pytest.fixture
def folder(tmp_path: Path) -> ShardFolder:
    return ShardFolder(tmp_path / "shards")


def prepare(folder: ShardFolder, file: Path, per_shard: int = 5, precision: Precision = "float16") -> None:
    with folder.held(planned([file], MAKE(), passages_per_shard=per_shard, precision=precision)):
        cut([file], folder)


def embed_all(folder: ShardFolder, engine: Engine = in_this_process, make: Callable[[], PassageEncoder] = MAKE) -> None:
    for _ in embed(folder, make, engine):
        pass


def load_into(folder: ShardFolder, bases: Path) -> IngestReport:
    @contextmanager
    def opened(encoder: PassageEncoder) -> Iterator[object]:
        store = KnowledgeBaseStore(bases, encoder)
        yield store.open("wiki") if "wiki" in store.names() else store.create("wiki")
        store.close()

    return load(folder, opened)  # type: ignore[arg-type]


def files(folder: ShardFolder) -> dict[str, int]:
    """Name -> inode: a file that was written anew has another."""
    return {path.name: path.stat().st_ino for path in folder.path.glob("*.npz")}


def test_the_passages_of_a_file_are_cut_into_shards_in_order(folder: ShardFolder, file: Path) -> None:
    prepare(folder, file)
    assert folder.count == 5
    ids = [[document.document.id.rpartition("#")[2] for document in folder.read_cut(n)] for n in range(5)]
    assert ids == [["1", "2", "3", "4", "5"], ["6", "7", "8", "9", "10"], *ids[2:4], ["21", "22", "23"]]
    assert folder.read_cut(4)[2].passages[0].searchable == 'Place 23\nNumber 23 is a "river" of 2 miles.'


def test_what_is_cut_comes_back_as_it_was(folder: ShardFolder, file: Path) -> None:
    index = BatchingMemoryIndex()
    ingest([file], index)
    prepare(folder, file, per_shard=100)
    assert folder.read_cut(0) == tuple(index.stored.values())


@pytest.mark.parametrize(("precision", "close"), [("float16", 1e-3), ("float32", 0.0)])
def test_a_shard_holds_the_vectors_of_its_passages(
    folder: ShardFolder, file: Path, precision: Precision, close: float
) -> None:
    prepare(folder, file, precision=precision)
    embed_all(folder)
    shard = folder.read_embedded(4)
    wanted = MAKE().encode_passages([document.passages[0].searchable for document in shard.documents])
    assert shard.vectors.shape == (3, 16)
    np.testing.assert_allclose(shard.vectors, wanted, atol=close)
    assert not list(folder.path.glob("*.cut"))


def test_a_knowledge_base_of_shards_equals_one_that_was_ingested(
    folder: ShardFolder, file: Path, tmp_path: Path
) -> None:
    prepare(folder, file, precision="float32")
    embed_all(folder)
    report = load_into(folder, tmp_path / "loaded")
    assert (report.added, report.unchanged, report.passages) == (23, 0, 23)
    plain = KnowledgeBaseStore(tmp_path / "plain", MAKE())
    ingest([file], plain.create("wiki"))
    loaded = KnowledgeBaseStore(tmp_path / "loaded", MAKE())
    query = MAKE().encode_queries(["river number 17"])[0]
    with plain.open("wiki").snapshot() as one, loaded.open("wiki").snapshot() as other:
        assert other.dense(query, 23) == one.dense(query, 23)
        assert other.lexical("river number 17", 23) == one.lexical("river number 17", 23)
        assert other.passages(other.rows()) == one.passages(one.rows())


def test_loading_again_changes_nothing(folder: ShardFolder, file: Path, tmp_path: Path) -> None:
    prepare(folder, file)
    embed_all(folder)
    load_into(folder, tmp_path / "bases")
    report = load_into(folder, tmp_path / "bases")
    assert (report.added, report.replaced, report.unchanged, report.passages) == (0, 0, 23, 0)


def test_finished_shards_survive_a_kill_and_are_not_made_again(folder: ShardFolder, tmp_path: Path) -> None:
    prepare(folder, wikipedia(tmp_path, 23, poison=18))
    code = (
        "import sys; from functools import partial; from pathlib import Path\n"
        "from retrieval.sharding import *; from retrieval.shard_files import ShardFolder\n"
        "from tests.retrieval.deadly_encoder import DeadlyEncoder\n"
        "make = partial(DeadlyEncoder, Path('nowhere'))\n"
        "list(embed(ShardFolder(Path(sys.argv[1])), make, in_this_process))"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(folder.path)], cwd=ROOT, check=False)
    assert killed.returncode == -9
    before = files(folder)
    assert sorted(before) == ["00000.npz", "00001.npz", "00002.npz"]
    (antidote := tmp_path / "antidote").touch()
    embed_all(folder, make=partial(DeadlyEncoder, antidote))
    after = files(folder)
    assert sorted(after) == [f"0000{n}.npz" for n in range(5)]
    assert {name: after[name] for name in before} == before


def test_a_worker_that_dies_is_told_and_costs_its_shard_alone(folder: ShardFolder, tmp_path: Path) -> None:
    prepare(folder, wikipedia(tmp_path, 23, poison=23))
    antidote = tmp_path / "antidote"
    with pytest.raises(PartUnavailable, match=r"died.*finished shards stay"):
        embed_all(folder, in_processes(1), partial(DeadlyEncoder, antidote))
    before = files(folder)
    assert sorted(before) == ["00000.npz", "00001.npz", "00002.npz", "00003.npz"]
    antidote.touch()
    embed_all(folder, in_processes(2), partial(DeadlyEncoder, antidote))
    assert files(folder).items() > before.items()
    assert folder.read_embedded(4).vectors.shape == (3, 16)


def test_cutting_goes_on_where_it_stopped(folder: ShardFolder, file: Path) -> None:
    prepare(folder, file)
    (folder.path / "cut.json").unlink()
    (folder.path / "00003.cut").unlink()
    (folder.path / ".00003.cut.1.2.part").write_bytes(b"half")
    kept = (folder.path / "00001.cut").stat().st_ino
    prepare(folder, file)
    assert folder.count == 5
    assert folder.read_cut(3)[0].document.id == "psgs_w100.tsv.gz#16"
    assert (folder.path / "00001.cut").stat().st_ino == kept
    assert not list(folder.path.glob(".*.part"))


def test_what_was_cut_is_not_read_again(folder: ShardFolder, file: Path) -> None:
    prepare(folder, file)
    assert cut([file], folder) is None


def test_of_a_file_cut_short_what_was_read_is_kept(folder: ShardFolder, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    path = tmp_path / "short.tsv.gz"
    rows = "".join(f"{n}\t{rng.integers(10**9)} {rng.integers(10**9)}\tT\n" for n in range(1, 5001))
    path.write_bytes(gzip.compress(f"id\ttext\ttitle\n{rows}".encode())[:-20_000])
    with folder.held(planned([path], MAKE(), passages_per_shard=1000)):
        report = cut([path], folder)
    assert report is not None
    [(_, reason)] = report.skipped
    assert reason.endswith("is damaged or cut short; pack or copy it again.")
    assert 2000 < report.added < 5000
    assert sum(len(folder.read_cut(n)) for n in range(folder.count or 0)) == report.added


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_a_damaged_shard_is_named(folder: ShardFolder, file: Path, tmp_path: Path, share: float) -> None:
    prepare(folder, file)
    embed_all(folder)
    path = folder.path / "00002.npz"
    data = bytearray(path.read_bytes())
    data[int(share * len(data))] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(Misconfigured, match=r"00002\.npz is damaged or gone .* delete it"):
        load_into(folder, tmp_path / "bases")


def test_vectors_exchanged_between_shards_are_noticed(folder: ShardFolder, file: Path) -> None:
    prepare(folder, file)
    embed_all(folder)
    path = folder.path / "00002.npz"
    with np.load(path) as stored:
        changed = {**stored, "vectors": stored["vectors"][::-1]}
    np.savez(path, **changed)
    with pytest.raises(Misconfigured, match="its checksum does not fit"):
        folder.read_embedded(2)


def test_a_shard_that_was_deleted_is_made_anew_alone(folder: ShardFolder, file: Path) -> None:
    prepare(folder, file)
    embed_all(folder)
    for name in ("00002.npz", "cut.json"):
        (folder.path / name).unlink()
    before = files(folder)
    prepare(folder, file)
    embed_all(folder)
    assert files(folder).items() > before.items()
    assert folder.read_embedded(2).documents[0].document.id == "psgs_w100.tsv.gz#11"


def test_shards_that_are_not_all_embedded_are_not_loaded(folder: ShardFolder, file: Path, tmp_path: Path) -> None:
    prepare(folder, file)
    embed_shard(folder, 0, MAKE())
    with pytest.raises(Misconfigured, match="missing: 1"):
        load_into(folder, tmp_path / "bases")
    assert not (tmp_path / "bases").exists()


def test_shards_of_another_plan_are_refused(folder: ShardFolder, file: Path) -> None:
    prepare(folder, file)
    with pytest.raises(Misconfigured, match="passages_per_shard 5 and are asked for with 6"):
        prepare(folder, file, per_shard=6)
    wikipedia(file.parent, 24)
    with pytest.raises(Misconfigured, match="begun with contents"):
        prepare(folder, file)


def test_another_encoder_is_refused(folder: ShardFolder, file: Path) -> None:
    prepare(folder, file)
    with pytest.raises(Misconfigured, match="for the encoder words and this is other"):
        embed_shard(folder, 0, WordEncoder(16, "other"))


def test_two_runs_do_not_share_a_folder(folder: ShardFolder, file: Path) -> None:
    plan = planned([file], MAKE())
    with (
        folder.held(plan),
        pytest.raises(PartUnavailable, match="Another ingestion"),
        ShardFolder(folder.path).held(plan),
    ):
        pass


def test_a_plan_needs_files_and_a_size(file: Path, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no file or folder"):
        planned([tmp_path / "nowhere"], MAKE())
    with pytest.raises(Misconfigured, match="0 passages"):
        planned([file], MAKE(), passages_per_shard=0)


def test_a_folder_without_shards_is_said(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="holds no shards"):
        _ = ShardFolder(tmp_path).plan


def test_stored_vectors_are_looked_up_by_text_and_nothing_else_is_known() -> None:
    stored = StoredVectors("words", 2)
    stored.know([prepared("a", "one", "two"), prepared("b", "three")], np.array([[1, 0], [0, 1], [2, 2]], np.float32))
    assert stored.encode_passages(["b\nthree", "a\none"]).tolist() == [[2, 2], [1, 0]]
    assert stored.encode_passages([]).shape == (0, 2)
    with pytest.raises(Misconfigured, match="no stored vector of “four”"):
        stored.encode_passages(["four"])


class Refusing(BatchingMemoryIndex):
    """Refuses the document ``wiki#7``, alone or in company."""

    def put_many(self, documents: Sequence[PreparedDocument]) -> None:
        from domain.errors import DocumentRejected

        if any(document.document.id.endswith("#7") for document in documents):
            raise DocumentRejected("There is one of that name; give it another.")
        super().put_many(documents)


def test_a_document_that_the_index_refuses_does_not_hold_up_the_others(folder: ShardFolder, file: Path) -> None:
    prepare(folder, file)
    embed_all(folder)
    index = Refusing()

    @contextmanager
    def opened(_: PassageEncoder) -> Iterator[Refusing]:
        yield index

    report = load(folder, opened)
    assert (report.added, len(index.stored)) == (22, 22)
    assert [source for source, _ in report.skipped] == [index.stored["psgs_w100.tsv.gz#1"].document.source]


def test_the_plan_is_readable(folder: ShardFolder, file: Path) -> None:
    prepare(folder, file)
    plan = json.loads((folder.path / "plan.json").read_text())
    assert (plan["passages_per_shard"], plan["fingerprint"], plan["precision"]) == (5, "words", "float16")
