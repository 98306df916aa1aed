"""How often the right passage is found: for the message as typed, with its whole history, and rewritten."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corpora.doc2dial import GoldSet, GoldTurn
from domain.conversation import Query
from domain.protocols import Retriever
from evaluation.metrics import Estimate, bootstrap, hit, reciprocal_rank
from evaluation.reports import Table

DEPTH = 50
"""How many passages are asked for: the reciprocal rank of anything below is under 0.02."""

CUTOFFS = (1, 5, 10)
Rewrite = Callable[[str, Sequence[tuple[str, str]]], Query]


@dataclass(frozen=True, slots=True)
class Line:
    """One way to ask, one way to search: ``measures`` (R@1, …, MRR) over all turns, ``seconds`` a search (mean)."""

    asked: str
    searched: str
    measures: Mapping[str, Estimate]
    seconds: float


def evaluate(
    gold: GoldSet,
    rewrite: Rewrite,
    retrievers: Mapping[str, Retriever],
    tell: Callable[[int, int], object],
) -> list[Line]:
    """Every way to ask crossed with every retriever. ``tell`` is called with (searches done, in all)."""
    ways: dict[str, Callable[[GoldTurn], Query]] = {
        "last message": lambda turn: as_typed(turn.turn.question),
        "full history": lambda turn: with_history(turn.turn.question, turn.turn.history),
        "rewritten": lambda turn: rewrite(turn.turn.question, turn.turn.history),
    }
    total, done, lines = len(ways) * len(retrievers) * len(gold.turns), 0, []
    for asked, query_of in ways.items():
        queries = [query_of(turn) for turn in gold.turns]
        for searched, retriever in retrievers.items():
            ranked, started = [], time.perf_counter()
            for query in queries:
                ranked.append([found.passage.id for found in retriever.retrieve(query, DEPTH)])
                done += 1
                tell(done, total)
            seconds = (time.perf_counter() - started) / max(len(queries), 1)
            lines.append(Line(asked, searched, measures(ranked, [turn.passages for turn in gold.turns]), seconds))
    return lines


def as_typed(question: str) -> Query:
    """The message alone."""
    return Query(question, question)


def with_history(question: str, history: Sequence[tuple[str, str]]) -> Query:
    """The message and everything said before it, newest first: an encoder cuts off what comes last."""
    said = [text for exchange in history for text in exchange if text]
    return Query("\n".join([question, *reversed(said)]), question)


def measures(ranked: Sequence[Sequence[str]], relevant: Sequence[frozenset[str]]) -> dict[str, Estimate]:
    """``R@k`` for each cutoff and ``MRR``, with intervals; ``ranked[i]`` are passage ids, best first, for turn i."""
    pairs = list(zip(ranked, relevant, strict=True))
    found = {f"R@{k}": bootstrap([hit(ids, gold, k) for ids, gold in pairs]) for k in CUTOFFS}
    return {**found, "MRR": bootstrap([reciprocal_rank(ids, gold) for ids, gold in pairs])}


def report(lines: Sequence[Line], gold: GoldSet, title: str, facts: Mapping[str, str]) -> Table:
    """The lines as a table: per cent with 95 % intervals."""
    names = list(lines[0].measures) if lines else []
    rows = tuple(
        (
            f"{line.asked}, {line.searched}",
            *(_percent(line.measures[name]) for name in names),
            f"{1000 * line.seconds:.0f}",
        )
        for line in lines
    )
    counts = {
        "turns": f"{len(gold.turns)}; {gold.unaligned} more left out, their grounding was not found in the documents",
        "intervals": "95 %, bootstrap over turns",
    }
    return Table(title, ("query, search", *names, "ms"), rows, {**counts, **facts}, [_data(line) for line in lines])


def _percent(estimate: Estimate) -> str:
    return f"{100 * estimate.mean:.1f} [{100 * estimate.low:.1f}–{100 * estimate.high:.1f}]"


def _data(line: Line) -> dict[str, Any]:
    figures = {name: {"mean": e.mean, "low": e.low, "high": e.high} for name, e in line.measures.items()}
    return {"query": line.asked, "search": line.searched, "seconds": line.seconds, **figures}
