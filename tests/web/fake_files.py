"""Files of one's own for the fake assistant: the real reading and cutting, kept in this object."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.own_files import FilesOfOwners
from domain.own_files import own_base
from domain.passage import Document, Passage
from retrieval.library import Library


class MemoryBase:
    """A knowledge base that is searched by nobody."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[Document, str, Sequence[Passage]]] = {}

    def put(self, document: Document, text: str, passages: Sequence[Passage], content_hash: str) -> None:
        self.kept[document.id] = (document, text, passages)

    def content_hash(self, document_id: str) -> str | None:
        return "" if document_id in self.kept else None

    def documents(self) -> Iterable[Document]:
        return [document for document, _, _ in self.kept.values()]

    def delete(self, document_id: str) -> bool:
        return self.kept.pop(document_id, None) is not None


class MemoryBases:
    """Such knowledge bases by name."""

    def __init__(self) -> None:
        self.bases: dict[str, MemoryBase] = {}

    def names(self) -> list[str]:
        return sorted(self.bases)

    def create(self, name: str, title: str = "") -> MemoryBase:
        return self.bases.setdefault(name, MemoryBase())

    def remove(self, name: str) -> None:
        del self.bases[name]

    def open(self, name: str) -> MemoryBase:
        return self.bases[name]


class FakeFiles:
    """``OwnFiles`` with at most 200,000 bytes a file and three files an owner."""

    def __init__(self) -> None:
        self._bases = MemoryBases()
        library = Library(self._bases, max_bytes=200_000)  # type: ignore[arg-type]  # what it needs for an upload

        def read(name: str, file_name: str, data: bytes) -> Sequence[Document]:
            return library.upload(name, file_name, data).documents

        self._files = FilesOfOwners(self._bases, self._bases.open, read, lambda _: None, 3)
        self.upload, self.list, self.remove = self._files.upload, self._files.list, self._files.remove

    def passages(self, owner: str) -> Sequence[Passage]:
        return [passage for _, _, cut in self._bases.open(own_base(owner)).kept.values() for passage in cut]

    def opened(self, owner: str, document_id: str) -> tuple[Document, str] | None:
        found = self._bases.open(own_base(owner)).kept.get(document_id)
        return found[:2] if found else None
