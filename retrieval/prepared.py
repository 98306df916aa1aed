"""What ingestion hands to an index: a document read, cut and hashed."""

from __future__ import annotations

from dataclasses import dataclass

from domain.errors import DocumentRejected
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


def check_passages(prepared: PreparedDocument) -> None:
    """Raises ``DocumentRejected`` when a passage names another document."""
    for passage in prepared.passages:
        if passage.document_id != prepared.document.id:
            raise DocumentRejected(
                f"The passage {passage.id!r} names the document {passage.document_id!r} and came with "
                f"{prepared.document.id!r}; cut the document again."
            )
