"""Quotes: the sentences of the evidence that answer best, word for word.

A quote is always a candidate, so that whatever the generator's level nobody reads a broken sentence. What belongs
together stays together: a step brings its list, a table row its header.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from domain.passage import Passage, RetrievedPassage
from domain.protocols import Evidence

_NEIGHBOUR_SHARE = 0.6  # of the best sentence's score: a neighbour this good is part of the answer
_NEIGHBOUR_MINIMUM = 0.4
_MAX_WORDS = 70  # longer quotes are passages; the passage itself is beside the answer
_MAX_LIST_WORDS = 160
_PRICE = re.compile(r"[£€$]\s?\d")  # no column is called that: the table has no header row
_LIST_LINE = re.compile(r"^\s*(?:[-*•–]|\(?(?:\d{1,3}|[a-z])[.)])\s")


@dataclass(frozen=True, slots=True)
class Quote:
    """Sentences of one passage. ``spans`` are theirs in the passage's text, in order; ``text`` what is said;
    ``score`` the reader's probability that the best of them is part of the answer."""

    source: RetrievedPassage
    spans: tuple[tuple[int, int], ...]
    text: str
    score: float


def quotes(evidence: Sequence[RetrievedPassage], readings: Sequence[Evidence]) -> list[Quote]:
    """The best quote of each passage that has one, in the order of the evidence."""
    found = [_quote(source, reading) for source, reading in zip(evidence, readings, strict=True)]
    return [quote for quote in found if quote is not None]


def _quote(source: RetrievedPassage, reading: Evidence) -> Quote | None:
    scores = list(reading.sentence_scores)
    text = source.passage.text
    carried_header = source.passage.metadata.get("table_header", "")
    usable = [i for i, span in enumerate(reading.sentences) if _quotable(text, span, carried_header)]
    if not usable:
        return None
    best = max(usable, key=lambda i: (scores[i], -i))
    chosen = _list_around(best, reading, text) or _neighbours(best, reading, text)
    spans = tuple(reading.sentences[i] for i in chosen)
    return Quote(source, spans, _said(text, spans, carried_header), scores[best])


def best_sentences(evidence: Sequence[RetrievedPassage], readings: Sequence[Evidence], each: int = 2) -> list[Quote]:
    """The ``each`` likeliest sentences of each passage that can stand alone, one a quote, in the order of the evidence:
    what an answer that needs several facts is put together from."""
    found = []
    for source, reading in zip(evidence, readings, strict=True):
        header = source.passage.metadata.get("table_header", "")
        usable = [i for i, span in enumerate(reading.sentences) if _quotable(source.passage.text, span, header)]
        best = sorted(usable, key=lambda i: (-reading.sentence_scores[i], i))[:each]
        spans = [reading.sentences[i] for i in best]
        told = [said_alone(source.passage, span) for span in spans]
        found += [Quote(source, (s,), t, reading.sentence_scores[i]) for i, s, t in zip(best, spans, told, strict=True)]
    return found


def said_alone(passage: Passage, span: tuple[int, int]) -> str:
    """One sentence of ``passage`` as a quote would say it: a table row comes with the names of its columns."""
    return _said(passage.text, (span,), passage.metadata.get("table_header", ""))


def _quotable(text: str, span: tuple[int, int], carried_header: str = "") -> bool:
    """A heading or a lead-in says nothing by itself; nor does a table's header, the line under it, or a row whose
    columns have no names."""
    sentence = text[slice(*span)]
    if "|" not in sentence:
        return _is_running_text(sentence)
    header = carried_header or _header_above(text, span[0])
    named = header != sentence and "|" in header and not _PRICE.search(header)
    return named and re.search(r"[^\s|:-]", sentence) is not None


def _neighbours(best: int, reading: Evidence, text: str) -> list[int]:
    """The best sentence and those next to it that answer nearly as well, within ``_MAX_WORDS``."""
    scores, enough = reading.sentence_scores, max(_NEIGHBOUR_MINIMUM, _NEIGHBOUR_SHARE * reading.sentence_scores[best])
    first = last = best
    if "|" in text[slice(*reading.sentences[best])]:
        return [best]
    while True:
        sides = [i for i in (first - 1, last + 1) if 0 <= i < len(scores) and scores[i] >= enough]
        sides = [i for i in sides if _is_running_text(text[slice(*reading.sentences[i])])]
        if not sides:
            return list(range(first, last + 1))
        side = max(sides, key=lambda i: scores[i])
        left, right = min(first, side), max(last, side)
        if len(text[reading.sentences[left][0] : reading.sentences[right][1]].split()) > _MAX_WORDS:
            return list(range(first, last + 1))
        first, last = left, right


def _is_running_text(sentence: str) -> bool:
    return "|" not in sentence and len(sentence.split()) >= 3 and not sentence.endswith(":")


def _list_around(best: int, reading: Evidence, text: str) -> list[int]:
    """The whole list that the best sentence is an item of, with its lead-in; [] when it is none or too long."""
    spans = reading.sentences
    # The line from its marker on: the second sentence of an item belongs to the item.
    lines = [text[text.rfind("\n", 0, start) + 1 : end] for start, end in spans]
    if not _LIST_LINE.match(lines[best]):
        return []
    first = last = best
    while first > 0 and _LIST_LINE.match(lines[first - 1]):
        first -= 1
    while last < len(lines) - 1 and _LIST_LINE.match(lines[last + 1]):
        last += 1
    if first > 0 and lines[first - 1].endswith(":"):
        first -= 1
    long = len(text[spans[first][0] : spans[last][1]].split()) > _MAX_LIST_WORDS
    return [] if long else list(range(first, last + 1))


def _said(text: str, spans: Sequence[tuple[int, int]], carried_header: str) -> str:
    """The quote as it is read: running text joined by spaces, list items on lines of their own, rows with names."""
    parts = [text[start:end] for start, end in spans]
    if len(parts) == 1 and "|" in parts[0]:
        return _row(parts[0], carried_header or _header_above(text, spans[0][0]))
    joined = parts[0]
    for part in parts[1:]:
        joined += ("\n" if _LIST_LINE.match(part) else " ") + part
    return joined


def _header_above(text: str, start: int) -> str:
    """The first line of the table that holds the line at ``start``."""
    header = ""
    for line in reversed(text[: text.find("\n", start) if "\n" in text[start:] else len(text)].split("\n")):
        if "|" not in line:
            break
        header = line
    return header


def _row(row: str, header: str) -> str:
    """``Turkey | C | £6`` under ``Country | Zone | Daily charge`` -> ``Turkey: Zone C, Daily charge £6.``"""
    cells, names = _cells(row), _cells(header) if "|" in header else []
    if len(names) != len(cells) or names == cells or any(_PRICE.search(name) for name in names):
        return ", ".join(cells) + "."
    rest = ", ".join(f"{name} {cell}" for name, cell in zip(names[1:], cells[1:], strict=True) if cell)
    return ": ".join(part for part in (cells[0], rest) if part) + "."


def _cells(line: str) -> list[str]:
    """``A | B``, and ``| A | B |`` as some write it; an empty cell at one end alone is a cell."""
    line = line.strip()
    if len(line) > 1 and line[0] == line[-1] == "|":
        line = line[1:-1]
    return [cell.strip() for cell in line.split("|")]
