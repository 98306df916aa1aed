"""Text of documents as safe HTML, with the cited stretches marked.

Documents are untrusted: everything is escaped, links become their words, and of Markdown only what helps reading
is drawn (headings, lists, tables, bold, code). Offsets are those of the text as given, so a citation's span stays true.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of text (end exclusive) to be lit; ``key`` is written into ``data-citation``."""

    start: int
    end: int
    key: str = ""


_INLINE = re.compile(r"\*\*(?P<bold>[^*]+)\*\*|`(?P<code>[^`]+)`|!?\[(?P<link>[^\[\]]+)\]\([^()]*\)")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s+")
_BULLET = re.compile(r"\s*[-*+•]\s+")
_NUMBER = re.compile(r"\s*\d{1,3}[.)]\s+")
_RULE = re.compile(r"\|?\s*:?-{2,}[-:|\s]*")
_BAR = re.compile(r"\S\s+\|\s+\S")  # between two cells, as the readers of documents write a row of any table
_CELL = re.compile(r"(?:\\\||[^|])+")


def marked_text(text: str, marks: Sequence[Mark] = ()) -> str:
    """``text`` as HTML blocks; marks outside the text are cut to it, empty ones are ignored."""
    return "".join(_blocks(text, marks))


def plain_inline(text: str) -> str:
    """One line of untrusted text with bold and code drawn."""
    return _inline(text, 0, len(text), ())


def _blocks(text: str, marks: Sequence[Mark]) -> Iterator[str]:
    lines = list(_lines(text))
    at = 0
    while at < len(lines):
        start, end = lines[at]
        kind = _kind(text[start:end])
        upto = at + 1
        while kind in ("table", "text") and upto < len(lines) and _goes_on(kind, text, lines[upto - 1], lines[upto]):
            upto += 1
        yield _block(kind, text, lines[at:upto], marks)
        at = upto


def _goes_on(kind: str, text: str, line: tuple[int, int], following: tuple[int, int]) -> bool:
    """Whether ``following`` is of the same block: of the same kind, and no empty line between."""
    return "\n\n" not in text[line[1] : following[0]] and _kind(text[slice(*following)]) == kind


def _lines(text: str) -> Iterator[tuple[int, int]]:
    for match in re.finditer(r"[^\n]+", text):
        yield match.span()


def _kind(line: str) -> str:
    if not line.strip():
        return "blank"
    if line.lstrip().startswith("|") or _BAR.search(line):
        return "table"
    for kind, pattern in (("heading", _HEADING), ("bullet", _BULLET), ("number", _NUMBER)):
        if pattern.match(line):
            return kind
    return "text"


def _block(kind: str, text: str, lines: Sequence[tuple[int, int]], marks: Sequence[Mark]) -> str:
    start, end = lines[0][0], lines[-1][1]
    if kind == "blank":
        return ""
    if kind == "table" and (len(lines) > 1 or text[start:end].lstrip().startswith("|")):  # one bar makes no table
        return _table(text, lines, marks)
    if kind == "heading":
        start += len(_HEADING.match(text[start:end]).group())  # type: ignore[union-attr]  # the kind says it matches
        return f'<p class="heading">{_inline(text, start, end, marks)}</p>'
    if kind == "bullet":
        start += len(_BULLET.match(text[start:end]).group())  # type: ignore[union-attr]  # the kind says it matches
        return f'<p class="item bullet">{_inline(text, start, end, marks)}</p>'
    if kind == "number":
        return f'<p class="item">{_inline(text, start, end, marks)}</p>'
    return f"<p>{_inline(text, start, end, marks)}</p>"


def _table(text: str, lines: Sequence[tuple[int, int]], marks: Sequence[Mark]) -> str:
    has_head = len(lines) > 1 and _RULE.fullmatch(text[slice(*lines[1])].strip()) is not None
    rows = [_row(text, line, "th" if has_head and n == 0 else "td", marks) for n, line in enumerate(lines)]
    if has_head:
        del rows[1]
    return f'<div class="table"><table>{"".join(rows)}</table></div>'


def _row(text: str, line: tuple[int, int], tag: str, marks: Sequence[Mark]) -> str:
    start, end = line
    cells = (
        (start + match.start(), start + match.end())
        for match in _CELL.finditer(text[start:end])
        if match.group().strip()
    )
    return f"<tr>{''.join(f'<{tag}>{_inline(text, first, last, marks)}</{tag}>' for first, last in cells)}</tr>"


def _inline(text: str, start: int, end: int, marks: Sequence[Mark]) -> str:
    """The text between two offsets, cut at every edge of a mark so that tags never cross."""
    inside = [mark for mark in marks if mark.start < end and mark.end > start and mark.start < mark.end]
    edges = {start, end, *(max(mark.start, start) for mark in inside), *(min(mark.end, end) for mark in inside)}
    cuts = sorted(edges)
    pieces = pairwise(cuts)
    return "".join(_piece(text[a:b], [m.key for m in inside if m.start <= a and m.end >= b]) for a, b in pieces).strip()


def _piece(text: str, keys: Sequence[str]) -> str:
    drawn = _decorated(text)
    if not keys or not text.strip():
        return drawn
    return f'<mark data-citation="{escape(" ".join(sorted(set(keys))))}">{drawn}</mark>'


def _decorated(text: str) -> str:
    parts: list[str] = []
    at = 0
    for match in _INLINE.finditer(text):
        parts.append(escape(text[at : match.start()]))
        tag = {"bold": "strong", "code": "code", "link": "u"}[str(match.lastgroup)]
        parts.append(f"<{tag}>{escape(str(match.group(str(match.lastgroup))))}</{tag}>")
        at = match.end()
    parts.append(escape(text[at:]))
    # A mark's edge may fall between the two stars of a bold word; a lone pair says nothing to a reader.
    return "".join(parts).replace("**", "")
