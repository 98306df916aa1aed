"""What an index family costs in answers: the same knowledge base searched through each of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from domain.protocols import PassageEncoder, Retriever
from retrieval.base_files import SUFFIX
from retrieval.hybrid import HybridOptions, HybridRetriever
from retrieval.index_spec import Family, IndexSpec, Metric
from retrieval.knowledge_base import KnowledgeBase, KnowledgeBaseStore

_FLOAT_BYTES = 4


@dataclass(frozen=True, slots=True)
class Made:
    """A knowledge base with one index; ``bytes_a_passage``: what the index keeps of each, in memory and on disk."""

    base: KnowledgeBase
    bytes_a_passage: float


@contextmanager
def made(
    catalogue: Path, encoder: PassageEncoder, specs: Sequence[IndexSpec], metric: Metric = Metric.DOT
) -> Iterator[Mapping[str, Made]]:
    """Copies of the knowledge base in the file ``catalogue``, each with one of ``specs``, by the spec's name; they are
    gone when the block ends. Raises as ``KnowledgeBaseStore.open`` does."""
    with TemporaryDirectory() as scratch:
        stores: list[KnowledgeBaseStore] = []
        try:
            found: dict[str, Made] = {}
            for spec in specs:
                folder = Path(scratch) / str(len(stores))
                folder.mkdir()
                _copy(catalogue, folder / f"copy{SUFFIX}")
                stores.append(KnowledgeBaseStore(folder, encoder, index=spec, metric=metric))
                found[str(spec)] = _with_index(stores[-1].open("copy"), encoder.dimension, folder)
            yield found
        finally:
            for store in stores:
                store.close()


def families(
    bases: Mapping[str, Made],
    encoder: PassageEncoder,
    options: HybridOptions,
    through: Callable[[Retriever], Retriever],
) -> dict[str, Retriever]:
    """For each index the search by vectors alone and the fused one, the latter ``through`` the reader or nothing."""
    alone = HybridOptions(pool=options.pool, lexical_weight=0.0, context_weight=options.context_weight)
    ways: dict[str, Retriever] = {}
    for name, one in bases.items():
        size = f"{one.bytes_a_passage:.0f} B"
        ways[f"{name} ({size}): vectors alone"] = HybridRetriever(one.base.snapshot, encoder, alone)
        ways[f"{name} ({size}): fused"] = through(HybridRetriever(one.base.snapshot, encoder, options))
    return ways


def _with_index(base: KnowledgeBase, dimension: int, folder: Path) -> Made:
    made_of = base.compact()
    with base.snapshot() as snapshot:
        count = max(len(snapshot), 1)
    if made_of.family is Family.FLAT:
        return Made(base, float(dimension * _FLOAT_BYTES))
    return Made(base, sum(path.stat().st_size for path in folder.glob("copy.index-*/*.faiss")) / count)


def _copy(source: Path, target: Path) -> None:
    """A consistent copy, also of a file that is being written to."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
