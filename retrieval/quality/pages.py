"""The documents as the quality checks see them: text, passages, blocks, and sentences with their headings."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from domain.passage import Document, Passage
from retrieval.quality.findings import Place
from retrieval.sentences import sentence_spans

if TYPE_CHECKING:
    from retrieval.places import OpenBase

_READ_AT_ONCE = 500  # row numbers named in one SQL statement
_MAX_HEADING_WORDS = 14
_LIST = re.compile(r"\s*(?:[•*-]|\d{1,3}[.)])\s")
_ADDRESS = re.compile(r"\d{4,}\s*$|\d{3,}\D+\d{3,}")  # a postal code or a telephone number, not a heading
_ENDS_LIKE_TEXT = (".", "!", "?", ":", ";", ",")

Span = tuple[int, int]


class Shape(StrEnum):
    """What a block of text is; a closed choice."""

    HEADING = "heading"
    TABLE = "table"
    LIST = "list"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Page:
    """One document with its text and its passages in reading order."""

    document: Document
    text: str
    passages: tuple[Passage, ...]

    def place(self, span: Span, passage: Passage | None = None, section: Sequence[str] = ()) -> Place:
        """The piece ``text[span]`` as a place to point at."""
        document = self.document
        return Place(
            document.id,
            document.title,
            document.source,
            passage.id if passage else "",
            span,
            tuple(section) or (passage.section if passage else ()),
            self.text[slice(*span)],
        )

    def whole(self) -> Place:
        """The document itself as a place to point at."""
        return Place(self.document.id, self.document.title, self.document.source)


@dataclass(frozen=True, slots=True)
class Block:
    """A run of lines between empty lines: ``text[span]`` of the page, inside ``passage`` where one holds it."""

    shape: Shape
    span: Span
    text: str
    passage: Passage | None


def read_pages(knowledge_base: OpenBase) -> tuple[Page, ...]:
    """All documents of a knowledge base at one moment, by id."""
    passages: dict[str, list[Passage]] = {}
    with knowledge_base.snapshot() as snapshot:
        rows = snapshot.rows()
        for start in range(0, len(rows), _READ_AT_ONCE):
            for passage in snapshot.passages(rows[start : start + _READ_AT_ONCE]).values():
                passages.setdefault(passage.document_id, []).append(passage)
        found = [knowledge_base.document(document.id) for document in knowledge_base.documents()]
    return tuple(
        Page(document, text, tuple(sorted(passages.get(document.id, ()), key=lambda one: (one.span, one.id))))
        for document, text in (one for one in found if one is not None)
    )


def blocks(page: Page) -> tuple[Block, ...]:
    """The page's blocks in order; headings are told by the sections of the passages, or by how they look where
    sections were put together."""
    names = {_key(name) for passage in page.passages for name in passage.section} | {_key(page.document.title)}
    made = []
    for match in re.finditer(r"\S(?:.|\n(?!\s*\n))*", page.text):
        span = match.start(), match.start() + len(match.group().rstrip())
        passage = passage_at(page, span[0])
        text = page.text[slice(*span)]
        made.append(Block(_shape(text, span, passage, names), span, text, passage))
    return tuple(made)


def passage_at(page: Page, position: int) -> Passage | None:
    """The passage whose span holds ``position``, or None: a heading may stand between passages."""
    number = bisect_right(page.passages, position, key=lambda one: one.span[0]) - 1
    found = page.passages[number] if number >= 0 else None
    return found if found is not None and position < found.span[1] else None


def sentences(page: Page) -> tuple[Place, ...]:
    """The sentences of the page's passages with the headings above them; headings themselves are none."""
    return tuple(place for passage in page.passages for place in _of_passage(page, passage))


def in_force(pages: Iterable[Page], gone: frozenset[str]) -> tuple[Page, ...]:
    """The pages whose ids are not in ``gone``."""
    return tuple(page for page in pages if page.document.id not in gone)


def _of_passage(page: Page, passage: Passage) -> Iterator[Place]:
    start, stop = passage.span
    under: tuple[str, ...] = ()
    for first, last in sentence_spans(page.text[start:stop]):
        span = start + first, start + last
        if _is_heading_line(page, passage, span):
            under = (page.text[slice(*span)],)
            continue
        yield page.place(span, passage, (*passage.section, *under))


def _is_heading_line(page: Page, passage: Passage, span: Span) -> bool:
    """Whether this line of a passage that holds several sections is one of their headings."""
    text = page.text
    alone = text[max(0, span[0] - 2) : span[0]] in ("", "\n\n") and text[span[1] : span[1] + 2] == "\n\n"
    return alone and span[1] < passage.span[1] and _looks_like_heading(text[slice(*span)])


def _shape(text: str, span: Span, passage: Passage | None, names: set[str]) -> Shape:
    lines = text.split("\n")
    if len(lines) == 1 and _key(text) in names:
        return Shape.HEADING
    if len(lines) == 1 and (passage is None or _begins_sections(text, span, passage)) and _looks_like_heading(text):
        return Shape.HEADING
    if text.startswith("|") or all(" | " in line for line in lines):
        return Shape.TABLE
    return Shape.LIST if _LIST.match(text) else Shape.TEXT


def _begins_sections(text: str, span: Span, passage: Passage) -> bool:
    """Only passages made of several sections, or of a heading alone, hold headings: those begin with one."""
    first = passage.text.split("\n\n", 1)[0]
    return passage.text == text or (span[0] >= passage.span[0] and _looks_like_heading(first))


def _looks_like_heading(text: str) -> bool:
    words = text.split()
    return (
        0 < len(words) <= _MAX_HEADING_WORDS
        and "\n" not in text
        and " | " not in text
        and not text.endswith(_ENDS_LIKE_TEXT)
        and not _LIST.match(text)
        and not text[0].islower()
        and not _ADDRESS.search(text)
    )


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()
