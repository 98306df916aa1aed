"""Cutting a document into passages: small enough to be one answer's evidence, large enough to make sense alone."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from domain.errors import Misconfigured
from domain.passage import Passage
from retrieval.readers.parsed import Block, BlockKind, ParsedDocument
from retrieval.sentences import sentence_spans

CHUNKING_VERSION = "1"
"""Changed whenever the same document would be cut or read differently, so that an index notices."""

_TINY_SECTION_WORDS = 25
"""A passage below this rarely answers anything on its own: two or three short sentences."""

_MAX_SLUG_CHARACTERS = 48

Span = tuple[int, int]


def chunk(parsed: ParsedDocument, *, target_words: int = 110, max_words: int = 180) -> tuple[Passage, ...]:
    """The passages of a document, in reading order; every block's text is in exactly one of them.

    Passages hold whole blocks of one section, evenly filled to about ``target_words`` and never above
    ``max_words`` (words between white space). A longer block is cut between sentences, items or rows; a line that
    ends with a colon stays with what follows. A section of fewer than 25 words is put together with its next
    sibling where both fit: ``section`` is then their parent and both heading lines are part of the text.

    ``text`` is ``parsed.text[span]``, with one exception: where a table is cut, its header line is put in front of
    each later part, ``span`` covers the rows alone, and the passage's metadata holds ``table_header``. Ids are
    ``<document id>#<section>-<n>``, or ``#<n>`` outside any section, so that a change in one section leaves the
    ids of the others as they were.

    Raises ``Misconfigured`` unless 1 <= ``target_words`` <= ``max_words``.
    """
    if not 1 <= target_words <= max_words:
        raise Misconfigured(
            f"target_words is {target_words} and max_words {max_words}; choose 1 <= target_words <= max_words."
        )
    numbers: Counter[str] = Counter()
    passages: list[Passage] = []
    for section in _merge_tiny(_sections(parsed), parsed.text, max_words):
        slug = _slug(section.path)
        for run in _pack(_pieces(section, parsed.text, max_words), target_words, max_words):
            numbers[slug] += 1
            passages.append(_passage(parsed, section, run, f"{slug}-{numbers[slug]}" if slug else f"{numbers[slug]}"))
    return tuple(passages)


@dataclass(slots=True)
class _Section:
    """Blocks under one heading. ``whole``: several sections made one, never cut."""

    path: tuple[str, ...]
    heading: Block | None = None
    blocks: list[Block] = field(default_factory=list)
    whole: bool = False

    @property
    def span(self) -> Span:
        """From the heading to the last block."""
        parts = [*([self.heading] if self.heading else []), *self.blocks]
        return parts[0].span[0], parts[-1].span[1]


@dataclass(frozen=True, slots=True)
class _Piece:
    """What is never cut. ``glued``: it stays with the next; ``header``: repeated if a passage starts here."""

    span: Span
    words: int
    glued: bool = False
    header: str = ""


def _sections(parsed: ParsedDocument) -> list[_Section]:
    sections: list[_Section] = []
    for block in parsed.blocks:
        if block.kind is BlockKind.HEADING:
            sections.append(_Section(block.section, heading=block))
            continue
        if not sections or sections[-1].path != block.section:
            sections.append(_Section(block.section))
        sections[-1].blocks.append(block)
    following = zip_longest(sections, sections[1:])
    return [one for one, after in following if one.blocks or not _is_named_elsewhere(one, after)]


def _is_named_elsewhere(section: _Section, after: _Section | None) -> bool:
    """Whether a heading without text of its own is nevertheless kept: as the title, or in its children's path."""
    return not section.path or (after is not None and after.path[: len(section.path)] == section.path)


def _merge_tiny(sections: Sequence[_Section], text: str, max_words: int) -> Iterator[_Section]:
    pending: _Section | None = None
    for section in sections:
        if pending is None:
            pending = section
        elif _fit_together(pending, section, text, max_words):
            pending = _together(pending, section)
        else:
            yield _settled(pending)
            pending = section
    if pending is not None:
        yield _settled(pending)


def _fit_together(first: _Section, second: _Section, text: str, max_words: int) -> bool:
    if first.heading is None or second.heading is None:  # a PDF's pages stay apart: a quote must name its page
        return False
    parent = first.path if first.whole else first.path[:-1]
    siblings = bool(second.path) and second.path[:-1] == parent and bool(first.path or first.whole)
    if not siblings or sum(_words(text, block.span) for block in first.blocks) >= _TINY_SECTION_WORDS:
        return False
    return _words(text, (first.span[0], second.span[1])) <= max_words


