"""What is asked of a knowledge base wherever it is kept: in files, or on a Milvus server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from domain.protocols import Index
from retrieval.hybrid import Searchable
from retrieval.prepared import PreparedDocument


class Browsable(Searchable, Protocol):
    """One moment of a knowledge base: searched, or read from end to end."""

    def rows(self) -> list[int]: ...

    def rows_of(self, document_ids: Iterable[str]) -> list[int]: ...


class OpenBase(Index, Protocol):
    """An index that can be searched and filled; see ``KnowledgeBase``."""

    name: str

    def put_many(self, documents: Sequence[PreparedDocument]) -> None: ...

    def snapshot(self) -> AbstractContextManager[Browsable]: ...
