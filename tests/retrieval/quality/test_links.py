from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import DocumentRejected, Misconfigured
from retrieval.chunking import chunk
from retrieval.quality.findings import Finding, Kind
from retrieval.quality.links import find_broken_links, read_sources
from retrieval.quality.pages import Page
from retrieval.readers import open_documents


def broken(folder: Path, files: dict[str, str]) -> tuple[Finding, ...]:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    parsed = [one for name in files for one in open_documents(folder / name, folder)]
    pages = [Page(one.document, one.text, chunk(one)) for one in parsed if not isinstance(one, DocumentRejected)]
    return find_broken_links(pages, read_sources(folder))


def test_a_link_to_a_missing_document_is_found_with_its_line_and_label(tmp_path: Path) -> None:
    (found,) = broken(tmp_path, {"a/one.md": "---\nid: one\n---\n\n# One\n\nSee [the list](../b/gone.md) first."})
    assert (found.kind, found.facts["target"], found.facts["line"]) == (Kind.BROKEN_LINK, "../b/gone.md", 7)
    assert found.facts["to"] == f"{tmp_path.name}/b/gone.md"
    (place,) = found.places
    assert (place.document_id, place.passage_id, place.text) == ("one", "one#1", "See the list first.")
    assert place.text[slice(*place.marks[0])] == "the list"


def test_links_that_lead_somewhere_or_elsewhere_are_left_alone(tmp_path: Path) -> None:
    links = "[a](two.md) [b](two.md#the-fees) [c](#one) [d](https://x.example/gone.md) [e](mailto:x@y.example) "
    links += "![f](picture.png) [g](/two.md) `[h](gone.md)` [i](two.md?print=1)"
    files = {"one.md": f"# One\n\n{links}\n\n```\n[j](gone.md)\n```", "two.md": "# Two\n\n## The fees!\n\nNone."}
    assert broken(tmp_path, files) == ()


def test_an_anchor_that_no_heading_has_is_found(tmp_path: Path) -> None:
    files = {"one.md": "# One\n\n[fees](two.md#fees) [here](#nowhere)", "two.md": "# Two\n\n## Prices\n\nNone."}
    assert [(one.kind, one.facts["target"]) for one in broken(tmp_path, files)] == [
        (Kind.BROKEN_ANCHOR, "two.md#fees"),
        (Kind.BROKEN_ANCHOR, "#nowhere"),
    ]


def test_html_is_read_too(tmp_path: Path) -> None:
    files = {
        "one.html": "<h1>One</h1><p>See <a href='two.html#x'>x</a>, <a href='gone.html'>gone</a>.</p>",
        "two.html": "<h1>Two</h1><p id='X'>Text.</p>",
    }
    assert [one.facts["target"] for one in broken(tmp_path, files)] == ["gone.html"]


def test_a_second_heading_of_the_same_name_has_a_numbered_anchor(tmp_path: Path) -> None:
    text = "# One\n\n## Fees\n\na [x](#fees-1)\n\n## Fees\n\nb [y](#fees-2)"
    assert [one.facts["target"] for one in broken(tmp_path, {"one.md": text})] == ["#fees-2"]


def test_a_missing_folder_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="There is no folder"):
        read_sources(tmp_path / "gone")
