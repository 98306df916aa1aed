"""Retrievers made of retrievers: reading again what was found, and saying that nothing was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from domain.conversation import Query
from domain.errors import Misconfigured
from domain.passage import RetrievedPassage
from domain.protocols import PassageReader, Retriever

CERTAINTY = 1e-6  # probabilities are kept this far from 0 and 1, so that their logit is finite
TIE_BREAK = 1e-9  # less than any difference between readings, enough to keep equal ones in the order of the fusion


class RerankingRetriever:
    """The best ``candidates`` of another retriever, read with the query and put in the order of the reading.

    ``signals["relevance"]`` is the reader's probability; passages below ``threshold`` are dropped, and when all
    are, the result is []. Where ``k`` exceeds ``candidates``, passages nobody read follow in the inner order,
    without relevance, as long as any that was read remains.
    """

    def __init__(
        self,
        inner: Retriever,
        reader: PassageReader,
        *,
        candidates: int = 20,
        threshold: float = 0.0,
        fusion_share: float = 0.0,
        context_exchanges: int = 0,
    ) -> None:
        """``fusion_share`` (0..1) of the order is the inner retriever's; the rest is the reader's.

        ``context_exchanges``: how many of the query's latest exchanges the reader sees after it, newest first, as it
        was trained; a rewrite may have missed what they say.
        """
        if candidates < 1 or not 0 <= threshold <= 1 or not 0 <= fusion_share <= 1:
            raise Misconfigured(
                f"Reranking needs candidates ≥ 1, threshold and fusion_share in 0..1; got {candidates}, {threshold}, "
                f"{fusion_share}."
            )
        self._inner, self._reader = inner, reader
        self._candidates, self._threshold, self._fusion_share = candidates, threshold, fusion_share
        self._context_exchanges = context_exchanges

    def retrieve(self, query: Query, k: int) -> Sequence[RetrievedPassage]:
        if k <= 0:
            return []
        found = self._inner.retrieve(query, max(k, self._candidates))
        read = self._read(query.in_context(self._context_exchanges), found[: self._candidates])
        if not read:
            return []
        best = sorted(read, key=_order)
        rest = found[self._candidates :] if k > self._candidates else []
        floor = best[-1].score
        unread = [replace(passage, score=floor - position) for position, passage in enumerate(rest, start=1)]
        return _ranked([*best, *unread][:k])

    def _read(self, question: str, found: Sequence[RetrievedPassage]) -> list[RetrievedPassage]:
        evidence = self._reader.read(question, [one.passage for one in found]) if found else []
        return [
            replace(
                one,
                score=blend(said.relevance, one.rank, self._fusion_share),
                signals={**one.signals, "relevance": said.relevance},
            )
            for one, said in zip(found, evidence, strict=True)
            if said.relevance >= self._threshold
        ]


class ThresholdedRetriever:
    """Another retriever's passages whose ``signal`` is at least ``minimum``, in their order; [] when none is.

    For working without a reader. A passage that lacks the signal is dropped.
    """

    def __init__(self, inner: Retriever, minimum: float, *, signal: str = "dense_score") -> None:
        self._inner, self._minimum, self._signal = inner, minimum, signal

    def retrieve(self, query: Query, k: int) -> Sequence[RetrievedPassage]:
        found = self._inner.retrieve(query, k)
        return _ranked([one for one in found if one.signals.get(self._signal, -math.inf) >= self._minimum])


def blend(relevance: float, rank: int, fusion_share: float) -> float:
    """(1 − s)·logit(p) + s·log(1/rank): a log-linear mixture of the reader's odds and a prior by rank.

    At s = 0 the rank only settles ties.
    """
    p = min(max(relevance, CERTAINTY), 1 - CERTAINTY)
    logit = math.log(p / (1 - p))
    return (1 - fusion_share) * logit - fusion_share * math.log(rank) - TIE_BREAK * rank


def _order(retrieved: RetrievedPassage) -> tuple[float, str]:
    return -retrieved.score, retrieved.passage.id


def _ranked(passages: Sequence[RetrievedPassage]) -> list[RetrievedPassage]:
    return [replace(one, rank=rank) for rank, one in enumerate(passages, start=1)]
