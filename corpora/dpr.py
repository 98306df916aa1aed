"""DPR's training files (Karpukhin et al. 2020): ``biencoder-nq-train.json[.gz]`` and its kin, read as streams.

Each is one JSON array of gigabytes whose elements are a question, its answers and passages of three kinds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from corpora.records import Record, records

Context = tuple[str, str]
"""The title of a page and a stretch of its text."""


@dataclass(frozen=True, slots=True)
class BiEncoderRow:
    """A question as DPR trains on it.

    ``positives`` hold the answer, the first being the one DPR takes; ``hard_negatives`` are ranked near by BM25 and
    lack it; ``negatives`` are passages of other questions. Each may be empty.
    """

    question: str
    answers: tuple[str, ...]
    positives: tuple[Context, ...]
    hard_negatives: tuple[Context, ...]
    negatives: tuple[Context, ...]


def biencoder_rows(path: Path) -> Iterator[BiEncoderRow]:
    """The rows of a file, plain or packed (``.gz``, ``.xz``), in the memory of a few of them.

    Raises ``Misconfigured`` naming the file, and the row where there is one, when it is missing or malformed.
    """
    for row in records(path):
        yield BiEncoderRow(
            row.text("question"),
            row.texts("answers"),
            _contexts(row, "positive_ctxs"),
            _contexts(row, "hard_negative_ctxs"),
            _contexts(row, "negative_ctxs"),
        )


def _contexts(row: Record, kind: str) -> tuple[Context, ...]:
    return tuple((context.text("title", ""), context.text("text")) for context in row.records(kind))
