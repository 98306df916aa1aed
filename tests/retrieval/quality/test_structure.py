from __future__ import annotations

import pytest

from retrieval.quality.findings import Kind
from retrieval.quality.structure import Sizes, find_structure_faults, table_fault
from tests.retrieval.quality.handbook import FILLER, page

LONG = "The rules of this house are many and each of them was written on a long evening. " * 12


def faults(markdown: str, sizes: Sizes | None = None) -> list[tuple[Kind, str]]:
    return [(one.kind, one.places[0].text) for one in find_structure_faults([page("a", markdown)], sizes or Sizes())]


@pytest.mark.parametrize(
    ("markdown", "heading"),
    [
        (f"# A\n\n## One\n\n{FILLER}\n\n## Two\n\n## Three\n\n{FILLER}", "Two"),
        (f"# A\n\n## One\n\n{FILLER}\n\n## Last", "Last"),
        (f"# A\n\n{LONG}\n\n## One\n\n{LONG}\n\n### Deeper\n\n## Two\n\n{LONG}", "Deeper"),
    ],
)
def test_a_heading_without_text_is_found(markdown: str, heading: str) -> None:
    assert faults(markdown) == [(Kind.ORPHAN_HEADING, heading)]


def test_a_heading_with_subheadings_has_text_under_it() -> None:
    assert faults(f"# A\n\n## One\n\n### First\n\n{LONG}\n\n### Second\n\n{LONG}") == []


def test_a_document_of_headings_alone_is_empty() -> None:
    assert faults("# A\n\n## One\n\n## Two") == [(Kind.EMPTY_DOCUMENT, "")]


def test_rows_that_were_never_read_as_a_table_and_a_blank_header_are_found() -> None:
    rows = "| Lamp | £10 |\n| Chair | £20 |"
    assert [kind for kind, _ in faults(f"# A\n\n{FILLER}\n\n{rows}")] == [Kind.HEADERLESS_TABLE]
    assert [kind for kind, _ in faults(f"# A\n\n{FILLER}\n\n| | |\n|---|---|\n{rows}")] == [Kind.HEADERLESS_TABLE]
    assert faults(f"# A\n\n{FILLER}\n\n| Thing | Price |\n|---|---|\n{rows}") == []


@pytest.mark.parametrize(
    ("table", "headless"),
    [
        ("Plan | Price for 24 months\nSmall | 24 months", False),
        ("Lamp | £10\nChair | £20", True),
        ("Lamp | free of charge", False),
        ("Name | Town\nAnn | Leeds", False),
    ],
)
def test_a_first_row_of_values_is_no_header(table: str, headless: bool) -> None:
    assert bool(table_fault(table)) is headless


def test_a_section_longer_than_allowed_is_giant_and_a_long_list_is_not() -> None:
    prose = f"# A\n\n## Long\n\n{LONG}"
    words = "\n".join(f"- item number {n} of the list" for n in range(60))
    assert faults(prose, Sizes(giant=100))[0][0] is Kind.GIANT_SECTION
    assert faults(prose, Sizes(giant=1000)) == []
    assert faults(f"# A\n\n## Items\n\n{words}", Sizes(giant=100)) == []


def test_a_passage_of_a_few_words_is_tiny() -> None:
    (found,) = find_structure_faults([page("a", f"# A\n\nAsk us.\n\n## One\n\n{LONG}")])
    assert (found.kind, found.places[0].text, found.facts["words"]) == (Kind.TINY_PASSAGE, "Ask us.", 2)
