"""Which reader reads which file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from domain.errors import DocumentRejected
from retrieval.readers import docx, html, markdown, pdf, plain, records
from retrieval.readers.files import Origin
from retrieval.readers.parsed import ParsedDocument

Reader = Callable[[Origin], Iterator[ParsedDocument | DocumentRejected]]

_READERS: dict[str, Reader] = {
    ".md": markdown.read,
    ".markdown": markdown.read,
    ".txt": plain.read,
    ".text": plain.read,
    ".html": html.read,
    ".htm": html.read,
    ".xhtml": html.read,
    ".pdf": pdf.read,
    ".docx": docx.read,
    **{suffix + packed: records.read for suffix in (".csv", ".tsv", ".jsonl") for packed in ("", ".gz")},
}

SUPPORTED_SUFFIXES = tuple(sorted(_READERS))
"""The endings of the files that can be read, in lower case."""


def open_documents(path: Path, root: Path) -> Iterator[ParsedDocument | DocumentRejected]:
    """The documents of one file, read one after the other.

    Ids and sources are seen from ``root``, the folder (or the file) that was asked for. Raises
    ``DocumentRejected``, at the latest when iterated, if the file cannot be read; a file of rows gives it as an
    item instead for a single row, and goes on.
    """
    origin = Origin.of(path, root)
    reader = _READERS.get(suffix_of(path))
    if reader is None:
        raise DocumentRejected(
            f"“{origin.source}” is of a kind that cannot be read; supported are {', '.join(SUPPORTED_SUFFIXES)}."
        )
    for item in reader(origin):
        if isinstance(item, ParsedDocument) and not item.text:
            raise DocumentRejected(f"“{origin.source}” holds no text; add some or remove it.")
        yield item


def suffix_of(path: Path) -> str:
    """The ending that decides the reader, in lower case: ``.md``, ``.tsv.gz``."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return "".join(suffixes[-2:]) if suffixes[-1:] == [".gz"] else "".join(suffixes[-1:])


def holds_rows(path: Path) -> bool:
    """Whether the file is one of many documents, a row each."""
    return _READERS.get(suffix_of(path)) is records.read
