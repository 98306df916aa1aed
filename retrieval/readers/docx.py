"""Word documents: headings, paragraphs, lists and tables, in the order of the page."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import PurePosixPath
from typing import Any

import docx
from docx.oxml.ns import qn
from docx.table import Table
from docx.text.paragraph import Paragraph

from domain.errors import DocumentRejected
from domain.passage import Document
from retrieval.readers.files import Origin, read_bytes
from retrieval.readers.parsed import BlockKind, ParsedDocument, TextBuilder, one_line, table_text

MAX_UNPACKED_BYTES = 200 * 1024 * 1024
"""What a DOCX may unpack to; a few kilobytes can be made to unpack to gigabytes."""

MAX_XML_BYTES = 64 * 1024 * 1024
"""What its text may unpack to, without the pictures: a parsed tree takes ten times as much memory."""

MAX_PARTS = 10_000
MAX_COLUMNS = 1000
"""Word itself stops at 63; a cell may claim to span billions, and each of them would be gone through."""

_SPANS = tuple(qn(name) for name in ("w:gridSpan", "w:gridBefore", "w:gridAfter"))

_OLE_MAGIC = b"\xd0\xcf\x11\xe0"
_HEADING_STYLE = re.compile(r"heading (\d)", re.IGNORECASE)


def read(origin: Origin) -> Iterator[ParsedDocument]:
    """One document a file. Headers, footers, comments and pictures are not read."""
    data = read_bytes(origin)
    _check_container(data, origin.source)
    builder = TextBuilder()
    try:
        document = docx.Document(BytesIO(data))
        _check_columns(document, origin.source)
        _render(document, builder)
    except (MemoryError, DocumentRejected):
        raise
    except Exception as error:  # a damaged file can fail anywhere inside the parser, with any exception
        raise damaged(origin.source) from error
    title = builder.first_heading or PurePosixPath(origin.relative).stem
    yield builder.finish(Document(origin.relative, title, origin.source))


def _check_container(data: bytes, source: str) -> None:
    if data.startswith(_OLE_MAGIC):
        raise DocumentRejected(
            f"“{source}” is protected by a password or an old .doc file; save it as a .docx without protection."
        )
    try:
        with zipfile.ZipFile(BytesIO(data)) as container:
            entries = container.infolist()
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise damaged(source) from error
    if len(entries) > MAX_PARTS:
        raise DocumentRejected(f"“{source}” has {len(entries)} parts, more than the {MAX_PARTS} allowed; split it.")
    text = [entry for entry in entries if entry.filename.lower().endswith((".xml", ".rels"))]
    for what, found, most in (("", entries, MAX_UNPACKED_BYTES), (" of text", text, MAX_XML_BYTES)):
        unpacked = sum(entry.file_size for entry in found)
        if unpacked > most:
            raise DocumentRejected(
                f"“{source}” unpacks to {unpacked / 2**20:.0f} MiB{what}, more than the {most / 2**20:.0f} MiB "
                "allowed; take out pictures or split it."
            )


def _check_columns(document: Any, source: str) -> None:
    for element in document.element.body.iter(*_SPANS):
        claimed = str(element.get(qn("w:val"), "1"))
        if not claimed.isdigit() or int(claimed[:10]) > MAX_COLUMNS:
            raise DocumentRejected(
                f"“{source}” has a table cell that spans {claimed[:20]} columns; mend the table in Word and save it."
            )


def damaged(source: str) -> DocumentRejected:
    return DocumentRejected(f"“{source}” is damaged or not a Word document; open it in Word and save it again.")


def _render(document: Any, builder: TextBuilder) -> None:
    items: list[str] = []
    for block in document.iter_inner_content():
        if isinstance(block, Paragraph) and _is_list_item(block):
            items.append(f"{'  ' * _depth(block)}• {one_line(block.text)}")
            continue
        builder.add(BlockKind.LIST, "\n".join(items))
        items = []
        if isinstance(block, Table):
            builder.add(BlockKind.TABLE, table_text(list(_rows(block))), header_rows=1)
        elif level := _heading_level(block):
            builder.heading(block.text, level)
        else:
            builder.add(BlockKind.PARAGRAPH, block.text)
    builder.add(BlockKind.LIST, "\n".join(items))


def _style_name(paragraph: Any) -> str:
    return str(getattr(paragraph.style, "name", "") or "")


def _heading_level(paragraph: Any) -> int:
    """1..6, or 0 for running text. The title stands above every heading and counts as one of level 1."""
    name = _style_name(paragraph)
    match = _HEADING_STYLE.match(name)
    if match:
        return max(1, min(int(match.group(1)), 6))
    return 1 if name.lower() == "title" else 0


def _is_list_item(paragraph: Any) -> bool:
    if not paragraph.text.strip() or _heading_level(paragraph):
        return False
    properties = paragraph._p.pPr
    numbered = properties is not None and properties.numPr is not None
    return numbered or _style_name(paragraph).lower().startswith("list ")


def _depth(paragraph: Any) -> int:
    """How deep the item is nested, from 0: by its own numbering, else by its style (``List Bullet 2``)."""
    properties = paragraph._p.pPr
    numbering = properties.numPr if properties is not None else None
    if numbering is not None and numbering.ilvl is not None:
        return min(int(numbering.ilvl.val), 5)
    digit = _style_name(paragraph)[-1:]
    return int(digit) - 1 if digit.isdigit() and digit != "0" else 0


def _rows(table: Any) -> Iterator[list[str]]:
    for row in table.rows:
        cells: dict[int, str] = {}  # a merged cell comes once for each column it covers
        for cell in row.cells:
            cells[id(cell._tc)] = cell.text
        yield list(cells.values())
