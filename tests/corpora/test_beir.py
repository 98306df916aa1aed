from __future__ import annotations

import gzip
import json
import lzma
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from corpora.beir import read_beir
from domain.errors import Misconfigured
from tests.corpora.public_data import public

CORPUS: list[dict[str, object]] = [
    {"_id": "d1", "title": "Ferries", "text": "The ferry leaves at noon.", "metadata": {}},
    {"_id": "d2", "text": "Dogs may come aboard."},
]
QUERIES = [{"_id": "q1", "text": "when does it leave"}, {"_id": "q2", "text": "are dogs let in"}]
QRELS = "query-id\tcorpus-id\tscore\r\nq1\td1\t2\r\nq1\td2\t0\r\n"


def lines(rows: Sequence[Mapping[str, object]]) -> bytes:
    return "".join(f"{json.dumps(row)}\n" for row in rows).encode()


def folder(at: Path, qrels: str = QRELS) -> Path:
    (at / "qrels").mkdir(exist_ok=True)
    (at / "corpus.jsonl").write_bytes(lines(CORPUS))
    (at / "queries.jsonl").write_bytes(lines(QUERIES))
    (at / "qrels" / "test.tsv").write_bytes(qrels.encode())
    return at


def test_corpus_queries_of_the_split_and_grades_are_read(tmp_path: Path) -> None:
    found = read_beir(folder(tmp_path), "test")
    assert found.corpus == {"d1": ("Ferries", "The ferry leaves at noon."), "d2": ("", "Dogs may come aboard.")}
    assert found.queries == {"q1": "when does it leave"}
    assert found.qrels == {"q1": {"d1": 2, "d2": 0}}


def test_packed_files_are_read_alike(tmp_path: Path) -> None:
    plain = read_beir(folder(tmp_path), "test")
    for name, pack in (("corpus.jsonl.xz", lzma.compress), ("queries.jsonl.gz", gzip.compress)):
        path = tmp_path / name.rpartition(".")[0]
        (tmp_path / name).write_bytes(pack(path.read_bytes()))
        path.unlink()
    assert read_beir(tmp_path, "test") == plain


def test_a_document_that_is_not_there_stays_judged(tmp_path: Path) -> None:
    assert read_beir(folder(tmp_path, f"{QRELS}q1\tlost\t1\n"), "test").qrels == {"q1": {"d1": 2, "d2": 0, "lost": 1}}


@pytest.mark.parametrize(
    ("qrels", "named"),
    [
        ("", "test.tsv holds no judgements"),
        ("query-id\tcorpus-id\tscore\n", "test.tsv holds no judgements"),
        ("q1\td1\t2\n", "no header line"),
        (f"{QRELS}q1\td1\tgood\n", "line 4: the score 'good'"),
        (f"{QRELS}q1\td1\n", "line 4: there should be 3 columns, not 2"),
        (f"{QRELS}q3\td1\t1\n", "judges the query 'q3'"),
        (f"{QRELS}q2\tlost\t1\n", "no document judged for the query 'q2'"),
    ],
)
def test_malformed_judgements_are_named(tmp_path: Path, qrels: str, named: str) -> None:
    with pytest.raises(Misconfigured, match=named):
        read_beir(folder(tmp_path, qrels), "test")


@pytest.mark.parametrize(
    ("corpus", "named"),
    [
        (b"", "corpus.jsonl is empty"),
        (lines([{"_id": "d1", "text": "a"}, {"_id": "d1", "text": "b"}]), "row 2: _id 'd1' stood before"),
        (lines([{"_id": "d1"}]), "corpus.jsonl, row 1: 'text' should be a string and is missing"),
        (lines([{"text": "a"}]), "row 1: '_id' should be a string"),
        (lines(CORPUS)[:-9], "corpus.jsonl, line 2 is not JSON"),
        (b"\xff\xfe\n", "corpus.jsonl cannot be read to its end"),
    ],
)
def test_a_malformed_corpus_is_named(tmp_path: Path, corpus: bytes, named: str) -> None:
    (folder(tmp_path) / "corpus.jsonl").write_bytes(corpus)
    with pytest.raises(Misconfigured, match=named):
        read_beir(tmp_path, "test")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"There is no dev\.tsv"):
        read_beir(folder(tmp_path), "dev")


@pytest.mark.parametrize(("split", "judgements"), [("dev", 11_385), ("test", 12_334)])
def test_nfcorpus_is_read(split: str, judgements: int) -> None:
    found = read_beir(public("dev/nfcorpus"), split)
    assert len(found.corpus) == 3_633
    assert sum(map(len, found.qrels.values())) == judgements
