"""Links from document to document that lead nowhere. Nothing outside the folder is looked at, least of all the network.

The catalogue keeps the text that people read, where a link is its label alone, so links are read from the sources.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from bs4 import BeautifulSoup
from markdown_it import MarkdownIt
from markdown_it.token import Token

from domain.errors import Misconfigured
from retrieval.quality.findings import Finding, Kind, Place, ordered
from retrieval.quality.pages import Page

_MARKDOWN = (".md", ".markdown")
_HTML = (".html", ".htm", ".xhtml")
_DOCUMENTS = (*_MARKDOWN, *_HTML, ".txt", ".text", ".pdf", ".docx", "")  # a picture is none
_ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)
_PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
_MOST_BYTES = 5 * 1024 * 1024  # a larger page was not written by hand


@dataclass(frozen=True, slots=True)
class Link:
    """A link as written: its label, its target, and the line of the file (from 1; 0 where unknown)."""

    label: str
    target: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class SourceFile:
    """What a file says of links: those it holds, and the anchors that others may point at."""

    links: tuple[Link, ...]
    anchors: frozenset[str]


def read_sources(folder: Path) -> Mapping[str, SourceFile]:
    """The Markdown and HTML files under ``folder`` by the source that ingestion gave them (``folder/path``).

    Raises ``Misconfigured`` when there is no such folder.
    """
    if not folder.is_dir():
        raise Misconfigured(f"There is no folder “{folder}” to read links from; name the one that was ingested.")
    name = folder.resolve().name
    paths = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in (*_MARKDOWN, *_HTML))
    small = (path for path in paths if path.is_file() and path.stat().st_size <= _MOST_BYTES)
    return {f"{name}/{path.relative_to(folder).as_posix()}": read_source(path) for path in small}


def read_source(path: Path) -> SourceFile:
    """The links and anchors of one file."""
    text = path.read_text("utf-8", errors="replace")
    return _of_html(text) if path.suffix.lower() in _HTML else _of_markdown(text)


def find_broken_links(pages: Sequence[Page], files: Mapping[str, SourceFile]) -> tuple[Finding, ...]:
    """Links of documents to documents that are not in the knowledge base, and to anchors that do not exist."""
    sources = {page.document.source for page in pages}
    found = []
    for page in pages:
        file = files.get(page.document.source)
        for link in file.links if file else ():
            fault = _fault(link, page.document.source, sources, files)
            if fault is not None:
                found.append(_finding(page, link, *fault))
    return ordered(found)


def _fault(link: Link, source: str, sources: set[str], files: Mapping[str, SourceFile]) -> tuple[Kind, str] | None:
    """What is wrong with a link, and what it was to lead to; None where nothing is, or nobody here can say."""
    if _ELSEWHERE.match(link.target):
        return None
    path, _, anchor = unquote(link.target).partition("#")
    path = path.partition("?")[0]
    wanted = _resolved(path, source) if path else source
    if path and posixpath.splitext(path)[1].lower() not in _DOCUMENTS:
        return None
    if wanted not in sources:
        return Kind.BROKEN_LINK, wanted
    if anchor and wanted in files and anchor.casefold() not in files[wanted].anchors:
        return Kind.BROKEN_ANCHOR, f"{wanted}#{anchor}"
    return None


def _resolved(path: str, source: str) -> str:
    if path.startswith("/"):
        return posixpath.normpath(source.partition("/")[0] + path)
    return posixpath.normpath(posixpath.join(posixpath.dirname(source), path))


def _finding(page: Page, link: Link, kind: Kind, wanted: str) -> Finding:
    missing = "is not in the knowledge base" if kind is Kind.BROKEN_LINK else "has no such heading"
    what = f"“{page.document.title}” links to “{link.target}”, which {missing}."
    remedy = "Correct the target, add what is missing, or take the link out."
    return Finding(
        kind, what, remedy, (_place(page, link),), 1.0, {"target": link.target, "line": link.line, "to": wanted}
    )


def _place(page: Page, link: Link) -> Place:
    """The paragraph's line that holds the link's label, where the text has it."""
    at = page.text.find(link.label) if link.label else -1
    if at < 0:
        return page.whole()
    start, stop = page.text.rfind("\n", 0, at) + 1, page.text.find("\n", at)
    place = page.place((start, stop if stop >= 0 else len(page.text)))
    inside = next((one for one in page.passages if one.span[0] <= at < one.span[1]), None)
    marks = ((at - start, at - start + len(link.label)),)
    return replace(place, passage_id=inside.id if inside else "", section=inside.section if inside else (), marks=marks)


def _of_markdown(text: str) -> SourceFile:
    front = re.match(r"\A---\s*\n.*?\n(?:---|\.\.\.)\s*\n", text, re.DOTALL)
    skipped = text[: front.end()].count("\n") if front else 0
    tokens = _PARSER.parse(text[front.end() :] if front else text)
    inline = [(before, token) for before, token in zip([None, *tokens], tokens, strict=False) if token.type == "inline"]
    links = [link for _, token in inline for link in _links_of(token, skipped)]
    names = [_text(token) for before, token in inline if before is not None and before.type == "heading_open"]
    ids = re.findall(r"""\b(?:id|name)\s*=\s*["']([^"']+)""", text)
    return SourceFile(tuple(links), frozenset([*_slugs(names), *(one.casefold() for one in ids)]))


def _links_of(token: Token, skipped: int) -> Iterator[Link]:
    children = token.children or []
    for number, child in enumerate(children):
        if child.type == "link_open":
            rest = children[number + 1 :]
            stop = next((n for n, one in enumerate(rest) if one.type == "link_close"), len(rest))
            label = "".join(one.content for one in rest[:stop])
            yield Link(label, str(child.attrGet("href") or ""), (token.map[0] if token.map else -1) + skipped + 1)


def _of_html(text: str) -> SourceFile:
    page = BeautifulSoup(text, "html.parser")
    anchors = page.find_all("a", href=True)
    links = [Link(one.get_text(" ", strip=True), str(one["href"]), one.sourceline or 0) for one in anchors]
    named = [str(tag.get("id") or tag.get("name") or "") for tag in page.find_all(True)]
    return SourceFile(tuple(links), frozenset(name.casefold() for name in named))


def _text(token: Token) -> str:
    return "".join(child.content for child in token.children or [] if child.type in ("text", "code_inline"))


def _slugs(headings: Sequence[str]) -> Iterator[str]:
    """The anchors that Markdown viewers give headings: small letters, hyphens, a number where one is taken."""
    seen: Counter[str] = Counter()
    for heading in headings:
        slug = re.sub(r"[^\w\- ]", "", heading.casefold()).strip().replace(" ", "-")
        yield f"{slug}-{seen[slug]}" if seen[slug] else slug
        seen[slug] += 1
