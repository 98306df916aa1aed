"""A knowledge base at one moment, as retrievers search it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date

import numpy as np

from domain.filters import Filter
from domain.passage import Passage
from retrieval.arrays import NO_ROWS, Matrix, Rows
from retrieval.catalogue import Moment
from retrieval.dense import DenseIndex
from retrieval.validity import AskedTime, not_holding


class Snapshot:
    """A knowledge base at one moment: vectors, word index and passages of the same generation."""

    def __init__(
        self,
        moment: Moment,
        index: DenseIndex,
        dimension: int,
        outside: Callable[[Filter], Rows],
        bound: Callable[[date], Mapping[str, Mapping[str, str]]],
    ) -> None:
        """``outside`` gives the rows that a filter does not let through at this moment, ``bound`` the metadata of the
        documents that time may rule out, seen from a day."""
        self._moment, self._index, self._dimension = moment, index, dimension
        self._outside, self._bound = outside, bound

    def __len__(self) -> int:
        """How many passages there are."""
        return len(self._index)

    def dense(self, vector: Matrix, k: int, excluded: Rows = NO_ROWS) -> list[tuple[int, float]]:
        """The ``k`` nearest (row, score) to ``vector`` (dimension,), by ``(-score, row)``; the score is that of the
        knowledge base's metric, higher is better."""
        scores, rows = self._index.search(vector, k, excluded, self._exact)
        return list(zip(rows.tolist(), scores.tolist(), strict=True))

    def dense_scores(self, vector: Matrix, rows: Sequence[int]) -> dict[int, float]:
        """The score of ``vector`` with the passages in ``rows``."""
        scores = self._index.scores(vector, np.asarray(rows, dtype=np.int64), self._exact)
        return dict(zip(rows, scores.tolist(), strict=True))

    def lexical(self, text: str, k: int, excluded: Rows = NO_ROWS) -> list[tuple[int, float]]:
        """The ``k`` best (row, BM25) for ``text``, by ``(-score, row)``; [] when no word of it occurs."""
        return self._moment.lexical(text, k, excluded.tolist())

    def rows(self) -> list[int]:
        """The row numbers of all passages, ascending."""
        return [int(row) for row in self._index.ids]

    def passages(self, rows: Sequence[int]) -> dict[int, Passage]:
        """The passages with these row numbers."""
        return self._moment.passages(rows)

    def rows_of(self, document_ids: Iterable[str]) -> list[int]:
        """The row numbers of the passages of these documents, ascending."""
        return sorted(self._moment.rows_of(document_ids))

    def text_of(self, document_id: str) -> str | None:
        """A document's whole text; None when there is none of that id."""
        found = self._moment.document(document_id)
        return found[1] if found else None

    def vectors(self, passage_ids: Iterable[str]) -> dict[str, Matrix]:
        """The vector (dimension,) of each passage with one of these ids."""
        rows = self._moment.rows_by_id(passage_ids)
        matrix = self._exact(np.asarray(list(rows.values()), dtype=np.int64))
        return dict(zip(rows, matrix, strict=True))

    def rows_outside(self, filter_: Filter) -> Rows:
        """The passages of documents that ``filter_`` does not let through, ascending."""
        return self._outside(filter_)

    def rows_not_holding(self, asked: AskedTime, today: date) -> Rows:
        """The passages of documents that do not hold at the time ``asked`` about, ascending."""
        return np.asarray(self.rows_of(not_holding(self._bound(today), asked, today)), dtype=np.int64)

    def _exact(self, rows: Rows) -> Matrix:
        return self._moment.vectors_of(rows, self._dimension)
