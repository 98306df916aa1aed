"""The retrievers that evaluations compare, made like the assistant's own but measured without its threshold."""

from __future__ import annotations

from typing import Protocol

from domain.protocols import PassageEncoder, Retriever
from evaluation.reports import ROOT
from retrieval.encoders import MiniLMEncoder
from retrieval.hybrid import HybridOptions, HybridRetriever
from retrieval.knowledge_base import KnowledgeBaseStore
from retrieval.reader import MiniLMReader
from retrieval.reranking import RerankingRetriever
from settings import Settings

READER_FOLDER = ROOT / "models" / "reader"


class HasKnowledge(Protocol):
    """What is needed of the assistant here."""

    @property
    def knowledge(self) -> KnowledgeBaseStore: ...


def encoder(settings: Settings) -> PassageEncoder:
    """The shipped encoder, from the cache that the assistant uses."""
    return MiniLMEncoder(settings.data_dir / "models")


def retrievers(assistant: HasKnowledge, knowledge_base: str, settings: Settings) -> dict[str, Retriever]:
    """``fusion`` alone, and ``fusion + reader`` where the reader's weights are there.

    The threshold is 0: how well passages are ordered is one question, when to return none is another.
    """
    options = HybridOptions(pool=settings.retrieval.pool, context_weight=settings.retrieval.context_weight)
    base = assistant.knowledge.open(knowledge_base)
    fusion = HybridRetriever(base.snapshot, encoder(settings), options)
    if not (READER_FOLDER / "model.safetensors").is_file():
        return {"fusion": fusion}
    reader = MiniLMReader(READER_FOLDER, settings.data_dir / "models")
    reranked = RerankingRetriever(
        fusion, reader, candidates=settings.retrieval.candidates, fusion_share=settings.retrieval.fusion_share
    )
    return {"fusion": fusion, "fusion + reader": reranked}
