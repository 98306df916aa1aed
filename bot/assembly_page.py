"""What the chat page needs beside a conversation, made of this house's parts: what to ask next, files of one's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.follow_ups import FollowUps
from bot.own_files import FilesOfOwners
from domain.own_files import check_reachable
from domain.passage import Document, Passage
from domain.protocols import PassageReader
from retrieval.knowledge_base import KnowledgeBaseStore
from retrieval.library import Library
from retrieval.milvus_store import MilvusKnowledgeBaseStore
from settings import Settings


def open_follow_ups(
    knowledge: KnowledgeBaseStore | MilvusKnowledgeBaseStore, reader: PassageReader, owner: str
) -> FollowUps:
    """Suggests to ``owner`` from the documents of ``knowledge``."""

    def passages_of(knowledge_base: str, document_ids: Sequence[str]) -> Sequence[Passage]:
        check_reachable(knowledge_base, owner)  # an imported conversation may name anybody's files
        with knowledge.open(knowledge_base).snapshot() as snapshot:
            found = list(snapshot.passages(snapshot.rows_of(document_ids)).values())
        place = {id_: number for number, id_ in enumerate(document_ids)}
        return sorted(found, key=lambda one: (place[one.document_id], one.span))

    return FollowUps(reader, passages_of)


def open_own_files(
    knowledge: KnowledgeBaseStore | MilvusKnowledgeBaseStore, settings: Settings, changed: Callable[[str], object]
) -> FilesOfOwners:
    """Files of one's own in ``knowledge``; ``changed`` hears which knowledge base has changed."""
    library = Library(knowledge, max_bytes=settings.safety.max_upload_bytes)

    def read(name: str, file_name: str, data: bytes) -> Sequence[Document]:
        return library.upload(name, file_name, data).documents

    return FilesOfOwners(knowledge, knowledge.open, read, changed, settings.safety.own_files)
