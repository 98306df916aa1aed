"""Encoders on a BEIR folder (Thakur et al. 2021), dense search alone: what a fine-tuned encoder loses elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import ir_measures
import numpy as np
from ir_measures import R, nDCG

from corpora.beir import BeirSet
from domain.protocols import PassageEncoder
from evaluation.figures import Line, Tell, evenly, table
from evaluation.metrics import bootstrap
from evaluation.reports import Table
from retrieval.dense import FlatIndex

DEPTH = 100
BATCH = 64  # texts between two signs of progress
MEASURES = (nDCG @ 10, R @ DEPTH)


def measure(data: BeirSet, encoders: Mapping[str, PassageEncoder], limit: int | None, tell: Tell) -> list[Line]:
    """nDCG@10 and R@100 of each encoder over the judged queries (``limit`` of them, spread evenly), each passage
    encoded with its title before it; ir_measures computes them. ``tell`` counts encoded passages."""
    queries = dict(evenly(list(data.queries.items()), limit))
    total, lines = len(encoders) * len(data.corpus), []
    for number, (name, encoder) in enumerate(encoders.items()):
        index, names = _index(data, encoder, _counted(tell, number * len(data.corpus), total))
        lines.append(_line(name, data, _run(queries, encoder, index, names)))
    return lines


def report(lines: Sequence[Line], passages: int, title: str, facts: Mapping[str, str]) -> Table:
    """The lines with what was measured."""
    told = {
        "intervals": "95 %, bootstrap over queries",
        "search": f"exact inner product over {passages:,} passages, the first {DEPTH}; no BM25, no reader",
    }
    return table(title, lines, {**told, **facts}, "encoder")


def _counted(tell: Tell, before: int, total: int) -> Callable[[int], object]:
    return lambda done: tell(before + done, total)


def _index(data: BeirSet, encoder: PassageEncoder, tell: Callable[[int], object]) -> tuple[FlatIndex, list[str]]:
    names, texts = list(data.corpus), ["\n".join(part for part in pair if part) for pair in data.corpus.values()]
    vectors = []
    for first in range(0, len(texts), BATCH):
        vectors.append(np.asarray(encoder.encode_passages(texts[first : first + BATCH])))
        tell(min(first + BATCH, len(texts)))
    matrix = np.concatenate(vectors) if vectors else np.zeros((0, encoder.dimension), dtype=np.float32)
    return FlatIndex(encoder.dimension, np.arange(len(names)), matrix), names


def _run(
    queries: Mapping[str, str], encoder: PassageEncoder, index: FlatIndex, names: Sequence[str]
) -> dict[str, dict[str, float]]:
    """query id -> {document id: score} of the first ``DEPTH``."""
    vectors = np.asarray(encoder.encode_queries(list(queries.values())))
    found = {}
    for query, vector in zip(queries, vectors, strict=True):
        scores, rows = index.search(vector, DEPTH)
        found[query] = {names[row]: float(score) for row, score in zip(rows, scores, strict=True)}
    return found


def _line(name: str, data: BeirSet, run: Mapping[str, Mapping[str, float]]) -> Line:
    """A query of which nothing relevant is found counts 0."""
    qrels = {query: dict(data.qrels[query]) for query in run}
    values = {(one.query_id, str(one.measure)): one.value for one in ir_measures.iter_calc(MEASURES, qrels, run)}
    judged = [query for query in run if any(grade > 0 for grade in qrels[query].values())]
    measures = {
        str(measure): bootstrap([values.get((query, str(measure)), 0.0) for query in judged]) for measure in MEASURES
    }
    return Line(name, len(judged), measures)
