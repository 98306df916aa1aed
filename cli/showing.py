"""Turns and passages as text for a terminal, and as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.live import Live
from rich.text import Text

from cli.console import ERRORS
from domain.answer import AnswerKind, Citation
from domain.conversation import Gate, Turn
from domain.events import AnswerDelta, AnswerFinished, PassagesRetrieved, QueryRewritten, TurnEvent
from domain.passage import Passage, RetrievedPassage
from domain.protocols import ANSWERED

_DOTS = 5
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Documents are untrusted: an escape sequence in one must not reach the terminal."""


def followed(events: Iterator[TurnEvent], *, preview: bool) -> Turn:
    """Consume one turn's events; with ``preview`` the growing draft is shown meanwhile where there is a terminal."""
    draft, turn = "", None
    with _closed_after(events), Live(console=ERRORS, transient=True, auto_refresh=False) as live:
        for event in events:
            if isinstance(event, AnswerDelta):
                draft += event.text
            if isinstance(event, AnswerFinished):
                turn = event.turn
                if not event.stored:
                    fate = "waits, and is stored when it is back" if event.waiting else "is not stored"
                    ERRORS.print(f"The memory was down: this turn {fate}.", style="yellow")
            elif preview and ERRORS.is_terminal:
                live.update(Text(_status(event, draft), style="dim"), refresh=True)
    if turn is None:
        raise AssertionError("a turn's events end with AnswerFinished")
    return turn


@contextmanager
def _closed_after(events: Iterator[TurnEvent]) -> Iterator[None]:
    """An interrupted turn is closed at once, so that what was written is stored as a stopped turn."""
    try:
        yield
    finally:
        getattr(events, "close", lambda: None)()  # an Iterator need not have it; the assistant's, a generator, does


def as_text(turn: Turn) -> str:
    """The answer with its markers, how sure it is, and its sources."""
    lines = [printable(turn.answer.with_markers())]
    lines += [f"  {number}. {printable(option)}" for number, option in enumerate(turn.answer.options, start=1)]
    if turn.answer.kind in ANSWERED:
        lines += ["", f"{dots(turn.answer.confidence)} {turn.answer.confidence:.2f} · {turn.answer.kind.value}"]
        lines += [source_line(turn, citation) for citation in _first_of_each(turn.answer.citations)]
    elif turn.answer.kind is AnswerKind.ABSTAINED and turn.evidence:
        lines += ["", "Closest:", *(f"  {printable(one.passage.heading)}" for one in turn.evidence[:3])]
    if turn.query.gate is Gate.REWRITE:
        lines += [f"searched: {printable(turn.query.text)}"]
    return "\n".join(lines)


def as_json(turn: Turn) -> dict[str, Any]:
    """A turn for scripts."""
    answer = turn.answer
    return {
        "question": turn.question,
        "query": turn.query.text,
        "gate": turn.query.gate.value,
        "answer": answer.text,
        "kind": answer.kind.value,
        "confidence": answer.confidence,
        "lambda": answer.weighting.retrieval_weight if answer.weighting else None,
        "citations": [
            {
                "marker": citation.marker,
                "sentence": answer.text[slice(*citation.sentence)],
                "passage": citation.passage_id,
                "quote": citation.quote,
                "support": citation.support,
            }
            for citation in answer.citations
        ],
        "passages": [passage_json(one) for one in turn.evidence],
        "seconds": dict(turn.trace.seconds),
    }


def passage_json(one: RetrievedPassage) -> dict[str, Any]:
    """A passage that was found, for scripts."""
    passage = one.passage
    return {
        "rank": one.rank,
        "score": one.score,
        "id": passage.id,
        "document": passage.document_id,
        "title": passage.title,
        "section": list(passage.section),
        "source": passage.source,
        "text": passage.text,
        "signals": dict(one.signals),
        "also_in": [
            {"id": p.passage_id, "document": p.document_id, "heading": p.heading, "source": p.source}
            for p in one.also_in
        ],
    }


def passage_text(one: RetrievedPassage) -> str:
    """A passage that was found, for people."""
    body = "\n".join(f"   {line}" for line in printable(one.passage.text).splitlines())
    also = "".join(f"\n   also in: {printable(p.heading)} ({printable(p.source)})" for p in one.also_in)
    head = f"{one.rank}. {printable(one.passage.heading)}  ({printable(one.passage.source)}, {one.score:.3f})"
    return f"{head}\n{body}{also}"


def source_line(turn: Turn, citation: Citation) -> str:
    """``[1] Moving home › Notice period — “the sentence”``."""
    passage = cited_passage(turn, citation)
    heading = passage.heading if passage else citation.passage_id
    return f"[{citation.marker}] {printable(heading)} — “{printable(' '.join(citation.quote.split()))}”"


def cited_passage(turn: Turn, citation: Citation) -> Passage | None:
    """The passage a citation points at."""
    return next((one.passage for one in turn.evidence if one.passage.id == citation.passage_id), None)


def dots(confidence: float) -> str:
    """``●●●●○`` for 0.8."""
    full = min(max(round(confidence * _DOTS), 0), _DOTS)
    return "●" * full + "○" * (_DOTS - full)


def printable(text: str) -> str:
    """``text`` without control characters other than tab and line feed."""
    return _CONTROLS.sub("", text)


def _first_of_each(citations: Sequence[Citation]) -> list[Citation]:
    first: dict[int, Citation] = {}
    for citation in citations:
        first.setdefault(citation.marker, citation)
    return [first[marker] for marker in sorted(first)]


def _status(event: TurnEvent, draft: str) -> str:
    if isinstance(event, QueryRewritten):
        return "searching…"
    if isinstance(event, PassagesRetrieved):
        return f"reading {len(event.passages)} passages…"
    return printable(draft)
