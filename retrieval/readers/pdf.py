"""PDF files: the text layer, page by page. Pictures of text are not read; such files are rejected."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import PurePosixPath

from pypdf import PdfReader
from pypdf.errors import DependencyError, FileNotDecryptedError

from domain.errors import DocumentRejected
from domain.passage import Document
from retrieval.readers.files import Origin, read_bytes
from retrieval.readers.parsed import BlockKind, ParsedDocument, TextBuilder, one_line

_MIN_LETTERS = 20
"""Fewer letters than this in a whole file: there is no text layer, at most a stamp or a page number."""

_LIST_ITEM = re.compile(r"\s*(?:[-•–◦‣▪●]|\(?\d{1,2}[.)])\s+\S")
_USELESS_TITLE = re.compile(r"untitled|microsoft (?:word|powerpoint)|\.(?:docx?|indd|pdf)$", re.IGNORECASE)


def read(origin: Origin) -> Iterator[ParsedDocument]:
    """One document a file; each page is a section named ``page N`` (from 1)."""
    pages, title = _extract(read_bytes(origin), origin.source)
    if sum(character.isalpha() for page in pages for character in page) < _MIN_LETTERS:
        raise DocumentRejected(
            f"“{origin.source}” holds no text, only pictures of pages; run it through text recognition (OCR) first."
        )
    builder = TextBuilder()
    for number, lines in enumerate(_without_running_lines([page.splitlines() for page in pages]), start=1):
        builder.place(f"page {number}", 1)
        for kind, text in _blocks(lines):
            builder.add(kind, text)
    yield builder.finish(Document(origin.relative, title or PurePosixPath(origin.relative).stem, origin.source))


def _extract(data: bytes, source: str) -> tuple[list[str], str]:
    """The text of each page, and the title the file gives itself where that is one."""
    locked = f"“{source}” is protected by a password; save a copy without protection."
    try:
        pdf = PdfReader(BytesIO(data))
        if pdf.is_encrypted and not pdf.decrypt(""):
            raise DocumentRejected(locked)
        title = one_line(str((pdf.metadata and pdf.metadata.title) or ""))
        return [page.extract_text() for page in pdf.pages], "" if _USELESS_TITLE.search(title) else title
    except DocumentRejected:
        raise
    except (FileNotDecryptedError, DependencyError) as error:
        raise DocumentRejected(locked) from error
    except MemoryError:
        raise
    except Exception as error:  # a damaged file can fail anywhere inside the parser, with any exception
        raise DocumentRejected(f"“{source}” is damaged or not a PDF; open it in a viewer and save it again.") from error


def _without_running_lines(pages: Sequence[list[str]]) -> list[list[str]]:
    """Pages without the headers and footers that come back on most of them, page numbers aside."""
    edges = Counter(key for page in pages for key in {_running_key(line) for line in _edge_lines(page)})
    often = max(3, math.ceil(0.6 * len(pages)))
    running = {key for key, count in edges.items() if count >= often}
    kept = []
    for page in pages:
        edge = set(map(id, _edge_lines(page)))
        kept.append([line for line in page if id(line) not in edge or _running_key(line) not in running])
    return kept


def _edge_lines(page: Sequence[str]) -> list[str]:
    lines = [line for line in page if line.strip()]
    return lines if len(lines) <= 4 else [*lines[:2], *lines[-2:]]


def _running_key(line: str) -> str:
    return re.sub(r"\d+", "#", one_line(line))


def _blocks(lines: Sequence[str]) -> Iterator[tuple[BlockKind, str]]:
    """Paragraphs and lists of one page, lines joined where the typesetter broke them."""
    widths = sorted(len(line) for line in lines if line.strip())
    full_width = widths[int(0.9 * (len(widths) - 1))] if widths else 0
    current: list[str] = []
    previous = ""
    for line in map(str.strip, lines):
        if current and (not line or _starts_block(line, current, previous, full_width)):
            yield _finished(current)
            current = []
        if line:
            _append(current, line)
        previous = line
    if current:
        yield _finished(current)


def _starts_block(line: str, current: Sequence[str], previous: str, full_width: int) -> bool:
    if _LIST_ITEM.match(line):
        return not _is_list(current)
    # A line that stops well short of the measure after a full stop is the last of its paragraph.
    return len(previous) < 0.8 * full_width and previous[-1:] in ".!?:"


def _is_list(current: Sequence[str]) -> bool:
    return bool(current) and bool(_LIST_ITEM.match(current[0]))


def _append(current: list[str], line: str) -> None:
    if not current or _LIST_ITEM.match(line):
        current.append(line)
    elif re.search(r"[a-z]-$", current[-1]) and line[:1].islower():
        current[-1] = current[-1][:-1] + line
    else:
        current[-1] = f"{current[-1]} {line}"


def _finished(lines: Sequence[str]) -> tuple[BlockKind, str]:
    kind = BlockKind.LIST if _is_list(lines) else BlockKind.PARAGRAPH
    return kind, "\n".join(one_line(line) for line in lines)
