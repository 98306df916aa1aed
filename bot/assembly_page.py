"""What the chat page needs beside a conversation, made of this house's parts: what to ask next."""

from __future__ import annotations

from collections.abc import Sequence

from bot.follow_ups import FollowUps
from domain.passage import Passage
from domain.protocols import PassageReader
from retrieval.knowledge_base import KnowledgeBaseStore
from retrieval.milvus_store import MilvusKnowledgeBaseStore


def open_follow_ups(knowledge: KnowledgeBaseStore | MilvusKnowledgeBaseStore, reader: PassageReader) -> FollowUps:
    """Suggests from the documents of ``knowledge``."""

    def passages_of(knowledge_base: str, document_ids: Sequence[str]) -> Sequence[Passage]:
        with knowledge.open(knowledge_base).snapshot() as snapshot:
            found = list(snapshot.passages(snapshot.rows_of(document_ids)).values())
        place = {id_: number for number, id_ in enumerate(document_ids)}
        return sorted(found, key=lambda one: (place[one.document_id], one.span))

    return FollowUps(reader, passages_of)
