"""What is ranked: passages, whole documents, or the passages of the best documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import date
from typing import Protocol

import numpy as np

from domain.conversation import Query
from domain.errors import Misconfigured
from domain.filters import Filter
from domain.passage import Passage, RetrievedPassage
from domain.protocols import Retriever
from retrieval.arrays import NO_ROWS, Matrix, Rows
from retrieval.hybrid import HybridRetriever, Searchable
from retrieval.validity import AskedTime


class Divisible(Searchable, Protocol):
    """A searchable moment that knows which passages are of which document."""

    def rows(self) -> Sequence[int]: ...

    def rows_of(self, document_ids: Sequence[str]) -> Sequence[int]: ...


class DocumentRetriever:
    """The best documents, each by its best passage: at most ``k`` passages, no two of one document.

    A document's score is the sum of its ``passages_counted`` best passages' scores among the ``pool`` best of another
    retriever. With 1 the best passage decides; with more, a document that speaks of the subject throughout passes one
    that mentions it once. Scores to be added up must not be negative: ``signal`` names what is added in their place.
    """

    def __init__(
        self, inner: Retriever, *, passages_counted: int = 1, pool: int = 50, signal: str = "fusion_score"
    ) -> None:
        if passages_counted < 1 or pool < 1:
            raise Misconfigured(
                f"Ranking documents needs passages_counted ≥ 1 and a pool ≥ 1; got {passages_counted} and {pool}."
            )
        self._inner, self._counted, self._pool, self._signal = inner, passages_counted, pool, signal

    def retrieve(self, query: Query, k: int) -> Sequence[RetrievedPassage]:
        found = self._inner.retrieve(query, max(k, self._pool)) if k > 0 else []
        by_document: dict[str, list[RetrievedPassage]] = {}
        for one in found:
            by_document.setdefault(one.passage.document_id, []).append(one)
        best = [replace(members[0], score=self._score(members)) for members in by_document.values()]
        best.sort(key=lambda one: (-one.score, one.passage.id))
        return [replace(one, rank=rank) for rank, one in enumerate(best[:k], start=1)]

    def _score(self, members: Sequence[RetrievedPassage]) -> float:
        if self._counted == 1:
            return members[0].score
        return sum_of_best([one.signals.get(self._signal, one.score) for one in members], self._counted)


class DocumentFirstRetriever:
    """The best documents first, then the best passages within them, found by a search of these alone.

    So a passage that no list of the whole knowledge base holds can come back, and none of any other document.
    """

    def __init__(
        self, documents: Retriever, within: Callable[[Sequence[str]], Retriever], *, best_documents: int = 3
    ) -> None:
        """``documents`` ranks documents (a ``DocumentRetriever``); ``within`` makes what searches those it names."""
        if best_documents < 1:
            raise Misconfigured(f"best_documents is {best_documents}; at least 1 document must be searched.")
        self._documents, self._within, self._best = documents, within, best_documents

    def retrieve(self, query: Query, k: int) -> Sequence[RetrievedPassage]:
        if k <= 0:
            return []
        best = self._documents.retrieve(query, self._best)
        return self._within([one.passage.document_id for one in best]).retrieve(query, k) if best else []


def sum_of_best(scores: Sequence[float], m: int) -> float:
    """Σ of the ``m`` highest ``scores``; of all where there are fewer."""
    return float(sum(sorted(scores, reverse=True)[:m]))


def within_documents(
    hybrid: HybridRetriever, snapshots: Callable[[], AbstractContextManager[Divisible]], document_ids: Sequence[str]
) -> HybridRetriever:
    """The same search in these documents alone, filters and validity as ever; ``k`` where there are so many."""

    @contextmanager
    def narrowed() -> Iterator[_Part]:
        with snapshots() as snapshot:
            yield _Part(snapshot, document_ids)

    return hybrid.over(narrowed)


class _Part:
    """Some documents of a snapshot, searched as if there were no others. Their vectors are compared one by one: a few
    hundred are quicker read than the index is searched around all the rest."""

    def __init__(self, whole: Divisible, document_ids: Sequence[str]) -> None:
        self._whole = whole
        self._rows: Rows = np.asarray(sorted(whole.rows_of(document_ids)), dtype=np.int64)

    def dense(self, vector: Matrix, k: int, excluded: Rows = NO_ROWS) -> list[tuple[int, float]]:
        rows = np.setdiff1d(self._rows, excluded).tolist()
        scores = self._whole.dense_scores(vector, rows)
        return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))[: max(k, 0)]

    def dense_scores(self, vector: Matrix, rows: Sequence[int]) -> dict[int, float]:
        return self._whole.dense_scores(vector, rows)

    def lexical(self, text: str, k: int, excluded: Rows = NO_ROWS) -> list[tuple[int, float]]:
        others = np.setdiff1d(np.asarray(self._whole.rows(), dtype=np.int64), self._rows)
        return self._whole.lexical(text, k, np.union1d(others, excluded))

    def passages(self, rows: Sequence[int]) -> dict[int, Passage]:
        return self._whole.passages(rows)

    def rows_outside(self, filter_: Filter) -> Rows:
        return self._whole.rows_outside(filter_)

    def rows_not_holding(self, asked: AskedTime, today: date) -> Rows:
        return self._whole.rows_not_holding(asked, today)
