"""The words of an answer as HTML: paragraphs and lists, cited sentences with their markers, links that are safe.

An answer may be quoted from a document word for word, so it is untrusted text with a little Markdown in it.
Everything is escaped; of links only http and https addresses become links, and telephone numbers can be tapped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby, pairwise

from domain.answer import Citation
from domain.conversation import Turn
from web.sources import usable_citations
from web.texts import Texts
from web.view import attribute

# A line break that only wraps the source's lines: none beside an empty line or before a list item.
_SOFT_BREAK = re.compile(r"(?<!\n)\n(?!\n|\s*[-*•|]|\s*\d{1,3}[.)]\s)")
_ITEM = re.compile(r"\s*(?:[-*•]|(?P<number>\d{1,3})[.)])\s+")
_SENTENCE_ENDS = ".!?。！？"
_INLINE = re.compile(
    r"\*\*(?P<bold>[^*]+)\*\*|`(?P<code>[^`]+)`"
    r"|!?\[(?P<words>[^\[\]]+)\]\((?P<target>[^()\s]*)\)"
    r"|(?P<url>https?://[^\s<>\"'()\[\]]+)"
    r"|(?<![\w.,£€$+-])(?P<phone>(?:\+\d{1,3} \(?|0|1[89]00 )\d{2,4}\)?(?: \d{3,4}){1,2})(?![\w-])"
)
_AFTER_ADDRESS = ".,;:!?…"  # belongs to the sentence, not to the address at its end


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A cited stretch of the answer with its citations by their place in ``Answer.citations``."""

    start: int
    end: int
    citations: Mapping[int, Citation]


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of the answer without what makes it an item; ``kind`` is the tag of the list it belongs to, or ``p``."""

    start: int
    end: int
    kind: str = "p"
    number: int = 0


def cited_text(turn: Turn, texts: Texts) -> str:
    """The answer as escaped HTML blocks, each cited sentence in a span of its own and followed by its markers."""
    text = _SOFT_BREAK.sub(" ", turn.answer.text)  # one character for one: the spans still hold
    sentences = list(_sentences(usable_citations(turn)))
    headings = {retrieved.passage.id: retrieved.passage.heading for retrieved in turn.evidence}
    lines = list(_lines(text))
    last_lines = {one.start: _last_line(one, lines) for one in sentences}

    def drawn(line: _Line) -> str:
        parts = []
        for start, end in _pieces(line, sentences):
            inside = next((one for one in sentences if one.start <= start and end <= one.end), None)
            ends = inside is not None and last_lines[inside.start] is line and end == min(inside.end, line.end)
            markers = _markers(inside.citations, headings, texts) if inside and ends else ""
            parts.append(_piece(text[start:end], inside, markers))
        return "".join(parts)

    return "".join(
        _block(kind, [(line, drawn(line)) for line in group]) for kind, group in groupby(lines, lambda line: line.kind)
    )


def linked(text: str) -> str:
    """One line of untrusted text: bold and code drawn, addresses and telephone numbers as links."""
    parts: list[str] = []
    at = 0
    for match in _INLINE.finditer(text):
        parts += [escape(text[at : match.start()]), _inline(match)]
        at = match.end()
    # A sentence's edge may fall between the two stars of a bold word; a lone pair says nothing to a reader.
    return "".join([*parts, escape(text[at:])]).replace("**", "")


def _inline(match: re.Match[str]) -> str:
    found = {name: value for name, value in match.groupdict().items() if value is not None}
    match found:
        case {"bold": words}:
            return f"<strong>{escape(words)}</strong>"
        case {"code": words}:
            return f"<code>{escape(words)}</code>"
        case {"words": words, "target": target}:
            return _link(target, words) if target.startswith(("http://", "https://")) else escape(words)
        case {"url": url}:
            address = url.rstrip(_AFTER_ADDRESS)
            return _link(address, address) + escape(url[len(address) :])
        case _:
            digits = re.sub(r"[^\d+]", "", found["phone"])
            return f'<a class="phone" href="tel:{digits}">{escape(found["phone"])}</a>'


def _link(address: str, words: str) -> str:
    return f'<a class="link" target="_blank" rel="noopener noreferrer" {attribute("href", address)}>{escape(words)}</a>'


def _sentences(citations: Mapping[int, Citation]) -> Iterator[_Sentence]:
    groups: dict[tuple[int, int], dict[int, Citation]] = {}
    for n, citation in citations.items():
        groups.setdefault(citation.sentence, {})[n] = citation
    at = 0
    for (start, end), group in sorted(groups.items()):
        start, end = max(start, at), max(end, at)  # of two that overlap, the second begins where the first ended
        if start < end:
            yield _Sentence(start, end, group)
        at = end


def _lines(text: str) -> Iterator[_Line]:
    for match in re.finditer(r"[^\n]*\S[^\n]*", text):
        start, end = match.span()
        item = _ITEM.match(text, start, end)
        if item is None:
            yield _Line(start, end)
        else:
            number = item["number"]
            yield _Line(item.end(), end, "ol" if number else "ul", int(number or 0))


def _last_line(sentence: _Sentence, lines: Sequence[_Line]) -> _Line | None:
    touched = [line for line in lines if line.start < sentence.end and line.end > sentence.start]
    return touched[-1] if touched else None


def _pieces(line: _Line, sentences: Sequence[_Sentence]) -> Iterator[tuple[int, int]]:
    """The line cut at every edge of a sentence."""
    edges = {edge for one in sentences for edge in (one.start, one.end) if line.start < edge < line.end}
    return pairwise(sorted({line.start, line.end, *edges}))


def _piece(text: str, sentence: _Sentence | None, markers: str) -> str:
    if sentence is None:
        return linked(text)
    keys = " ".join(map(str, sentence.citations))
    if not markers:
        return f'<span class="sentence" data-citation="{keys}">{linked(text)}</span>'
    text = text.rstrip()
    stop = len(text) - 1 if text[-1:] and text[-1] in _SENTENCE_ENDS else len(text)
    return (
        f'<span class="sentence" data-citation="{keys}">{linked(text[:stop])}'
        f'<span class="markers">{markers}{escape(text[stop:])}</span></span>'
    )


def _block(kind: str, lines: Sequence[tuple[_Line, str]]) -> str:
    if kind == "p":
        return "".join(f"<p>{html}</p>" for _, html in lines)
    values = (f' value="{line.number}"' if kind == "ol" else "" for line, _ in lines)
    items = "".join(f"<li{value}>{html}</li>" for value, (_, html) in zip(values, lines, strict=True))
    return f"<{kind}>{items}</{kind}>"


def _markers(citations: Mapping[int, Citation], headings: Mapping[str, str], texts: Texts) -> str:
    numbers = sorted({citation.marker for citation in citations.values()})
    return "".join(_marker(number, citations, headings, texts) for number in numbers)


def _marker(marker: int, group: Mapping[int, Citation], headings: Mapping[str, str], texts: Texts) -> str:
    mine = {n: citation for n, citation in group.items() if citation.marker == marker}
    heading = headings[next(iter(mine.values())).passage_id]
    label = texts.show_source.format(number=marker, heading=heading)
    return (
        f'\u202f<button class="cite" data-show="{marker}" data-citation="{" ".join(map(str, mine))}" '
        f"{attribute('aria-label', label)}>[{marker}]</button>"
    )
