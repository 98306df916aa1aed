"""BEIR folders (Thakur et al. 2021): a corpus, queries and graded relevance judgements.

A folder holds ``corpus.jsonl`` and ``queries.jsonl``, plain or packed as ``.gz`` or ``.xz``, and ``qrels/SPLIT.tsv``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from corpora.json_stream import REMEDY
from corpora.records import Record, lines, records
from domain.errors import Misconfigured

PACKED = ("", ".gz", ".xz")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class BeirSet:
    """A retrieval task: ``corpus[id]`` = (title, text), ``queries[id]``, ``qrels[query id][document id]`` = grade.

    ``queries`` holds those of the split only, each of which has at least one judgement. A grade of 0 says judged and
    not relevant.
    """

    corpus: Mapping[str, tuple[str, str]]
    queries: Mapping[str, str]
    qrels: Mapping[str, Mapping[str, int]]


def read_beir(folder: Path, split: str) -> BeirSet:
    """The task in ``folder`` with the judgements of ``split`` ("train", "dev", "test").

    Raises ``Misconfigured`` when a file is missing or malformed, one id stands for two texts, or a judged query or all
    that was judged for it is not there. (Single documents are missing from official sets, too; nobody can find them.)
    """
    qrels = _qrels(_file(folder / "qrels", f"{split}.tsv"))
    corpus = _unique(_file(folder, "corpus.jsonl"), _passage)
    every = _unique(_file(folder, "queries.jsonl"), lambda row: row.text("text"))
    _check(qrels, every, corpus, folder / "qrels" / f"{split}.tsv")
    return BeirSet(corpus, {name: every[name] for name in qrels}, qrels)


def _file(folder: Path, name: str) -> Path:
    found = [path for path in (folder / f"{name}{suffix}" for suffix in PACKED) if path.is_file()]
    if not found:
        raise Misconfigured(f"There is no {name} (plain, .gz or .xz) in {folder}. Give a folder in BEIR's form.")
    return found[0]


def _unique(path: Path, value_of: Callable[[Record], Value]) -> dict[str, Value]:
    """Rows by ``_id``. Raises ``Misconfigured`` when two rows with one id differ."""
    found: dict[str, Value] = {}
    for row in records(path):
        name, value = row.name("_id"), value_of(row)
        if found.setdefault(name, value) != value:
            raise row.wrong(f"_id {name!r} stood before, with another text")
    return found


def _passage(row: Record) -> tuple[str, str]:
    return row.text("title", default=""), row.text("text")


def _qrels(path: Path) -> dict[str, dict[str, int]]:
    """Judgements below a header line; of two for one pair the last holds, as in BEIR's own loader."""
    found: dict[str, dict[str, int]] = {}
    for number, (query, document, grade) in lines(path, columns=3):
        if number == 1:
            if _is_grade(grade):
                raise Misconfigured(f"{path} has no header line “query-id, corpus-id, score”. {REMEDY}")
        elif not _is_grade(grade):
            raise Misconfigured(f"{path}, line {number}: the score {grade!r} is not a whole number. {REMEDY}")
        else:
            found.setdefault(query, {})[document] = int(grade)
    if not found:
        raise Misconfigured(f"{path} holds no judgements. {REMEDY}")
    return found


def _is_grade(text: str) -> bool:
    return re.fullmatch(r"-?[0-9]{1,9}", text.strip()) is not None


def _check(qrels: Mapping[str, Mapping[str, int]], queries: Container[str], corpus: Container[str], path: Path) -> None:
    for query, judged in qrels.items():
        if query not in queries:
            raise Misconfigured(f"{path} judges the query {query!r}, which queries.jsonl does not hold. {REMEDY}")
        if not any(document in corpus for document in judged):
            raise Misconfigured(f"{path}: corpus.jsonl holds no document judged for the query {query!r}. {REMEDY}")
