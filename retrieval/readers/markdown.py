"""Markdown: rendered as plain text, so that what is quoted to people holds no Markdown syntax."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from bs4 import BeautifulSoup
from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from domain.passage import Document
from retrieval.readers.files import Origin, read_text
from retrieval.readers.front_matter import split_front_matter
from retrieval.readers.parsed import BlockKind, ParsedDocument, TextBuilder, link_text, table_text

_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])

_UNWRAPPED_CHARACTERS = 200
"""No editor wraps lines this late: a file with a longer line breaks its lines on purpose."""

_MAX_CAPTION_CHARACTERS = 200


def read(origin: Origin) -> Iterator[ParsedDocument]:
    """One document a file; front matter gives id, title and metadata."""
    front, body = split_front_matter(read_text(origin), origin.source)
    builder = TextBuilder()
    _Renderer(builder, unwrapped=any(len(line) > _UNWRAPPED_CHARACTERS for line in body.split("\n"))).render(body)
    yield builder.finish(document_from_front_matter(front, origin, builder.first_heading))


def document_from_front_matter(front: Mapping[str, str], origin: Origin, first_heading: str) -> Document:
    """The document's identity: front matter first, then the first heading, then the file's name and path."""
    title = front.get("title") or first_heading or PurePosixPath(origin.relative).stem
    metadata = {key: value for key, value in front.items() if key not in {"id", "title"}}
    return Document(front.get("id") or origin.relative, title, origin.source, metadata)


class _Renderer:
    def __init__(self, builder: TextBuilder, *, unwrapped: bool) -> None:
        self._builder = builder
        self._unwrapped = unwrapped
        self._explicit_level = 0

    def render(self, source: str) -> None:
        self._blocks(SyntaxTreeNode(_PARSER.parse(source)))

    def _blocks(self, node: SyntaxTreeNode) -> None:
        for child in node.children:
            self._block(child)

    def _block(self, node: SyntaxTreeNode) -> None:
        builder = self._builder
        match node.type:
            case "heading":
                self._explicit_level = int(node.tag[1])
                builder.heading(self._inline(node), self._explicit_level)
            case "paragraph":
                self._paragraph(node)
            case "bullet_list" | "ordered_list":
                builder.add(BlockKind.LIST, "\n".join(self._items(node, 0)))
            case "table":
                builder.add(BlockKind.TABLE, table_text(self._rows(node)), header_rows=1)
            case "fence" | "code_block":
                builder.add(BlockKind.CODE, node.content)
            case "html_block":
                builder.add(BlockKind.PARAGRAPH, _strip_tags(node.content))
            case "blockquote":
                self._blocks(node)

    def _paragraph(self, node: SyntaxTreeNode) -> None:
        text = self._inline(node)
        caption, _, rest = text.partition("\n")
        if self._unwrapped and _is_caption(caption.strip(), rest.strip()):
            self._builder.heading(caption, min(self._explicit_level + 1, 6))
            text = rest
        self._builder.add(BlockKind.PARAGRAPH, text)

    def _items(self, node: SyntaxTreeNode, depth: int) -> Iterator[str]:
        number = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else None
        for item in node.children:
            marker = "•" if number is None else f"{number}."
            number = None if number is None else number + 1
            lead = "  " * depth + marker
            for child in item.children:
                if child.type in {"bullet_list", "ordered_list"}:
                    yield from self._items(child, depth + 1)
                    continue
                for line in self._plain(child).split("\n"):
                    yield f"{lead} {line.strip()}"
                    lead = "  " * (depth + 1)

    def _plain(self, node: SyntaxTreeNode) -> str:
        """Whatever stands inside a list item, as text."""
        if node.type == "table":
            return table_text(self._rows(node))
        if node.type in {"fence", "code_block", "html_block"}:
            return node.content.strip()
        if any(child.type == "inline" for child in node.children):
            return self._inline(node)
        return "\n".join(self._plain(child) for child in node.children)

    def _rows(self, table: SyntaxTreeNode) -> list[list[str]]:
        return [[self._inline(cell) for cell in row.children] for part in table.children for row in part.children]

    def _inline(self, node: SyntaxTreeNode) -> str:
        lines = "".join(self._span(child) for child in node.children).split("\n")
        return "\n".join(" ".join(line.split()) for line in lines).strip()

    def _span(self, node: SyntaxTreeNode) -> str:
        match node.type:
            case "text" | "code_inline":
                return node.content
            case "softbreak":
                return "\n" if self._unwrapped else " "
            case "hardbreak":
                return "\n"
            case "image":
                return node.content
            case "html_inline":
                return "\n" if node.content.lower().startswith("<br") else ""
            case "link":
                label = "".join(self._span(child) for child in node.children)
                return link_text(label, str(node.attrs.get("href", "")))
        return "".join(self._span(child) for child in node.children)


def _is_caption(first: str, rest: str) -> bool:
    """Whether the first of two lines is a heading in all but markup: short, unfinished, and what it names follows.

    Pages saved from the web as text look like this, and their sections would otherwise be lost.
    """
    if not rest or "\n" in rest or len(first) > _MAX_CAPTION_CHARACTERS or len(first) >= len(rest):
        return False
    return first[-1:] not in ".,;:!" and not first[:1].islower()


def _strip_tags(html: str) -> str:
    return BeautifulSoup(html, "html.parser").get_text(" ", strip=True)
