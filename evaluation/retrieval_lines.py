"""What one way to search finds: passages, documents, the whole grounding, and how long a search takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from corpora.doc2dial import GoldTurn, SqueezedText
from domain.conversation import Query
from domain.passage import Passage, RetrievedPassage
from domain.protocols import Retriever
from evaluation.figures import numbers, percent
from evaluation.metrics import Estimate, bootstrap_clusters, hit, percentile, reciprocal_rank
from evaluation.reports import Table
from retrieval.places import OpenBase

DEPTH = 20
"""How many passages are asked for: as many as the reader reads, so that with and without it can be compared."""

MEASURES = ("R@1", "R@5", "R@10", "MRR", "doc R@1", "doc R@5", "held@1", "held@5")
_NEARLY_ALL = 0.95  # of the grounding's letters: a bullet or a heading that is left out does not matter


@dataclass(frozen=True, slots=True)
class Asked:
    """One turn as it is searched, and what answers it: passages, their documents, the stretch of text."""

    query: Query
    conversation: str
    passages: frozenset[str]
    documents: frozenset[str]
    text: SqueezedText
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Line:
    """One way to search: ``scores`` (turns × ``MEASURES``, 0..1) in the order of the turns, ``seconds`` of each
    search."""

    name: str
    scores: tuple[tuple[float, ...], ...]
    seconds: tuple[float, ...]

    def column(self, measure: str) -> list[float]:
        """One measure, a number a turn."""
        place = MEASURES.index(measure)
        return [row[place] for row in self.scores]


def asked(turns: Sequence[GoldTurn], queries: Mapping[str, Query], knowledge_base: OpenBase) -> list[Asked]:
    """The turns with their queries (by turn id) and all that counts as found."""
    with knowledge_base.snapshot() as snapshot:
        known = {passage.id: passage for passage in snapshot.passages(snapshot.rows()).values()}
    texts: dict[str, SqueezedText] = {}
    return [_asked(one, queries[one.turn.id], known, texts, knowledge_base) for one in turns]


def searched(
    turns: Sequence[Asked], retrievers: Mapping[str, Retriever], tell: Callable[[int, int], object]
) -> list[Line]:
    """Every retriever on every turn, turn by turn, so that what else the machine does meanwhile slows all alike; the
    first is asked once more before, untimed, so that none finds less remembered. ``tell``: (searches done, in all)."""
    if not retrievers:
        return []
    warming = next(iter(retrievers.values()))
    scores: dict[str, list[tuple[float, ...]]] = {name: [] for name in retrievers}
    seconds: dict[str, list[float]] = {name: [] for name in retrievers}
    for n, turn in enumerate(turns):
        warming.retrieve(turn.query, DEPTH)
        for name, retriever in retrievers.items():
            started = time.perf_counter()
            found = retriever.retrieve(turn.query, DEPTH)
            seconds[name].append(time.perf_counter() - started)
            scores[name].append(judged(found, turn))
        tell((n + 1) * len(retrievers), len(turns) * len(retrievers))
    return [Line(name, tuple(scores[name]), tuple(seconds[name])) for name in retrievers]


def judged(found: Sequence[RetrievedPassage], turn: Asked) -> tuple[float, ...]:
    """The ``MEASURES`` of one search. ``doc R@k``: a document that answers is among the first k distinct ones;
    ``held@k``: the first k texts together hold the whole grounding."""
    found_ids = [_named(turn.passages, (one.passage.id, *(p.passage_id for p in one.also_in))) for one in found]
    documents = [
        _named(turn.documents, (one.passage.document_id, *(p.document_id for p in one.also_in))) for one in found
    ]
    distinct = list(dict.fromkeys(documents))
    return (
        *(hit(found_ids, turn.passages, k) for k in (1, 5, 10)),
        reciprocal_rank(found_ids, turn.passages),
        *(hit(distinct, turn.documents, k) for k in (1, 5)),
        *(float(holds(found[:k], turn)) for k in (1, 5)),
    )


def _named(wanted: frozenset[str], names: Sequence[str]) -> str:
    """That of ``names`` which is wanted, else the first: a passage that stands for several counts as each of them."""
    return next((name for name in names if name in wanted), names[0])


def holds(found: Sequence[RetrievedPassage], turn: Asked) -> bool:
    """Whether the spans of ``found``, and of the places that say the same, together cover the grounding, but for a
    twentieth."""
    places = [place for one in found for place in (one.passage.place, *one.also_in)]
    spans = sorted(place.span for place in places if place.document_id in turn.documents)
    covered, reached = 0, 0
    for start, end in spans:
        covered += turn.text.overlap(turn.span, (max(start, reached), max(end, reached)))
        reached = max(reached, end)
    return covered >= _NEARLY_ALL * turn.text.overlap(turn.span, turn.span)


def difference(line: Line, other: Line, measure: str, turns: Sequence[Asked]) -> Estimate:
    """How much more ``line`` finds than ``other``, turn by turn, with an interval over conversations."""
    gains = [ours - theirs for ours, theirs in zip(line.column(measure), other.column(measure), strict=True)]
    return bootstrap_clusters(gains, [turn.conversation for turn in turns])


def report(lines: Sequence[Line], turns: Sequence[Asked], title: str, facts: Mapping[str, str]) -> Table:
    """Per cent with 95 % intervals, the median search in milliseconds, and the gain in MRR over the first line."""
    rows = []
    data: list[dict[str, Any]] = []
    clusters = [turn.conversation for turn in turns]
    for line in lines:
        found = {name: bootstrap_clusters(line.column(name), clusters) for name in MEASURES}
        gain, median = difference(line, lines[0], "MRR", turns), percentile(line.seconds, 0.5)
        rows.append((line.name, *(percent(found[name]) for name in MEASURES), f"{1000 * median:.0f}", _signed(gain)))
        figures = {name: numbers(one) for name, one in found.items()}
        data.append({"search": line.name, "p50_seconds": median, "mrr_gain": numbers(gain), **figures})
    counts = {"turns": str(len(turns)), "intervals": "95 %, bootstrap over conversations; the gain is paired by turn"}
    columns = ("search", *MEASURES, "p50 ms", f"MRR over {lines[0].name if lines else ''}")
    return Table(title, columns, tuple(rows), {**counts, **facts}, data)


def _asked(
    gold: GoldTurn,
    query: Query,
    known: Mapping[str, Passage],
    texts: dict[str, SqueezedText],
    knowledge_base: OpenBase,
) -> Asked:
    documents = frozenset(known[id_].document_id for id_ in gold.passages)
    [document_id] = documents  # a grounding is a stretch of one document
    if document_id not in texts:
        texts[document_id] = SqueezedText((knowledge_base.document(document_id) or (None, ""))[1])
    text = texts[document_id]
    span = text.find(gold.turn.grounding, gold.turn.position) or (0, 0)
    return Asked(query, gold.turn.id.rpartition("_")[0], gold.passages, documents, text, span)


def _signed(gain: Estimate) -> str:
    return f"{100 * gain.mean:+.1f} [{100 * gain.low:+.1f}–{100 * gain.high:+.1f}]"
