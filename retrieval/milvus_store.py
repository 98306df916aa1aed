"""The knowledge bases on one Milvus server, by name."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Literal

from domain.errors import Misconfigured, UnknownKnowledgeBase
from domain.protocols import KnowledgeBaseInfo, PassageEncoder
from retrieval.base_files import NAME
from retrieval.index_spec import IndexSpec
from retrieval.knowledge_base import Compaction
from retrieval.milvus_knowledge_base import MilvusKnowledgeBase, check_identity, info_of, is_made_by
from retrieval.milvus_schema import Head, Names, create_collections
from retrieval.milvus_server import MilvusServer
from retrieval.milvus_writing import Reader


class MilvusKnowledgeBaseStore:
    """The knowledge bases of one server, two collections each. Safe for many threads and processes."""

    def __init__(self, server: MilvusServer, encoder: PassageEncoder, prefix: str = "colloquy") -> None:
        """``prefix``: what the names of our collections begin with, for servers that others use too."""
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,31}", prefix):
            raise Misconfigured(
                f"{prefix[:80]!r} is no prefix for Milvus collections; use up to 32 letters, digits and underscores, "
                "beginning with a letter."
            )
        self._server, self._encoder, self._prefix = server, encoder, prefix
        self._open: dict[str, MilvusKnowledgeBase] = {}
        self._loaded: set[str] = set()
        self._lock = Lock()

    def names(self) -> list[str]:
        """The names of all knowledge bases, sorted."""
        return [name for name in Names.known_in(self._server.names(), self._prefix) if NAME.fullmatch(name)]

    def open(self, name: str) -> MilvusKnowledgeBase:
        """The knowledge base ``name``; costs nothing when it is open already.

        Raises ``UnknownKnowledgeBase``, or ``Misconfigured`` when another encoder or version made it.
        """
        with self._lock:
            known = self._open.get(name)
        if known is not None:
            return known
        reader = self._existing(name)
        check_identity(name, reader.head(), self._encoder)
        with self._lock:
            return self._open.setdefault(name, MilvusKnowledgeBase(name, reader, self._encoder))

    def create(self, name: str, title: str = "", examples: Sequence[str] = ()) -> MilvusKnowledgeBase:
        """Make and open an empty knowledge base. Raises ``Misconfigured`` for a bad or taken name."""
        names = self._named(name)
        if self._server.has(names.records):
            raise Misconfigured(
                f"There is a knowledge base {name!r} already; ingest into it, or remove it first: "
                f"colloquy kb remove {name}"
            )
        encoder, made = self._encoder, uuid.uuid4().hex
        head = Head(
            encoder.fingerprint,
            encoder.dimension,
            made,
            title or name,
            tuple(examples),
            committed_at=time.time(),
        )
        create_collections(self._server, names, head)
        return self.open(name)

    def remove(self, name: str) -> None:
        """Delete a knowledge base for good. Raises ``UnknownKnowledgeBase``."""
        names = self._existing(name).names
        with self._lock:
            self._open.pop(name, None)
            self._loaded.discard(name)
        self._server.drop(names.records)  # from now on it is not there; what is left is dropped by the next creation
        self._server.drop(names.passages)

    @contextmanager
    def rebuilding(self, name: str) -> Iterator[MilvusKnowledgeBase]:
        """A new knowledge base, made when there is none of that name yet. Raises ``Misconfigured`` when there is:
        two collections cannot be replaced in one step, and half of a rebuild must not be answered from."""
        if self._server.has(self._named(name).records):
            raise _not_in_place(name)
        yield self.create(name)

    def reembed(self, name: str, progress: Callable[[int, int], None] | None = None) -> int:  # noqa: ARG002
        """Raises ``Misconfigured``; see ``rebuilding``."""
        raise _not_in_place(name)

    def compact(self, name: str, index: IndexSpec | Literal["auto"] | None = None) -> Compaction:  # noqa: ARG002
        """Raises ``Misconfigured``: Milvus compacts its segments, and chooses its index, by itself."""
        raise Misconfigured(
            f"The knowledge base {name!r} is on Milvus, which gives back room and makes indexes by itself; there is "
            "nothing to compact."
        )

    def fits(self, name: str) -> bool:
        """Whether this encoder made it, so that it can be opened. Raises ``UnknownKnowledgeBase``."""
        return is_made_by(self._existing(name).head(), self._encoder)

    def info(self, name: str) -> KnowledgeBaseInfo:
        """What lists show of it, whichever encoder made it."""
        return info_of(name, self._existing(name).head())

    def close(self) -> None:
        with self._lock:
            for knowledge_base in self._open.values():
                knowledge_base.close()
            self._open.clear()
        self._server.close()

    def _existing(self, name: str) -> Reader:
        names = self._named(name)
        if not self._server.has(names.records):
            there = ", ".join(self.names()) or "none yet"
            raise UnknownKnowledgeBase(
                f"There is no knowledge base {name!r} on Milvus (there is: {there}); make it: "
                f"colloquy ingest --kb {name} PATH…"
            )
        if name not in self._loaded:
            self._server.load(names.records)
            self._server.load(names.passages)
            self._loaded.add(name)
        return Reader(self._server, names)

    def _named(self, name: str) -> Names:
        if not NAME.fullmatch(name):
            raise Misconfigured(
                f"{name[:80]!r} is no name for a knowledge base; use up to 63 small letters, digits and hyphens, "
                "beginning with a letter or digit."
            )
        return Names.of(name, self._prefix)


def _not_in_place(name: str) -> Misconfigured:
    return Misconfigured(
        f"A knowledge base on Milvus cannot be rebuilt in its place; remove it and ingest it again: colloquy kb remove "
        f"{name}, then colloquy ingest --kb {name} PATH…"
    )
