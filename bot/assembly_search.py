"""How a knowledge base is searched, as the settings have it; for turns, and for trying other settings beside them."""

from __future__ import annotations

from typing import Protocol

from bot.assembly_models import MODELS
from domain.filters import parse_filter
from domain.protocols import PassageEncoder, PassageReader
from retrieval.duplicates import DistinctRetriever
from retrieval.fusion_weights import open_fusion_weights
from retrieval.hybrid import HybridOptions, HybridRetriever, Snapshots
from retrieval.reranking import RerankingRetriever
from settings import RetrievalSettings


class FreshReader(PassageReader, Protocol):
    """A reader that remembers, and can be had without its memory."""

    def fresh(self) -> PassageReader: ...


class SearchModels(Protocol):
    """The models that a search needs."""

    @property
    def encoder(self) -> PassageEncoder: ...

    @property
    def reader(self) -> FreshReader: ...


def fused(snapshots: Snapshots, models: SearchModels, chosen: RetrievalSettings) -> HybridRetriever:
    """Search by meaning and by word, fused. Raises ``Misconfigured`` for conditions that cannot be read."""
    return HybridRetriever(
        snapshots,
        models.encoder,
        HybridOptions(
            pool=chosen.pool,
            context_weight=chosen.context_weight,
            only=parse_filter(chosen.only, chosen.valid_on),
            fusion=chosen.fusion,
            learned=open_fusion_weights(MODELS / "fusion" / "weights.json") if chosen.fusion == "learned" else None,
        ),
    )


def reread(hybrid: HybridRetriever, reader: PassageReader, chosen: RetrievalSettings) -> RerankingRetriever:
    """The same with repeats put together, and the best read again with the query."""
    return RerankingRetriever(
        DistinctRetriever(hybrid),
        reader,
        candidates=chosen.candidates,
        threshold=chosen.threshold,
        fusion_share=chosen.fusion_share,
        context_exchanges=chosen.reader_context,
    )
