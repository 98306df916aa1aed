"""What operators put right, as rows that training and measuring already read.

``reading``: ``corpora.reading.read_reading`` takes them (``colloquy train reader``). ``retrieval``: rows of the
bi-encoder (``training.retrieval_rows.rows_of``). ``quality``: conversations of one turn, as the quality set has them.
A correction that a format cannot hold is left out of it: a reader learns from stretches of a passage, so an answer that
stands in none teaches it nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal

from domain.corrections import Correction, Excerpt

Format = Literal["reading", "retrieval", "quality"]
Row = Mapping[str, Any]


def rows_from(corrections: Iterable[Correction], form: Format) -> Iterator[Row]:
    """The rows of that format, in the order of the corrections."""
    for one in corrections:
        yield from _FORMS[form](one)


def _reading(one: Correction) -> Iterator[Row]:
    """A right passage with the stretch of it that answers, and each wrong passage with none."""
    if one.right is not None and (stretch := stretch_of(one.answer, one.right.text)):
        yield _packed(one, one.right, [stretch])
    for excerpt in one.wrong:
        yield _packed(one, excerpt, [])


def _packed(one: Correction, excerpt: Excerpt, answers: list[str]) -> Row:
    return {"title": excerpt.heading, "passage": excerpt.text, "q": one.query, "a": answers}


def _retrieval(one: Correction) -> Iterator[Row]:
    if one.right is None:
        return
    row = {
        "query": one.query,
        "positive": _titled(one.right),
        "negatives": [_titled(excerpt) for excerpt in one.wrong],
    }
    stretch = stretch_of(one.answer, one.right.text)
    yield row | {"answers": [stretch]} if stretch else row


def _quality(one: Correction) -> Iterator[Row]:
    stretch = stretch_of(one.answer, one.right.text) if one.right else ""
    if one.right is None or not stretch:
        return
    gold = [{"file": one.right.document_id, "sentence": line} for line in stretch.splitlines() if line.strip()]
    yield {
        "id": f"corrected-{one.id}",
        "turns": [
            {
                "message": one.query,
                "kind": "answerable",
                "query": one.query,
                "switch": False,
                "gold": gold,
                "facts": [[line["sentence"]] for line in gold],
                "reply": one.answer,
            }
        ],
    }


def stretch_of(answer: str, passage: str) -> str:
    """``answer`` as it stands in ``passage``, whatever its case and spacing; "" where it does not."""
    words = answer.split()
    if not words:
        return ""
    low = passage.lower()
    at = low.find(words[0].lower())
    while at >= 0:
        end = _end_of(words, low, at)
        if end:
            return passage[at:end]
        at = low.find(words[0].lower(), at + 1)
    return ""


def _end_of(words: list[str], text: str, at: int) -> int:
    """Where the words end in ``text`` when they stand there from ``at`` on, white space apart; 0 where they do not."""
    for word in words:
        while at < len(text) and text[at].isspace():
            at += 1
        if not text.startswith(word.lower(), at):
            return 0
        at += len(word)
    return at


def _titled(excerpt: Excerpt) -> dict[str, str]:
    return {"title": excerpt.heading, "text": excerpt.text}


_FORMS: Mapping[Format, Callable[[Correction], Iterator[Row]]] = {
    "reading": _reading,
    "retrieval": _retrieval,
    "quality": _quality,
}
