"""What programs ask of Colloquy beside a conversation: the HTTP API, its health checks, and its clients."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from domain.events import TurnEvent
from domain.feedback import FeedbackStore
from domain.owner_data import PersonalData
from domain.passage import Document, RetrievedPassage
from domain.protocols import Assistant


@dataclass(frozen=True, slots=True)
class PartState:
    """One part a service needs before it can answer. ``trouble`` is one sentence, empty where it is ready."""

    part: str
    trouble: str = ""

    @property
    def ready(self) -> bool:
        """Whether nothing is missing."""
        return not self.trouble


@dataclass(frozen=True, slots=True)
class ListedDocument:
    """A document as lists show it. ``passages`` counts those it was cut into; ``indexed_at``: Unix seconds, None where
    that is not known."""

    document: Document
    passages: int
    indexed_at: float | None


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """Some documents by id, how many there are in all, and after which id to go on; "" at the end."""

    documents: tuple[ListedDocument, ...]
    total: int
    following: str = ""


class Service(Assistant, Protocol):
    """An assistant that programs may use.

    1. ``stream_answer`` is one turn whose history the caller brings along; nothing of it is remembered.
    2. ``part_states`` names every part that an answer about ``knowledge_base`` needs, loads and creates nothing, and
       raises nothing.
    """

    @property
    def feedback(self) -> FeedbackStore: ...

    @property
    def personal(self) -> PersonalData: ...

    def search(self, knowledge_base: str, text: str, k: int, owner: str = "") -> Sequence[RetrievedPassage]:
        """At most ``k`` passages for ``text`` as it is, of what everybody shares or of ``owner``'s own files. Raises
        ``UnknownKnowledgeBase``, ``PartUnavailable``."""
        ...

    def documents(self, knowledge_base: str, owner: str = "", after: str = "", limit: int = 50) -> DocumentPage:
        """The first ``limit`` documents whose id comes after ``after``. Raises as ``search`` does."""
        ...

    def stream_answer(
        self, owner: str, knowledge_base: str, message: str, history: Sequence[tuple[str, str]]
    ) -> Iterator[TurnEvent]:
        """``history``: (message, reply) pairs, oldest first; ``owner`` is who a hand-off comes from. Raises and stops
        as ``stream_reply`` does."""
        ...

    def count_tokens(self, text: str) -> int:
        """How many tokens the models see in ``text``."""
        ...

    def part_states(self, knowledge_base: str) -> Sequence[PartState]: ...
