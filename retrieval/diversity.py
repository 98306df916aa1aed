"""Results that do not repeat one another: maximal marginal relevance."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from domain.conversation import Query
from domain.errors import Misconfigured
from domain.passage import RetrievedPassage
from domain.protocols import Retriever
from retrieval.fusion import min_max

Matrix = npt.NDArray[np.float32]


class HasVectors(Protocol):
    """The vectors of a knowledge base at one moment."""

    def vectors(self, passage_ids: Sequence[str]) -> Mapping[str, Matrix]: ...


class DiverseRetriever:
    """The best ``candidates`` of another retriever, ordered by what each adds to those before it.

    The score is the passage's marginal relevance, λ·relevance − (1 − λ)·nearness, where relevance is the inner
    retriever's score between the worst (0) and the best (1) of the candidates, or ``signals[signal]`` (0..1; a passage
    without it counts as 0), and ``signals["repeats"]`` the nearness: the highest cosine, 0..1, with a passage further
    up. At λ = 1 the order is as it was.
    """

    def __init__(
        self,
        inner: Retriever,
        snapshots: Callable[[], AbstractContextManager[HasVectors]],
        *,
        trade_off: float = 0.7,
        candidates: int = 20,
        signal: str | None = None,
    ) -> None:
        """``trade_off`` is λ. ``snapshots`` gives the vectors of what ``inner`` finds."""
        if not 0 <= trade_off <= 1 or candidates < 1:
            raise Misconfigured(
                f"Diversity needs a trade-off in 0..1 and candidates ≥ 1; got {trade_off} and {candidates}."
            )
        self._inner, self._snapshots = inner, snapshots
        self._trade_off, self._candidates, self._signal = trade_off, candidates, signal

    def retrieve(self, query: Query, k: int) -> Sequence[RetrievedPassage]:
        found = list(self._inner.retrieve(query, max(k, self._candidates))) if k > 0 else []
        if not found:
            return []
        found.sort(key=lambda one: one.passage.id)  # of equals the first is taken: the order of a list is total
        chosen = maximal_marginal_relevance(self._relevance(found), self._nearness(found), self._trade_off, k)
        return [
            replace(found[i], score=score, rank=rank, signals={**found[i].signals, "repeats": repeats})
            for rank, (i, score, repeats) in enumerate(chosen, start=1)
        ]

    def _relevance(self, found: Sequence[RetrievedPassage]) -> npt.NDArray[np.float64]:
        """That of each passage (n,), 0..1."""
        if self._signal is not None:
            return np.asarray([one.signals.get(self._signal, 0.0) for one in found], dtype=np.float64)
        shares = min_max({place: one.score for place, one in enumerate(found)})
        return np.asarray([shares[place] for place in range(len(found))], dtype=np.float64)

    def _nearness(self, found: Sequence[RetrievedPassage]) -> npt.NDArray[np.float64]:
        """The cosines (n, n) of the passages; 0 for one that has been deleted since it was found."""
        with self._snapshots() as snapshot:
            known = snapshot.vectors([one.passage.id for one in found])
        dimension = next((len(vector) for vector in known.values()), 1)
        nothing = np.zeros(dimension, dtype=np.float32)
        vectors = np.stack([known.get(one.passage.id, nothing) for one in found]).astype(np.float64)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        units = vectors / np.where(lengths > 0, lengths, 1)
        return np.asarray(units @ units.T, dtype=np.float64)


def maximal_marginal_relevance(
    relevance: npt.NDArray[np.float64], nearness: npt.NDArray[np.float64], trade_off: float, k: int
) -> list[tuple[int, float, float]]:
    """MMR = argmax_{D ∉ S} λ·Sim₁(D, Q) − (1 − λ)·max_{D' ∈ S} Sim₂(D, D') (Carbonell & Goldstein, SIGIR 1998).

    ``relevance`` (n,) is Sim₁, ``nearness`` (n, n) Sim₂, ``trade_off`` λ. Returns at most ``k`` of (item, its marginal
    relevance, its max Sim₂), in the order they are chosen; of equals the first. A Sim₂ below 0 counts as 0, so the
    values never rise from one to the next.
    """
    left, highest = np.ones(len(relevance), dtype=bool), np.zeros(len(relevance))
    chosen: list[tuple[int, float, float]] = []
    while len(chosen) < min(k, len(relevance)):
        values = np.where(left, trade_off * relevance - (1 - trade_off) * highest, -np.inf)
        best = int(values.argmax())
        chosen.append((best, float(values[best]), float(highest[best])))
        left[best] = False
        highest = np.maximum(highest, nearness[best])
    return chosen