def _together(first: _Section, second: _Section) -> _Section:
    assert second.heading is not None
    parent = first.path if first.whole else first.path[:-1]
    return _Section(parent, first.heading, [*first.blocks, second.heading, *second.blocks], whole=True)


def _settled(section: _Section) -> _Section:
    """A heading with nothing under it is a passage of its own, in the section above."""
    if section.blocks or section.heading is None:
        return section
    return _Section(section.path[:-1], section.heading, whole=True)


def _pieces(section: _Section, text: str, max_words: int) -> list[_Piece]:
    if section.whole:
        return [_Piece(section.span, _words(text, section.span))]
    pieces: list[_Piece] = []
    for group in _with_lead_in(section.blocks, text):
        span = group[0].span[0], group[-1].span[1]
        words = _words(text, span)
        if words <= max_words:
            pieces.append(_Piece(span, words))
        else:
            pieces.extend(piece for block in group for piece in _cut(block, text, max_words))
    return pieces


def _with_lead_in(blocks: Sequence[Block], text: str) -> Iterator[list[Block]]:
    """Blocks, a paragraph that ends with a colon together with the one it introduces."""
    group: list[Block] = []
    for block in blocks:
        group.append(block)
        if text[block.span[1] - 1] != ":":
            yield group
            group = []
    if group:
        yield group


def _cut(block: Block, text: str, max_words: int) -> Iterator[_Piece]:
    spans = _line_spans(text, block.span) if block.kind is not BlockKind.PARAGRAPH else _sentences(text, block.span)
    header = ""
    if 0 < block.header_rows < len(spans):
        lines = text[spans[0][0] : spans[block.header_rows - 1][1]]
        header = lines if len(lines.split()) <= max_words // 3 else ""  # a longer one would crowd out its rows
    for n, span in enumerate(spans):
        is_header = bool(header) and n < block.header_rows
        repeated = header if header and n > block.header_rows else ""
        glued = is_header or text[span[1] - 1] == ":"
        room = max_words - len(header.split())
        for part in _hard_cut(text, span, max(1, room)):
            yield _Piece(part, _words(text, part), glued, repeated)


def _sentences(text: str, span: Span) -> list[Span]:
    return [(span[0] + start, span[0] + end) for start, end in sentence_spans(text[slice(*span)])]


def _line_spans(text: str, span: Span) -> list[Span]:
    lines = re.finditer(r"[^\n]*\S[^\n]*", text[slice(*span)])
    return [(span[0] + line.start(), span[0] + line.end()) for line in lines]


def _hard_cut(text: str, span: Span, max_words: int) -> list[Span]:
    """A sentence longer than any passage may be, cut between words."""
    words = [match.span() for match in re.finditer(r"\S+", text[slice(*span)])]
    if len(words) <= max_words:
        return [span]
    runs = (words[n : n + max_words] for n in range(0, len(words), max_words))
    return [(span[0] + run[0][0], span[0] + run[-1][1]) for run in runs]


def _pack(pieces: Sequence[_Piece], target_words: int, max_words: int) -> Iterator[list[_Piece]]:
    """Consecutive pieces in runs of about equal size: no short rest is left over at the end."""
    total = sum(piece.words for piece in pieces)
    aim = total / max(1, round(total / target_words))
    run: list[_Piece] = []
    words = 0
    for piece in pieces:
        full = words + piece.words / 2 > aim and not (run and run[-1].glued)
        if run and (full or words + piece.words > max_words):
            yield run
            run, words = [], len(piece.header.split())
        run.append(piece)
        words += piece.words
    if run:
        yield run


def _passage(parsed: ParsedDocument, section: _Section, run: Sequence[_Piece], name: str) -> Passage:
    document = parsed.document
    span = run[0].span[0], run[-1].span[1]
    text, metadata, header = parsed.text[slice(*span)], dict(document.metadata), run[0].header
    if header:
        text = f"{header}\n{text}"
        metadata["table_header"] = header
    return Passage(
        id=f"{document.id}#{name}",
        document_id=document.id,
        title=document.title,
        text=text,
        source=document.source,
        span=span,
        section=section.path,
        metadata=metadata,
    )


def _words(text: str, span: Span) -> int:
    return len(text[slice(*span)].split())


def _slug(path: Sequence[str]) -> str:
    """The innermost section as part of an id: lower case, words joined by hyphens."""
    name = re.sub(r"[\W_]+", "-", path[-1].casefold()) if path else ""
    return name[:_MAX_SLUG_CHARACTERS].strip("-")
