"""What every reader gives: the readable text of a document and the blocks it is made of."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from domain.passage import Document


class BlockKind(StrEnum):
    """What a block is; a closed choice."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LIST = "list"
    TABLE = "table"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a document's text: ``text[span[0]:span[1]]`` (character offsets, end exclusive).

    ``level`` is 1..6 for headings and 0 otherwise. ``section`` names the headings the block stands under,
    outermost first, without the document's title; a heading's own name is the last of its section. The lines of
    a list are its items, those of a table its rows, of which the first ``header_rows`` are column names.
    """

    kind: BlockKind
    span: tuple[int, int]
    level: int = 0
    section: tuple[str, ...] = ()
    header_rows: int = 0


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A document as read: ``text`` is what the viewer shows, ``blocks`` cover it in order without overlap."""

    document: Document
    text: str
    blocks: tuple[Block, ...]


class TextBuilder:
    """Lays blocks out one below the other, an empty line between them, and keeps their spans and sections."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._blocks: list[Block] = []
        self._length = 0
        self._stack: list[tuple[int, str]] = []

    @property
    def first_heading(self) -> str:
        """The text of the first heading, or nothing."""
        first = next((n for n, block in enumerate(self._blocks) if block.kind is BlockKind.HEADING), None)
        return "" if first is None else self._parts[first]

    @property
    def level(self) -> int:
        """The level of the innermost open heading; 0 where none is open."""
        return self._stack[-1][0] if self._stack else 0

    def heading(self, text: str, level: int) -> None:
        """Open a section: headings of the same or a deeper level are closed first. An empty heading is dropped."""
        name = one_line(text)
        if name:
            self.place(name, level)
            self.add(BlockKind.HEADING, name, level=level)

    def place(self, name: str, level: int) -> None:
        """Open a section whose name does not appear in the text (a PDF's page)."""
        self._stack = [entry for entry in self._stack if entry[0] < level]
        self._stack.append((level, name))

    def add(self, kind: BlockKind, text: str, *, level: int = 0, header_rows: int = 0) -> None:
        """Append a block; a block without text is dropped."""
        text = text.strip("\n") if kind is BlockKind.CODE else text.strip()
        if not text.strip():
            return
        start = self._length + (2 if self._parts else 0)
        section = tuple(name for _, name in self._stack)
        self._blocks.append(Block(kind, (start, start + len(text)), level, section, header_rows))
        self._parts.append(text)
        self._length = start + len(text)

    def finish(self, document: Document) -> ParsedDocument:
        """The document; its title is taken off the front of every section, where it would only be repeated."""
        title = _key(document.title)
        blocks = [
            replace(block, section=block.section[1:]) if block.section and _key(block.section[0]) == title else block
            for block in self._blocks
        ]
        return ParsedDocument(document, "\n\n".join(self._parts), tuple(blocks))


def one_line(text: str) -> str:
    """``text`` with every run of white space as one space."""
    return " ".join(text.split())


def table_text(rows: Sequence[Sequence[str]]) -> str:
    """Rows as lines, cells divided by `` | ``; rows without any text are left out."""
    lines = (" | ".join(one_line(cell) for cell in row) for row in rows)
    return "\n".join(line for line in lines if line.strip(" |"))


def link_text(label: str, target: str) -> str:
    """A link as plain text: its label, and the address where it says more than the label does.

    Only addresses that mean something outside the document are shown: web, mail and telephone. A link to a
    neighbouring file or an anchor is its label alone.
    """
    shown = re.sub(r"^(?:mailto|tel):", "", target.strip(), flags=re.IGNORECASE)
    if not re.match(r"(?:https?://|mailto:|tel:)\S", target.strip(), flags=re.IGNORECASE):
        return label
    bare = re.sub(r"^https?://(?:www\.)?|/$", "", shown)
    if not label.strip():
        return shown
    digits = re.sub(r"\D", "", shown)
    same = bare in label or (target.lower().startswith("tel:") and digits in re.sub(r"\D", "", label))
    return label if same else f"{label} ({shown})"


def _key(name: str) -> str:
    return re.sub(r"\W+", " ", name).strip().casefold()
