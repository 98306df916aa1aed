"""Stand-ins that keep their promises in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from domain.passage import Document, Passage
from retrieval.prepared import PreparedDocument


class MemoryIndex:
    """An ``Index`` without vectors; ``puts`` records the ids in the order they were stored."""

    def __init__(self) -> None:
        self.stored: dict[str, PreparedDocument] = {}
        self.puts: list[str] = []

    def put(self, document: Document, text: str, passages: Sequence[Passage], content_hash: str) -> None:
        self.stored[document.id] = PreparedDocument(document, text, tuple(passages), content_hash)
        self.puts.append(document.id)

    def delete(self, document_id: str) -> bool:
        return self.stored.pop(document_id, None) is not None

    def content_hash(self, document_id: str) -> str | None:
        found = self.stored.get(document_id)
        return found.content_hash if found else None

    def document(self, document_id: str) -> tuple[Document, str] | None:
        found = self.stored.get(document_id)
        return (found.document, found.text) if found else None

    def documents(self) -> Iterable[Document]:
        return [each.document for each in self.stored.values()]


class BatchingMemoryIndex(MemoryIndex):
    """The same with ``put_many``; ``fail_at_batch`` (from 1) makes that batch fail before anything is stored."""

    def __init__(self, fail_at_batch: int = 0) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.fail_at_batch = fail_at_batch

    def put_many(self, documents: Sequence[PreparedDocument]) -> None:
        if len(self.batches) + 1 == self.fail_at_batch:
            raise OSError(28, "No space left on device")
        self.batches.append(len(documents))
        for each in documents:
            self.put(each.document, each.text, each.passages, each.content_hash)
