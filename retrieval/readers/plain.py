"""Plain text: paragraphs are what empty lines divide; bulleted lines are lists; underlined lines are headings."""

from __future__ import annotations

import re
from collections.abc import Iterator

from retrieval.readers.files import Origin, read_text
from retrieval.readers.front_matter import split_front_matter
from retrieval.readers.markdown import document_from_front_matter
from retrieval.readers.parsed import BlockKind, ParsedDocument, TextBuilder, one_line

_BULLET = re.compile(r"\s*([-*•–◦‣▪]|\(?\d{1,3}[.)])\s+(?=\S)")
_UNDERLINE = re.compile(r"(={3,}|-{3,})\s*$")
_WRAP_CHARACTERS = 50
"""A line shorter than this was ended on purpose and is not joined to the next one."""


def read(origin: Origin) -> Iterator[ParsedDocument]:
    """One document a file; front matter is understood here too."""
    front, body = split_front_matter(read_text(origin), origin.source)
    builder = TextBuilder()
    add_plain(builder, body)
    yield builder.finish(document_from_front_matter(front, origin, builder.first_heading))


def add_plain(builder: TextBuilder, text: str) -> None:
    """Append plain text to ``builder``, block by block."""
    for paragraph in re.split(r"\n\s*\n", text):
        lines = [line.rstrip() for line in paragraph.split("\n") if line.strip()]
        if len(lines) >= 2 and _UNDERLINE.fullmatch(lines[1]):
            builder.heading(lines[0], 1 if lines[1].startswith("=") else 2)
            lines = lines[2:]
        for kind, group in _groups(lines):
            builder.add(kind, "\n".join(group))


def _groups(lines: list[str]) -> Iterator[tuple[BlockKind, list[str]]]:
    """Runs of running text and runs of list items, each line unwrapped."""
    first_item = next((n for n, line in enumerate(lines) if _BULLET.match(line)), len(lines))
    if first_item:
        yield BlockKind.PARAGRAPH, unwrap(lines[:first_item])
    items: list[str] = []
    for line in lines[first_item:]:
        if _BULLET.match(line) or not items:
            items.append(line.rstrip())
        else:
            items[-1] = f"{items[-1]} {line.strip()}"
    if items:
        yield BlockKind.LIST, items


def unwrap(lines: list[str]) -> list[str]:
    """Lines with those an editor wrapped joined again; a word divided by a hyphen is made whole."""
    joined: list[str] = []
    previous = ""
    for line in (one_line(line) for line in lines):
        if joined and len(previous) >= _WRAP_CHARACTERS and not previous.endswith(":"):
            joined[-1] = _join(joined[-1], line)
        else:
            joined.append(line)
        previous = line
    return joined


def _join(left: str, right: str) -> str:
    if re.search(r"[a-z]-$", left) and right[:1].islower():
        return left[:-1] + right
    return f"{left} {right}"
