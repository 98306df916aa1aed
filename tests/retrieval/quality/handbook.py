"""Pages written as Markdown and read by the real reader and chunker, for the tests of the quality checks."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from domain.errors import DocumentRejected
from retrieval.chunking import chunk
from retrieval.quality.pages import Page
from retrieval.readers import open_documents

FILLER = "The office answers letters. Bring a pencil when you visit. Parking is behind the house."
"""Sentences without values, so that a collection has words that are rare and words that are not."""


def page(id_: str, markdown: str, **metadata: str) -> Page:
    """One document; ``markdown`` is what stands below the front matter, its title the id unless it has a heading."""
    front = "\n".join(f"{key}: {value}" for key, value in {"id": id_, **metadata}.items())
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / f"{id_}.md"
        path.write_text(f"---\n{front}\n---\n\n{markdown}\n", "utf-8")
        parsed = next(iter(open_documents(path, Path(name))))
    assert not isinstance(parsed, DocumentRejected)
    return Page(parsed.document, parsed.text, chunk(parsed))


def article(id_: str, *sentences: str, metadata: Mapping[str, str] | None = None, title: str = "") -> Page:
    """A page of one section, “Rules”, that holds ``sentences``."""
    return page(id_, f"# {title or id_}\n\n## Rules\n\n{' '.join(sentences)}", **(metadata or {}))
