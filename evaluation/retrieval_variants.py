"""The ways to search that are measured against each other: every fusion, every granularity, with and without reading.

The query of a turn is rewritten once and kept in a file, so that all ways are asked the same.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path

from bot.assembly import Colloquy
from bot.assembly_models import MODELS
from corpora.doc2dial import GroundedTurn
from corpora.jsonl import rows
from domain.conversation import Gate, Query
from domain.errors import Misconfigured
from domain.passage import Passage
from domain.protocols import Array, Evidence, PassageEncoder, Retriever
from evaluation.figures import Tell
from evaluation.retrieval import Rewrite
from retrieval.diversity import DiverseRetriever
from retrieval.duplicates import DistinctRetriever
from retrieval.fusion_weights import open_fusion_weights
from retrieval.granularity import DocumentFirstRetriever, DocumentRetriever, within_documents
from retrieval.hybrid import HybridOptions, HybridRetriever
from retrieval.knowledge_base import KnowledgeBase, Snapshot
from retrieval.neighbours import ExpandedRetriever, Surroundings
from retrieval.reranking import RerankingRetriever
from settings import Settings

FUSION_WEIGHTS = MODELS / "fusion" / "weights.json"
Through = Callable[[Retriever], Retriever]


@dataclass(frozen=True, slots=True)
class Base:
    """What every way to search is made of."""

    settings: Settings
    colloquy: Colloquy
    knowledge_base: KnowledgeBase
    encoder: PassageEncoder

    def snapshots(self) -> AbstractContextManager[Snapshot]:
        """One moment of the knowledge base."""
        return self.knowledge_base.snapshot()

    def read_again(self, inner: Retriever) -> RerankingRetriever:
        """``inner`` through the reader, as in a chat."""
        chosen = self.settings.retrieval
        return RerankingRetriever(
            inner,
            _Reader(self.colloquy),
            candidates=chosen.candidates,
            threshold=chosen.threshold,
            fusion_share=chosen.fusion_share,
            context_exchanges=chosen.reader_context,
        )


def kept_in_files(colloquy: Colloquy, name: str) -> KnowledgeBase:
    """The knowledge base ``name``. Raises ``Misconfigured`` when it is on a Milvus server: what is measured here
    reads whole documents and vectors from its file."""
    found = colloquy.knowledge.open(name)
    if not isinstance(found, KnowledgeBase):
        raise Misconfigured(
            f"The knowledge base {name!r} is on a Milvus server; unset retrieval.milvus_uri to measure."
        )
    return found


def rewritten(turns: Sequence[GroundedTurn], rewrite: Rewrite, file: Path | None, tell: Tell) -> dict[str, Query]:
    """The query of each turn by its id: from ``file`` where it is there, else rewritten now and added to it."""
    known = dict(_kept(file)) if file is not None and file.is_file() else {}
    for done, turn in enumerate(turns, start=1):
        if turn.id not in known:
            known[turn.id] = rewrite(turn.question, turn.history)
            if file is not None:
                with file.open("a", encoding="utf-8") as lines:
                    lines.write(json.dumps({"id": turn.id, "query": asdict(known[turn.id])}) + "\n")
        tell(done, len(turns))
    return {turn.id: known[turn.id] for turn in turns}


def fusions(base: Base) -> dict[str, HybridRetriever]:
    """Every fusion, the first as it ships; the weights of the sums were chosen on training documents."""
    chosen = base.settings.retrieval
    shared = {"pool": chosen.pool, "context_weight": chosen.context_weight}
    ways = {
        "rrf": HybridOptions(**shared),  # type: ignore[arg-type]  # one dictionary of two kinds of numbers
        "sum theoretical": _summed("theoretical", 0.8, shared),
        "sum min–max": _summed("min-max", 0.7, shared),
        "sum z-scores": _summed("z-score", 0.7, shared),
    }
    if FUSION_WEIGHTS.is_file():
        learned = open_fusion_weights(FUSION_WEIGHTS)
        ways["learned"] = HybridOptions(pool=chosen.pool, fusion="learned", learned=learned)
    return {name: HybridRetriever(base.snapshots, base.encoder, options) for name, options in ways.items()}


def granularities(base: Base, hybrid: HybridRetriever, through: Through) -> dict[str, Retriever]:
    """What is ranked and what comes back, over one fusion; ``through`` adds the reader, or nothing."""
    signal = "relevance" if isinstance(through(hybrid), RerankingRetriever) else "fusion_score"

    def first(best: int) -> Retriever:
        documents = DocumentRetriever(hybrid, passages_counted=3)
        return DocumentFirstRetriever(
            documents, lambda ids: through(within_documents(hybrid, base.snapshots, ids)), best_documents=best
        )

    return {
        "documents by best passage": DocumentRetriever(through(hybrid)),
        "documents by sum of 3": DocumentRetriever(through(hybrid), passages_counted=3, signal=signal),
        "best document then passages": first(1),
        "best 3 documents then passages": first(3),
        "neighbours": ExpandedRetriever(through(hybrid), base.snapshots, Surroundings("window", 1, 360)),
        "neighbours up to 180 words": ExpandedRetriever(through(hybrid), base.snapshots),
        "section": ExpandedRetriever(through(hybrid), base.snapshots, Surroundings("section", max_words=360)),
        "distinct": through(DistinctRetriever(hybrid)),
        "MMR 0.9": DiverseRetriever(through(hybrid), base.snapshots, trade_off=0.9),
        "MMR 0.7": DiverseRetriever(through(hybrid), base.snapshots, trade_off=0.7),
    }


def ways(base: Base, fusion: str, *, rerank: bool) -> dict[str, Retriever]:
    """Every fusion, and every granularity over ``fusion``, by name."""
    through: Through = base.read_again if rerank else lambda inner: inner
    fused = fusions(base)
    found: dict[str, Retriever] = {name: through(hybrid) for name, hybrid in fused.items()}
    return found | {f"{fusion}: {name}": one for name, one in granularities(base, fused[fusion], through).items()}


class RememberingEncoder:
    """Another encoder that encodes the query of a turn once for all ways to search. ``seconds``: of each encoding."""

    def __init__(self, inner: PassageEncoder) -> None:
        self._inner = inner
        self._known: tuple[tuple[str, ...], Array] | None = None
        self.dimension, self.fingerprint = inner.dimension, inner.fingerprint
        self.seconds: list[float] = []

    def encode_queries(self, texts: Sequence[str]) -> Array:
        if self._known is None or self._known[0] != tuple(texts):
            started = time.perf_counter()
            self._known = (tuple(texts), self._inner.encode_queries(texts))
            self.seconds.append(time.perf_counter() - started)
        return self._known[1]

    def encode_passages(self, texts: Sequence[str]) -> Array:
        return self._inner.encode_passages(texts)


class _Reader:
    """The assistant's reader, with its memory of what it has read."""

    def __init__(self, colloquy: Colloquy) -> None:
        self._colloquy = colloquy

    def read(self, query: str, passages: Sequence[Passage]) -> Sequence[Evidence]:
        return self._colloquy.read(query, passages)


def _summed(normaliser: str, dense: float, shared: dict[str, float]) -> HybridOptions:
    return HybridOptions(
        fusion="sum",
        normaliser=normaliser,  # type: ignore[arg-type]
        dense_weight=dense,
        lexical_weight=1 - dense,
        **shared,  # type: ignore[arg-type]
    )


def _kept(file: Path) -> Iterable[tuple[str, Query]]:
    for row in rows(file):
        told = dict(row["query"])
        yield row["id"], Query(**told | {"gate": Gate(told["gate"]), "context": tuple(told["context"])})
