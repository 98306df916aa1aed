"""How documents are built: empty ones, headings without text, tables without a header, sections too long or short."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, zip_longest

from domain.passage import Passage
from retrieval.quality.findings import Finding, Kind, ordered
from retrieval.quality.pages import Block, Page, Shape, blocks
from retrieval.quality.values import stated_values


@dataclass(frozen=True, slots=True)
class Sizes:
    """In words: a longer section than ``giant`` should be divided, a shorter passage than ``tiny`` says little."""

    giant: int = 400
    tiny: int = 6


def find_structure_faults(pages: Sequence[Page], sizes: Sizes = Sizes()) -> tuple[Finding, ...]:
    """Faults in how each document is built, the gravest first within each kind."""
    found: list[Finding] = []
    for page in pages:
        laid_out = blocks(page)
        if not any(block.shape is not Shape.HEADING for block in laid_out):
            found.append(_empty(page))
            continue
        found += [
            *_orphans(page, laid_out),
            *_headless(page, laid_out),
            *_giants(page, sizes),
            *_tiny(page, laid_out, sizes),
        ]
    return ordered(found)


def _empty(page: Page) -> Finding:
    what = f"“{page.document.title}” holds no text under its headings."
    return Finding(Kind.EMPTY_DOCUMENT, what, "Write it or take it out.", (page.whole(),))


def _orphans(page: Page, laid_out: Sequence[Block]) -> Iterator[Finding]:
    """Headings followed by another heading, or by nothing, that no section stands under."""
    parents = {_key(name) for passage in page.passages for name in passage.section}
    title = _key(page.document.title)
    for block, after in zip_longest(laid_out, laid_out[1:]):
        alone = after is None or after.shape is Shape.HEADING
        if block.shape is not Shape.HEADING or not alone or _key(block.text) in parents or _repeats(block.text, title):
            continue
        if block is laid_out[0] and after is not None:  # a page's first heading is its title
            continue
        what = f"The heading “{block.text}” of “{page.document.title}” has no text under it."
        remedy = "Write the section or take the heading out."
        yield Finding(Kind.ORPHAN_HEADING, what, remedy, (page.place(block.span, block.passage),))


def _headless(page: Page, laid_out: Sequence[Block]) -> Iterator[Finding]:
    for block in laid_out:
        if block.shape is Shape.TABLE and (fault := table_fault(block.text)):
            what = f"A table of “{page.document.title}” has no header: {fault}."
            remedy = "Give it a first row that names the columns, with a line of dashes below it in Markdown."
            yield Finding(Kind.HEADERLESS_TABLE, what, remedy, (page.place(block.span, block.passage),))


def table_fault(text: str) -> str:
    """Why a table has no header; "" where it seems to have one.

    Rows with bars at their ends were never read as a table. In one that was, a first row whose cell has a value of
    the same measure as every cell below it is no row of names.
    """
    if text.startswith("|"):
        return "it is not read as a table at all"
    rows = [[cell.strip() for cell in line.split(" | ")] for line in text.split("\n")]
    if len(rows) < 2:
        return ""
    for column in zip_longest(*rows, fillvalue=""):
        units = [{value.unit for value in stated_values(cell)} for cell in column]
        if all(units) and set.intersection(*units) and _is_value(column[0]):
            return f"its first row holds a value, “{column[0]}”"
    return ""


def _is_value(cell: str) -> bool:
    """A cell that is a value, not a name with one in it (“Price for 24 months”)."""
    stated = sum(len(value.text) for value in stated_values(cell))
    return stated >= 0.8 * len(cell)


def _giants(page: Page, sizes: Sizes) -> Iterator[Finding]:
    for section, group in groupby(page.passages, key=lambda passage: passage.section):
        passages = list(group)
        words = sum(len(passage.text.split()) for passage in passages)
        if words > sizes.giant and not _is_listing(passages):
            span = passages[0].span[0], passages[-1].span[1]
            name = section[-1] if section else page.document.title
            what = f"“{name}” of “{page.document.title}” runs for {words} words without a heading."
            remedy = f"Divide it under headings of its own; {sizes.giant} words are a screen and a half."
            place = page.place(span, passages[0], section)
            yield Finding(Kind.GIANT_SECTION, what, remedy, (place,), float(words), {"words": words})


def _is_listing(passages: Sequence[Passage]) -> bool:
    """Tables and lists may be long."""
    lines = [line for passage in passages for line in passage.text.split("\n") if line.strip()]
    return sum(" | " in line or bool(re.match(r"\s*(?:[•*-]|\d+[.)])\s", line)) for line in lines) > len(lines) / 2


def _tiny(page: Page, laid_out: Sequence[Block], sizes: Sizes) -> Iterator[Finding]:
    if len(page.passages) < 2:
        return
    headings = {block.text for block in laid_out if block.shape is Shape.HEADING}
    for passage in page.passages:
        words = len(passage.text.split())
        if words < sizes.tiny and passage.text not in headings and not _repeats(passage.text, page.document.title):
            what = f"A passage of “{page.document.title}” is of {words} words alone: “{passage.text}”."
            remedy = "Put it together with the section it belongs to, or write it out."
            place = page.place(passage.span, passage)
            yield Finding(Kind.TINY_PASSAGE, what, remedy, (place,), 1 / max(1, words), {"words": words})


def _repeats(text: str, title: str) -> bool:
    """Whether ``text`` is the title, or where one of them goes on (“… | the site’s name”, a footnote’s mark)."""
    one, other = sorted((_key(text), _key(title)), key=len)
    return re.match(rf"{re.escape(one)}(?:\W|$)", other) is not None


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()
