"""Training rows of the bi-encoder: a query, a passage that answers it, passages that do not; and files of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import bm25s

from corpora.beir import read_beir
from corpora.dpr import biencoder_rows
from corpora.records import Record, records

Passage = tuple[str, str]
"""The heading (or title) and the text."""

NEAR = 12  # BM25 neighbours that negatives are drawn from: the first few alone are too often unmarked answers
_SHORTEST_ANSWER = 3  # characters; "no" or "5" stands in most passages and would leave no negative


@dataclass(frozen=True, slots=True)
class RetrievalRow:
    """``answers``: what the positive says in answer, where that is known as a stretch of text."""

    query: str
    positive: Passage
    negatives: tuple[Passage, ...] = ()
    answers: tuple[str, ...] = ()


def searchable(passage: Passage) -> str:
    """The text encoders see, laid out as ``domain.passage.Passage.searchable`` is."""
    heading, text = passage
    return f"{heading}\n{text}" if heading else text


def holds_answer(passage: Passage, answers: Iterable[str]) -> bool:
    """True when one of ``answers`` stands in the passage, whatever the case."""
    text = searchable(passage).lower()
    return any(len(answer) >= _SHORTEST_ANSWER and answer.lower() in text for answer in answers)


def rows_of(path: Path, split: str = "train", negatives: int = 1) -> Iterator[RetrievalRow]:
    """The rows at ``path``: a BEIR folder (``split`` of its judgements), a file of DPR's, or JSON Lines.

    At most ``negatives`` a row. JSON Lines are ``{"query", "positive": {"title", "text"}, "negatives": [{…}]}``,
    ``title`` and ``negatives`` optional, and may have ``answers``. Raises ``Misconfigured`` for what is none of them.
    """
    if path.is_dir():
        yield from _beir(path, split, negatives)
    elif path.name.removesuffix(".gz").removesuffix(".xz").endswith(".json"):
        yield from _dpr(path, negatives)
    else:
        yield from (_row(record, negatives) for record in records(path))


def write_rows(path: Path, rows: Iterable[RetrievalRow]) -> None:
    """Writes JSON Lines that ``rows_of`` reads, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}")
    with scratch.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(_as_json(row), ensure_ascii=False) + "\n" for row in rows)
    scratch.replace(path)


def with_near_negatives(
    rows: Sequence[RetrievalRow], pool: Iterable[Passage], count: int, rng: Random
) -> list[RetrievalRow]:
    """``rows`` with ``count`` more negatives each, where there are as many: of the passages of ``pool`` that BM25 ranks
    near the query, neither a positive of the same query nor holding its answer."""
    passages = sorted(set(pool))
    if not rows or not passages or not count:
        return list(rows)
    known = positives_by_query(rows)
    neighbours = _neighbours([row.query for row in rows], passages)
    return [
        replace(row, negatives=(*row.negatives, *_drawn([passages[i] for i in near], row, known, count, rng)))
        for row, near in zip(rows, neighbours, strict=True)
    ]


def positives_by_query(rows: Iterable[RetrievalRow]) -> dict[str, set[str]]:
    """The texts that answer each query: one row's positive is no other row's negative."""
    known: dict[str, set[str]] = {}
    for row in rows:
        known.setdefault(row.query, set()).add(row.positive[1])
    return known


def is_negative(passage: Passage, row: RetrievalRow, known: Mapping[str, set[str]]) -> bool:
    """True for a passage that is nobody's positive for this query and does not hold the answer."""
    return passage[1] not in known[row.query] and not holds_answer(passage, row.answers)


def _drawn(
    near: Sequence[Passage], row: RetrievalRow, known: Mapping[str, set[str]], count: int, rng: Random
) -> list[Passage]:
    others = [passage for passage in near if passage not in row.negatives and is_negative(passage, row, known)]
    return rng.sample(others, min(count, len(others)))


def _neighbours(queries: list[str], passages: list[Passage]) -> Any:
    engine = bm25s.BM25()
    texts = [searchable(passage) for passage in passages]
    engine.index(bm25s.tokenize(texts, show_progress=False), show_progress=False)
    tokens = bm25s.tokenize(queries, show_progress=False)
    near, _ = engine.retrieve(tokens, k=min(NEAR, len(passages)), show_progress=False, n_threads=1)
    return near


def _dpr(path: Path, negatives: int) -> Iterator[RetrievalRow]:
    for row in biencoder_rows(path):
        if row.positives:  # DPR passes over questions for which none was found
            others = (row.hard_negatives or row.negatives)[:negatives]
            yield RetrievalRow(row.question, row.positives[0], others, row.answers)


def _beir(folder: Path, split: str, negatives: int) -> Iterator[RetrievalRow]:
    """A row a relevant document; negatives are BM25 neighbours that nobody judged relevant."""
    judged = read_beir(folder, split)
    rows = [
        RetrievalRow(judged.queries[query], judged.corpus[document])
        for query, grades in judged.qrels.items()
        for document, grade in grades.items()
        if grade > 0
    ]
    yield from with_near_negatives(rows, judged.corpus.values(), negatives, Random(0))


def _row(row: Record, negatives: int) -> RetrievalRow:
    others = [_passage(one) for one in row.records("negatives")] if row.fields.get("negatives") else []
    answers = row.texts("answers") if row.fields.get("answers") else ()
    return RetrievalRow(row.text("query"), _passage(row.record("positive")), tuple(others[:negatives]), answers)


def _passage(value: Record) -> Passage:
    return value.text("title", ""), value.text("text")


def _as_json(row: RetrievalRow) -> dict[str, Any]:
    passages = [{"title": title, "text": text} for title, text in (row.positive, *row.negatives)]
    known = {"answers": list(row.answers)} if row.answers else {}
    return {"query": row.query, "positive": passages[0], "negatives": passages[1:], **known}
