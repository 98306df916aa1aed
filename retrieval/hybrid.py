"""Dense and lexical search together, fused by rank, by score or by learned weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date
from typing import Literal, Protocol, cast, runtime_checkable

import numpy as np

from domain.conversation import Query
from domain.errors import Misconfigured
from domain.filters import OPEN, Filter
from domain.passage import Passage, RetrievedPassage
from domain.protocols import PassageEncoder
from retrieval.arrays import NO_ROWS, Matrix, Rows
from retrieval.fusion import min_max, reciprocal_rank_fusion, weighted_sum, z_scores
from retrieval.fusion_weights import FusionWeights
from retrieval.validity import AskedTime, asked_time

Ranking = list[tuple[int, float]]
Fusion = Literal["rrf", "sum", "learned"]
Normaliser = Literal["theoretical", "min-max", "z-score"]

_LEAST = {"dense": -1.0, "bm25": 0.0}  # what a cosine and a BM25 cannot fall below


@dataclass(frozen=True, slots=True)
class HybridOptions:
    """How the lists are made and fused.

    ``pool``: how many each list contributes. ``dense_weight``, ``lexical_weight``: the weight of each kind of list;
    ``context_weight``: what the lists for the query with its context weigh beside those for the query alone. Weight
    0 leaves a list out. ``keep_superseded``: return documents also where they do not hold at the time
    that the query is about. ``only``: documents that do not pass it are never found, whatever is asked; it works inside
    the search, so ``k`` passages come back where ``k`` pass.

    ``fusion``: by reciprocal rank (``rrf_k``: the constant of its paper, 60), as a weighted sum of scores that
    ``normaliser`` makes comparable (the paper's α is the dense weight where both add up to 1), or by ``learned``
    weights, which take the place of the others.
    """

    pool: int = 50
    rrf_k: float = 60
    dense_weight: float = 1.0
    lexical_weight: float = 1.0
    context_weight: float = 0.5
    keep_superseded: bool = False
    only: Filter = OPEN
    fusion: Fusion = "rrf"
    normaliser: Normaliser = "theoretical"
    learned: FusionWeights | None = None


class Searchable(Protocol):
    """What a search needs of a knowledge base at one moment; ``Snapshot`` says what each promises."""

    def dense(self, vector: Matrix, k: int, excluded: Rows = NO_ROWS) -> list[tuple[int, float]]: ...

    def dense_scores(self, vector: Matrix, rows: Sequence[int]) -> dict[int, float]: ...

    def lexical(self, text: str, k: int, excluded: Rows = NO_ROWS) -> list[tuple[int, float]]: ...

    def passages(self, rows: Sequence[int]) -> dict[int, Passage]: ...

    def rows_outside(self, filter_: Filter) -> Rows: ...

    def rows_not_holding(self, asked: AskedTime, today: date) -> Rows: ...


@runtime_checkable
class Narrowing(Protocol):
    """A view that leaves documents out itself, more cheaply than when it is told their rows."""

    def narrowed(self, only: Filter, asked: AskedTime | None, today: date) -> Searchable: ...


Snapshots = Callable[[], AbstractContextManager[Searchable]]


class HybridRetriever:
    """Dense and BM25 lists of a query, and with a lower weight those of the query in its context, fused.

    Signals: ``fusion_score`` and ``dense_score`` (cosine with the query alone) on every passage; ``dense_rank``,
    ``bm25_score``, ``bm25_rank`` where the query's own list holds it; the same with ``context_`` before them for the
    query in its context. Some passage is always nearest: that "nothing matches" is for a ``RerankingRetriever`` or
    ``ThresholdedRetriever`` around this one to say.
    """

    def __init__(
        self,
        snapshots: Snapshots,
        encoder: PassageEncoder,
        options: HybridOptions = HybridOptions(),
        *,
        today: Callable[[], date] = date.today,
    ) -> None:
        """``snapshots`` gives a consistent view to search, such as ``KnowledgeBase.snapshot``. Raises
        ``Misconfigured`` for a learned fusion without weights."""
        if options.fusion == "learned" and options.learned is None:
            raise Misconfigured("The fusion is learned and has no weights; give HybridOptions.learned, or choose rrf.")
        self._snapshots, self._encoder, self._options, self._today = snapshots, encoder, options, today

    def retrieve(self, query: Query, k: int) -> Sequence[RetrievedPassage]:
        return self._found(query, max(self._options.pool, k))[:k] if k > 0 else []

    def pooled(self, query: Query) -> Sequence[RetrievedPassage]:
        """All that the lists hold, ``pool`` each, as they were fused: what a learned fusion is fitted on."""
        return self._found(query, self._options.pool)

    def _found(self, query: Query, pool: int) -> list[RetrievedPassage]:
        texts = _texts(query)
        if not texts:
            return []
        vectors = cast(Matrix, self._encoder.encode_queries(texts))
        with self._snapshots() as snapshot:
            view, excluded = self._narrowed(query, snapshot)
            return _Search(view, self._options, excluded).run(texts, vectors, pool)

    def over(self, snapshots: Snapshots) -> HybridRetriever:
        """The same search in another view, such as a few documents of this one."""
        return HybridRetriever(snapshots, self._encoder, self._options, today=self._today)

    def _narrowed(self, query: Query, snapshot: Searchable) -> tuple[Searchable, Rows]:
        """What is searched, and the rows in it that must not be found: outside the filter, or not holding at the time
        the query is about. A filter for a day makes that the day the question is asked on."""
        only = self._options.only
        today = only.valid_on or self._today()
        asked = None if self._options.keep_superseded else asked_time((query.text, query.original), today)
        if isinstance(snapshot, Narrowing):
            return snapshot.narrowed(only, asked, today), NO_ROWS
        outside = NO_ROWS if only.is_open else snapshot.rows_outside(only)
        aged = NO_ROWS if asked is None else snapshot.rows_not_holding(asked, today)
        return snapshot, np.union1d(outside, aged)


@dataclass(frozen=True, slots=True)
class _List:
    """One ranking: what it is of (``dense``, ``context_bm25``, …), its weight, its rows best first."""

    name: str
    weight: float
    ranking: Ranking

    @property
    def rows(self) -> list[int]:
        return [row for row, _ in self.ranking]


@dataclass(frozen=True, slots=True)
class _Search:
    snapshot: Searchable
    options: HybridOptions
    excluded: Rows

    def run(self, texts: Sequence[str], vectors: Matrix, pool: int) -> list[RetrievedPassage]:
        lists = self._lists(texts, vectors, pool)
        signals = self._signals(lists, vectors)
        scores = _FUSIONS[self.options.fusion](self.options, lists, signals)
        passages = self.snapshot.passages(list(scores))
        best = sorted(scores, key=lambda row: (-scores[row], passages[row].id))
        return [
            RetrievedPassage(passages[row], scores[row], rank, {"fusion_score": scores[row], **signals[row]})
            for rank, row in enumerate(best, start=1)
        ]

    def _lists(self, texts: Sequence[str], vectors: Matrix, pool: int) -> list[_List]:
        """Those of the query alone first, then those with its context, where it has one."""
        lists = []
        shares = (1.0, self.options.context_weight)
        for prefix, share, text, vector in zip(_PREFIXES, shares, texts, vectors, strict=False):
            dense, lexical = self.options.dense_weight * share, self.options.lexical_weight * share
            lists.append(_List(f"{prefix}dense", dense, self.snapshot.dense(vector, pool, self.excluded)))
            lists.append(_List(f"{prefix}bm25", lexical, self.snapshot.lexical(text, pool, self.excluded)))
        return lists

    def _signals(self, lists: Sequence[_List], vectors: Matrix) -> dict[int, dict[str, float]]:
        """What the lists say of each of their passages, with the exact cosine also where a list does not hold it."""
        rows = list(dict.fromkeys(row for one in lists if one.weight > 0 for row in one.rows))
        signals: dict[int, dict[str, float]] = {row: {} for row in rows}
        for prefix, vector in zip(_PREFIXES, vectors, strict=False):
            for row, score in self.snapshot.dense_scores(vector, rows).items():
                signals[row][f"{prefix}dense_score"] = score
        for one in lists:
            for rank, (row, score) in enumerate(one.ranking, start=1):
                if row in signals:
                    signals[row] |= {f"{one.name}_rank": float(rank), f"{one.name}_score": score}
        return signals


_PREFIXES = ("", "context_")
_Signals = Mapping[int, Mapping[str, float]]


def _by_rank(options: HybridOptions, lists: Sequence[_List], signals: _Signals) -> dict[int, float]:
    del signals
    kept = [one for one in lists if one.weight > 0]
    return dict(reciprocal_rank_fusion([one.rows for one in kept], options.rrf_k, [one.weight for one in kept]))


def _by_score(options: HybridOptions, lists: Sequence[_List], signals: _Signals) -> dict[int, float]:
    kept = [one for one in lists if one.weight > 0]
    told = [_normalised(options.normaliser, one, signals) for one in kept]
    return weighted_sum(told, [one.weight for one in kept])


def _normalised(normaliser: Normaliser, one: _List, signals: _Signals) -> dict[int, float]:
    key = f"{one.name}_score"
    scores = {row: said[key] for row, said in signals.items() if key in said}
    if normaliser == "z-score":
        return z_scores(scores)
    least = _LEAST[one.name.removeprefix("context_")] if normaliser == "theoretical" else None
    return min_max(scores, least)


def _by_weights(options: HybridOptions, lists: Sequence[_List], signals: _Signals) -> dict[int, float]:
    del lists
    assert options.learned is not None
    rows = list(signals)
    return dict(zip(rows, options.learned.probabilities([signals[row] for row in rows]), strict=True))


_FUSIONS: Mapping[Fusion, Callable[[HybridOptions, Sequence[_List], _Signals], dict[int, float]]] = {
    "rrf": _by_rank,
    "sum": _by_score,
    "learned": _by_weights,
}


def _texts(query: Query) -> list[str]:
    """The query, then the query in its context with the newest first: an encoder cuts off what comes last."""
    alone = query.text.strip()
    if not alone:
        return []
    context = [text.strip() for text in reversed(query.context) if text.strip()]
    return [alone, "\n".join([alone, *context])] if context else [alone]
