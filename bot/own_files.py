"""Files of one's own to ask about; see ``domain.own_files.OwnFiles``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.errors import DocumentRejected
from domain.own_files import own_base
from domain.passage import Document

TITLE = "Your files"
"""What the knowledge base is called where nobody translates it."""


class Bases(Protocol):
    """The knowledge bases there are."""

    def names(self) -> list[str]: ...

    def create(self, name: str, title: str = "") -> object: ...

    def remove(self, name: str) -> None: ...


class Base(Protocol):
    """One of them."""

    def documents(self) -> Iterable[Document]: ...

    def delete(self, document_id: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class FilesOfOwners:
    """``OwnFiles`` over knowledge bases. ``open`` opens one; ``read`` (knowledge base, file name, bytes) stores the
    documents of a file there; ``changed`` hears the name of a knowledge base whose documents have changed; an owner has
    at most ``most_files`` documents."""

    bases: Bases
    open: Callable[[str], Base]
    read: Callable[[str, str, bytes], Sequence[Document]]
    changed: Callable[[str], object]
    most_files: int

    def upload(self, owner: str, file_name: str, data: bytes) -> Sequence[Document]:
        """Stores a file's documents; the first one makes the knowledge base."""
        name, count = own_base(owner), len(self.list(owner))
        if count >= self.most_files:
            raise DocumentRejected(f"You have {count} files and {self.most_files} are kept; remove one first.")
        is_first = name not in self.bases.names()
        if is_first:
            self.bases.create(name, TITLE)
        try:
            return self.read(name, file_name, data)
        except DocumentRejected:
            if is_first:
                self.bases.remove(name)  # an empty one has nothing to ask about
            raise
        finally:
            self.changed(name)

    def list(self, owner: str) -> Sequence[Document]:
        """The owner's documents, by title."""
        name = own_base(owner)
        if name not in self.bases.names():
            return []
        return sorted(self.open(name).documents(), key=lambda one: (one.title.casefold(), one.id))

    def remove(self, owner: str, document_id: str) -> bool:
        """Forgets a document, and with the last one the knowledge base."""
        name = own_base(owner)
        if name not in self.bases.names() or not self.open(name).delete(document_id):
            return False
        if not self.list(owner):
            self.bases.remove(name)
        self.changed(name)
        return True
