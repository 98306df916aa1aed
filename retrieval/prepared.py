"""What ingestion hands to an index: a document read, cut and hashed."""

from __future__ import annotations

from dataclasses import dataclass

from domain.passage import Document, Passage


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """One document ready to be indexed.

    ``text`` is what the viewer shows, ``passages`` are in reading order, and ``content_hash`` changes whenever
    the file's bytes or the way they are read and cut change.
    """

    document: Document
    text: str
    passages: tuple[Passage, ...]
    content_hash: str
