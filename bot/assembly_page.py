"""What the chat page needs beside a conversation, made of this house's parts: what to ask next, files of one's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.follow_ups import FollowUps
from bot.own_files import FilesOfOwners
from bot.telling_words import TellingWords
from domain.conversation import Conversation
from domain.own_files import check_reachable
from domain.passage import Document, Passage
from domain.protocols import PassageReader
from retrieval.knowledge_base import KnowledgeBase, KnowledgeBaseStore
from retrieval.library import Library
from retrieval.milvus_knowledge_base import MilvusKnowledgeBase
from retrieval.milvus_store import MilvusKnowledgeBaseStore
from settings import Settings

TERM_SAMPLE = 4000  # passages that words are counted from: enough for common ones, half a second to read


def sample_of(base: KnowledgeBase | MilvusKnowledgeBase) -> list[Passage]:
    """Passages of a knowledge base, evenly spread: all of them up to ``TERM_SAMPLE``."""
    with base.snapshot() as snapshot:
        rows = snapshot.rows()
        return list(snapshot.passages(rows[:: max(1, len(rows) // TERM_SAMPLE)]).values())


class Suggestions:
    """What could be asked next, from the documents of every knowledge base. Safe for many threads."""

    def __init__(self, knowledge: KnowledgeBaseStore | MilvusKnowledgeBaseStore, reader: PassageReader) -> None:
        self._knowledge, self._reader = knowledge, reader
        self._told: dict[str, tuple[float, TellingWords]] = {}

    def after(self, conversation: Conversation) -> Sequence[str]:
        """Up to three questions. Raises ``UnknownKnowledgeBase`` for one that is not the owner's to ask: an imported
        conversation may name anybody's files."""
        if not conversation.turns:
            return ()
        name = conversation.turns[-1].knowledge_base
        check_reachable(name, conversation.owner)
        return FollowUps(self._reader, self._passages_of, self._telling(name)).suggest(conversation)

    def _telling(self, name: str) -> TellingWords:
        """Counted anew after a change: a tenth of a second for a handbook."""
        updated_at = self._knowledge.info(name).updated_at
        known = self._told.get(name)
        if known is None or known[0] != updated_at:
            known = self._told[name] = (updated_at, TellingWords(sample_of(self._knowledge.open(name))))
        return known[1]

    def _passages_of(self, knowledge_base: str, document_ids: Sequence[str]) -> Sequence[Passage]:
        with self._knowledge.open(knowledge_base).snapshot() as snapshot:
            found = list(snapshot.passages(snapshot.rows_of(document_ids)).values())
        place = {id_: number for number, id_ in enumerate(document_ids)}
        return sorted(found, key=lambda one: (place[one.document_id], one.span))


def open_own_files(
    knowledge: KnowledgeBaseStore | MilvusKnowledgeBaseStore, settings: Settings, changed: Callable[[str], object]
) -> FilesOfOwners:
    """Files of one's own in ``knowledge``; ``changed`` hears which knowledge base has changed."""
    library = Library(knowledge, max_bytes=settings.safety.max_upload_bytes)

    def read(name: str, file_name: str, data: bytes) -> Sequence[Document]:
        return library.upload(name, file_name, data).documents

    return FilesOfOwners(knowledge, knowledge.open, read, changed, settings.safety.own_files)
