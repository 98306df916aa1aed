"""Dense and lexical search together, fused by rank."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import cast

import numpy as np
import numpy.typing as npt

from domain.conversation import Query
from domain.filters import OPEN, Filter
from domain.passage import RetrievedPassage
from domain.protocols import PassageEncoder
from retrieval.fusion import reciprocal_rank_fusion
from retrieval.knowledge_base import NO_ROWS, Snapshot
from retrieval.validity import asks_about_past

Matrix = npt.NDArray[np.float32]
Ranking = list[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class HybridOptions:
    """How the lists are made and fused.

    ``pool``: how many each list contributes. ``rrf_k``: the constant of the fusion (60 in its paper).
    ``dense_weight``, ``lexical_weight``: the weight of each kind of list; ``context_weight``: what the lists for the
    query with its context weigh beside those for the query alone. Weight 0 leaves a list out. ``keep_superseded``:
    return documents that another one replaces even when the query does not ask about the past. ``only``: documents
    that do not pass it are never found, whatever is asked; it works inside the search, so ``k`` passages come back
    where ``k`` pass.
    """

    pool: int = 50
    rrf_k: float = 60
    dense_weight: float = 1.0
    lexical_weight: float = 1.0
    context_weight: float = 0.5
    keep_superseded: bool = False
    only: Filter = OPEN


class HybridRetriever:
    """Dense and BM25 lists of a query, and with a lower weight those of the query in its context, fused by RRF.

    Signals: ``fusion_score`` and ``dense_score`` (cosine with the query alone) on every passage; ``dense_rank``,
    ``bm25_score``, ``bm25_rank`` where the query's own list holds it. Some passage is always nearest: that
    "nothing matches" is for a ``RerankingRetriever`` or ``ThresholdedRetriever`` around this one to say.
    """

    def __init__(
        self,
        snapshots: Callable[[], AbstractContextManager[Snapshot]],
        encoder: PassageEncoder,
        options: HybridOptions = HybridOptions(),
        *,
        today: Callable[[], date] = date.today,
    ) -> None:
        """``snapshots`` gives a consistent view to search, such as ``KnowledgeBase.snapshot``."""
        self._snapshots, self._encoder, self._options, self._today = snapshots, encoder, options, today

    def retrieve(self, query: Query, k: int) -> Sequence[RetrievedPassage]:
        texts = _texts(query)
        if not texts or k <= 0:
            return []
        vectors = cast(Matrix, self._encoder.encode_queries(texts))
        with self._snapshots() as snapshot:
            return _Search(snapshot, self._options, self._excluded(query, snapshot)).run(texts, vectors, k)

    def _excluded(self, query: Query, snapshot: Snapshot) -> npt.NDArray[np.int64]:
        only = self._options.only
        outside = NO_ROWS if only.is_open else snapshot.rows_outside(only)
        return np.union1d(outside, self._replaced(query, snapshot))

    def _replaced(self, query: Query, snapshot: Snapshot) -> npt.NDArray[np.int64]:
        today = self._today()
        if self._options.keep_superseded or any(asks_about_past(text, today) for text in (query.text, query.original)):
            return NO_ROWS
        return snapshot.superseded_rows(today)


@dataclass(frozen=True, slots=True)
class _Search:
    snapshot: Snapshot
    options: HybridOptions
    excluded: npt.NDArray[np.int64]

    def run(self, texts: Sequence[str], vectors: Matrix, k: int) -> list[RetrievedPassage]:
        pool = max(self.options.pool, k)
        dense = [self.snapshot.dense(vector, pool, self.excluded) for vector in vectors]
        lexical = [self.snapshot.lexical(text, pool, self.excluded) for text in texts]
        fused = self._fused(dense, lexical)
        passages = self.snapshot.passages(list(fused))
        best = sorted(fused, key=lambda row: (-fused[row], passages[row].id))[:k]
        signals = self._signals(best, vectors[0], dense[0], lexical[0])
        return [
            RetrievedPassage(passages[row], fused[row], rank, {"fusion_score": fused[row], **signals[row]})
            for rank, row in enumerate(best, start=1)
        ]

    def _fused(self, dense: list[Ranking], lexical: list[Ranking]) -> dict[int, float]:
        options = self.options
        shares = [1.0] + [options.context_weight] * (len(dense) - 1)
        weights = [options.dense_weight * s for s in shares] + [options.lexical_weight * s for s in shares]
        rankings = [[row for row, _ in ranking] for ranking in (*dense, *lexical)]
        kept = [(ranking, weight) for ranking, weight in zip(rankings, weights, strict=True) if weight > 0]
        return dict(reciprocal_rank_fusion([r for r, _ in kept], options.rrf_k, [w for _, w in kept]))

    def _signals(
        self, rows: Sequence[int], vector: Matrix, dense: Ranking, lexical: Ranking
    ) -> dict[int, dict[str, float]]:
        signals = {row: {"dense_score": score} for row, score in self.snapshot.dense_scores(vector, rows).items()}
        for rank, (row, _) in enumerate(dense, start=1):
            if row in signals:
                signals[row]["dense_rank"] = float(rank)
        for rank, (row, score) in enumerate(lexical, start=1):
            if row in signals:
                signals[row] |= {"bm25_score": score, "bm25_rank": float(rank)}
        return signals


def _texts(query: Query) -> list[str]:
    """The query, then the query in its context with the newest first: an encoder cuts off what comes last."""
    alone = query.text.strip()
    if not alone:
        return []
    context = [text.strip() for text in reversed(query.context) if text.strip()]
    return [alone, "\n".join([alone, *context])] if context else [alone]
