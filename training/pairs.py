"""Labelled pairs of query and passage for the cross-encoder, and the halves of its development set.

A pair comes from the reading sets (with their BM25-near negatives) or from a file of mined rows. The development
pairs are halved by query: one half chooses the weights and the temperature, the other is only ever reported.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpora.jsonl import rows
from corpora.splits import is_development
from domain.errors import Misconfigured
from training import reading_data
from training.reading_data import ReadingRow


@dataclass(frozen=True, slots=True)
class Pair:
    """``passage`` is laid out as ``Passage.searchable`` does; ``label``: 1 when it answers ``query``, else 0."""

    query: str
    passage: str
    label: int


@dataclass(frozen=True, slots=True)
class Pairs:
    """``train`` learns, ``choose`` stops training and sets the temperature, ``report`` is measured at the end."""

    train: list[Pair]
    choose: list[Pair]
    report: list[Pair]


def reading_pairs(data: Path, seed: int) -> Pairs:
    """The reading sets under ``data``; held out are their own development rows."""
    held_out = [row for found in reading_data.development_rows(data).values() for row in found]
    choose, report = halves(_labelled(held_out))
    return Pairs(list(_labelled(reading_data.training_rows(data, seed))), choose, report)


def mined_pairs(path: Path, seed: int) -> Pairs:
    """JSON Lines of ``{"query", "positive": {"title", "text"}, "negatives": [{"title", "text"}, …]}``.

    A row without negatives takes one that BM25 ranks near its query among the positives of all rows. A fifth of
    the queries, by name, is held out. Raises ``Misconfigured`` naming the row that has another shape.
    """
    found = [_mined(path, number, row) for number, row in enumerate(rows(path), 1)]
    bare = [positive for positive, negatives in found if not negatives]
    near = reading_data.negatives([positive for positive, _ in found], random.Random(seed)) if bare else []
    wanting = {positive.query for positive in bare}
    listed = [row for positive, negatives in found for row in (positive, *negatives)]
    pairs = list(_labelled([*listed, *(row for row in near if row.query in wanting)]))
    choose, report = halves(pair for pair in pairs if is_development(pair.query))
    train = [pair for pair in pairs if not is_development(pair.query)]
    random.Random(seed).shuffle(train)
    return Pairs(train, choose, report)


def halves(pairs: Iterable[Pair]) -> tuple[list[Pair], list[Pair]]:
    """Two lists that share no query: which one a query falls into depends on its text alone."""
    found: tuple[list[Pair], list[Pair]] = ([], [])
    for pair in pairs:
        found[hashlib.sha256(f"half {pair.query}".encode()).digest()[0] % 2].append(pair)
    return found


def _labelled(found: Iterable[ReadingRow]) -> Iterator[Pair]:
    for row in found:
        body = f"{row.heading}\n{row.text}" if row.heading else row.text
        yield Pair(row.query, body, int(row.answer is not None))


def _mined(path: Path, number: int, row: Any) -> tuple[ReadingRow, Sequence[ReadingRow]]:
    try:
        positive, *negatives = (
            (str(passage.get("title") or ""), str(passage["text"]))
            for passage in (row["positive"], *row.get("negatives", ()))
        )
        query = str(row["query"])
    except (KeyError, TypeError, AttributeError) as error:
        raise Misconfigured(
            f"{path}, row {number} has not the shape of a mined row ({type(error).__name__}: {error}); write "
            '{"query", "positive": {"title", "text"}, "negatives": [{"title", "text"}]}.'
        ) from error
    whole = (0, len(positive[1]))
    return (
        ReadingRow(query, *positive, whole, None, exact=False),
        [ReadingRow(query, *negative, None, None) for negative in negatives],
    )
