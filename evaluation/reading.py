"""How well the reader finds the shortest answer in the right passage (Rajpurkar et al. 2016)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from corpora.reading import ReadingExample
from domain.passage import Passage
from domain.protocols import Evidence
from evaluation.figures import Line, Tell, table
from evaluation.metrics import bootstrap_clusters
from evaluation.reports import Table
from evaluation.windows import WINDOW_WORDS, windows
from evaluation.wording import exact_match, token_f1

Read = Callable[[str, Sequence[Passage]], Sequence[Evidence]]


def measure(asked: Sequence[ReadingExample], read: Read, tell: Tell) -> list[Line]:
    """F1 and exact match of the best span over all questions, and apart for passages of one window and of several.
    Intervals are over passages."""
    rows = []
    for done, one in enumerate(asked, start=1):
        told, pieces = best_span(one, read)
        rows.append((one, exact_match(told, one.answers), token_f1(told, one.answers), pieces))
        tell(done, len(asked))
    groups = {
        "all": rows,
        "one window": [row for row in rows if row[3] == 1],
        "several windows": [row for row in rows if row[3] > 1],
    }
    return [
        Line(
            name,
            len(group),
            {
                "exact": bootstrap_clusters([row[1] for row in group], [row[0].passage for row in group]),
                "F1": bootstrap_clusters([row[2] for row in group], [row[0].passage for row in group]),
            },
        )
        for name, group in groups.items()
        if group
    ]


def best_span(asked: ReadingExample, read: Read) -> tuple[str, int]:
    """The reader's span for a question, and how many windows its passage is cut into. Of several windows the span
    with the highest ``span_score`` counts; "" when no window has a span."""
    pieces = windows(asked.title, asked.passage)
    readings = read(asked.question, pieces)
    spans = [
        (span_score(reading), -at, piece.text[slice(*reading.best_span)])
        for at, (piece, reading) in enumerate(zip(pieces, readings, strict=True))
        if reading.best_span is not None
    ]
    return (max(spans)[2] if spans else ""), len(pieces)


def span_score(reading: Evidence) -> float:
    """How much a window's span is to be believed: its relevance times the score of the sentence the span begins in.

    A span's own logits are not comparable between windows, since each window's span is the best of its own.
    """
    if reading.best_span is None:
        return 0.0
    start = reading.best_span[0]
    scores = [
        score
        for (first, end), score in zip(reading.sentences, reading.sentence_scores, strict=True)
        if first <= start < end
    ]
    return reading.relevance * max(scores, default=1.0)


def report(lines: Sequence[Line], title: str, facts: Mapping[str, str]) -> Table:
    """The lines with what was measured."""
    told = {
        "intervals": "95 %, bootstrap over passages",
        "measures": "exact match and F1 of words after SQuAD's normalisation, best of the answers given",
        "windows": f"passages of more than {WINDOW_WORDS} words are cut; the most believed span counts",
    }
    return table(title, lines, {**told, **facts}, "passages")
