"""HTML pages: what a visitor reads, without navigation, scripts or anything hidden."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from bs4 import BeautifulSoup, Tag
from bs4.dammit import EncodingDetector
from bs4.element import NavigableString, PageElement, PreformattedString

from domain.errors import DocumentRejected
from domain.passage import Document
from retrieval.readers.files import Origin, decode, read_bytes
from retrieval.readers.parsed import BlockKind, ParsedDocument, TextBuilder, link_text, one_line, table_text

_UNREAD = re.compile("script|style|nav|noscript|template|svg|iframe|object|head|button|select|footer|dialog")
_HEADING = re.compile("h[1-6]")
_BLOCK = re.compile(
    "h[1-6r]|address|article|aside|blockquote|body|center|d[dlt]|details|div|fieldset|figcaption|figure|form|header|html|"
    "li|main|ol|p|pre|section|summary|table|tbody|t[dhr]|tfoot|thead|ul"
)


def read(origin: Origin) -> Iterator[ParsedDocument]:
    """One document a file. The title is the first heading, else the page's ``<title>``, else the file's name."""
    data = read_bytes(origin)
    declared = EncodingDetector.find_declared_encoding(data, is_html=True)
    soup = BeautifulSoup(decode(data, origin.source, declared), "html.parser")
    builder = TextBuilder()
    page_title = one_line(soup.title.get_text()) if soup.title else ""
    try:
        _drop_unread(soup)
        _Renderer(builder).render(soup.find("main") or soup.body or soup)
    except RecursionError as error:
        raise DocumentRejected(
            f"“{origin.source}” nests its elements too deeply to be read; save the page again from a browser."
        ) from error
    title = builder.first_heading or page_title or PurePosixPath(origin.relative).stem
    yield builder.finish(Document(origin.relative, title, origin.source))


def _drop_unread(soup: BeautifulSoup) -> None:
    """Take out what a visitor does not read; hidden text above all, which could be planted for a machine."""
    for tag in soup.find_all(_is_unread):
        tag.decompose()
    for tag in soup.find_all(_is_hidden):
        if not tag.decomposed:
            tag.decompose()


def _is_unread(tag: Tag) -> bool:
    return _UNREAD.fullmatch(tag.name) is not None


def _is_block(tag: Tag) -> bool:
    return _BLOCK.fullmatch(tag.name) is not None


def _is_hidden(tag: Tag) -> bool:
    style = str(tag.get("style", "")).replace(" ", "").lower()
    hidden_by_style = "display:none" in style or "visibility:hidden" in style
    return tag.has_attr("hidden") or tag.get("aria-hidden") == "true" or hidden_by_style


class _Renderer:
    def __init__(self, builder: TextBuilder) -> None:
        self._builder = builder
        self._line: list[str] = []

    def render(self, root: Tag) -> None:
        self._children(root)
        self._flush()

    def _children(self, node: Tag) -> None:
        for child in node.children:
            if isinstance(child, Tag) and _BLOCK.fullmatch(child.name):
                self._flush()
                self._block(child)
                self._flush()
            elif isinstance(child, Tag) and child.find(_is_block) is not None:
                self._children(child)  # an inline element (often <a>) wrapped around blocks
            else:
                self._line.append(_inline(child))

    def _block(self, tag: Tag) -> None:
        if _HEADING.fullmatch(tag.name):
            self._builder.heading(_inline(tag), int(tag.name[1]))
        elif tag.name in {"ul", "ol"}:
            self._builder.add(BlockKind.LIST, "\n".join(_items(tag, 0)))
        elif tag.name == "pre":
            self._builder.add(BlockKind.CODE, tag.get_text())
        elif tag.name == "table" and _is_data_table(tag):
            self._table(tag)
        else:
            self._children(tag)

    def _table(self, table: Tag) -> None:
        rows = [row.find_all(["th", "td"]) for row in table.find_all("tr")]
        headed = bool(rows) and bool(rows[0]) and all(cell.name == "th" for cell in rows[0])
        if table.caption:
            self._builder.add(BlockKind.PARAGRAPH, one_line(_inline(table.caption)))
        text = table_text([[_inline(cell) for cell in row] for row in rows])
        self._builder.add(BlockKind.TABLE, text, header_rows=int(headed))

    def _flush(self) -> None:
        lines = "".join(self._line).split("\n")
        self._line = []
        text = "\n".join(line for line in map(one_line, lines) if line)
        self._builder.add(BlockKind.PARAGRAPH, text)


def _items(tag: Tag, depth: int) -> Iterator[str]:
    number = int(start) if (start := str(tag.get("start", "1"))).isdigit() else 1
    for item in tag.find_all("li", recursive=False):
        marker = f"{number}." if tag.name == "ol" else "•"
        number += 1
        own = (child for child in item.children if not (isinstance(child, Tag) and child.name in {"ul", "ol"}))
        text = one_line(" ".join(_inline(child) for child in own))
        if text:
            yield f"{'  ' * depth}{marker} {text}"
        for nested in item.find_all(["ul", "ol"], recursive=False):
            yield from _items(nested, depth + 1)


def _is_data_table(table: Tag) -> bool:
    """A table that only lays out the page (one cell a row, or tables inside) is read as running text."""
    rows = table.find_all("tr")
    return table.find("table") is None and any(len(row.find_all(["td", "th"])) > 1 for row in rows)


def _inline(node: PageElement) -> str:
    """The text of an inline element: links spelt out, ``<br>`` as a line end, other white space as one space."""
    if isinstance(node, PreformattedString):  # comments, declarations
        return ""
    if isinstance(node, NavigableString):
        return " ".join(str(node).split("\n"))
    if not isinstance(node, Tag):
        return ""
    if node.name == "br":
        return "\n"
    if node.name == "img":
        return str(node.get("alt", ""))
    text = "".join(_inline(child) for child in node.children)
    if node.name == "a":
        return link_text(text, str(node.get("href", "")))
    return f" {text} " if _is_block(node) else text
