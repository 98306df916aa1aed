"""Whether the cost of a passage stays the same as a knowledge base grows: ingestion, memory and search at each size.

The corpus is generated from real documents: their sentences are drawn anew, and a share of the words changed, so that
vocabulary and lengths are those of real text and no passage is there twice.
"""

from __future__ import annotations

import random
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from domain.protocols import PassageEncoder
from evaluation.ingestion_bench import passages_of
from evaluation.metrics import percentile
from evaluation.reports import Table
from retrieval.ingestion import ingest
from retrieval.knowledge_base import KnowledgeBaseStore
from retrieval.sentences import sentence_spans

SIZES = (1_000, 3_000, 10_000, 30_000, 100_000)
_CHANGED = 0.1  # of the words, each replaced by another word of the corpus with a number after it
_QUERIES = 50
_TOP_K = 10


@dataclass(frozen=True, slots=True)
class Grown:
    """One size: what the passages since the size before cost each, wall and processor seconds, the time to make the
    index that is searched, and searches (vectors and words) at this size."""

    passages: int
    seconds_each: float
    processor_seconds_each: float
    index_seconds: float
    search_seconds: tuple[float, ...]
    bytes_each: float


def sentences_of(root: Path) -> list[str]:
    """The sentences of the documents under ``root``, in order."""
    bodies = (text.partition("\n")[2] for text in passages_of(root))  # without the heading line
    return [body[start:end] for body in bodies for start, end in sentence_spans(body)]


def generated(sentences: Sequence[str], seed: int = 0) -> Iterator[str]:
    """Texts of about 100 words without end, one paragraph each; the same for the same ``seed``."""
    rng, words = random.Random(seed), [word for sentence in sentences for word in re.findall(r"\w+", sentence)]
    while True:
        drawn: list[str] = []
        while len(drawn) < 100:
            drawn += rng.choice(sentences).split()
        for place in rng.sample(range(len(drawn)), int(_CHANGED * len(drawn))):
            drawn[place] = f"{rng.choice(words)}{rng.randrange(1000)}"
        yield " ".join(drawn[:120])


def measure(
    sentences: Sequence[str], encoder: PassageEncoder, sizes: Sequence[int], tell: Callable[[int, int], object]
) -> list[Grown]:
    """One knowledge base, grown from size to size by files of rows; its vector index is made at each."""
    texts, grown, before = generated(sentences), [], 0
    with tempfile.TemporaryDirectory() as scratch:
        store = KnowledgeBaseStore(Path(scratch) / "bases", encoder)
        store.create("grown")
        for size in sizes:
            file = _rows(Path(scratch) / f"{size}.tsv", texts, size - before)
            grown.append(_grow(store, encoder, file, size - before, next(texts)))
            before = size
            tell(size, sizes[-1])
        store.close()
    return grown


def report(grown: Sequence[Grown], facts: Mapping[str, str]) -> Table:
    """A line a size. Constant columns are linear growth."""
    columns = (
        "passages",
        "ms a passage",
        "CPU ms a passage",
        "index s",
        "search p50 ms",
        "search p95 ms",
        "bytes each",
    )
    rows = tuple(
        (
            f"{one.passages:,}",
            f"{1000 * one.seconds_each:.2f}",
            f"{1000 * one.processor_seconds_each:.2f}",
            f"{one.index_seconds:.2f}",
            f"{1000 * percentile(one.search_seconds, 0.5):.1f}",
            f"{1000 * percentile(one.search_seconds, 0.95):.1f}",
            f"{one.bytes_each:.0f}",
        )
        for one in grown
    )
    return Table("Growth of cost", columns, rows, facts, [dict(zip(columns, row, strict=True)) for row in rows])


def _grow(store: KnowledgeBaseStore, encoder: PassageEncoder, file: Path, new: int, likeness: str) -> Grown:
    base, started, worked = store.open("grown"), time.perf_counter(), time.process_time()
    ingest([file], base)
    seconds, processor = time.perf_counter() - started, time.process_time() - worked
    started = time.perf_counter()
    store.compact("grown")
    with base.snapshot() as snapshot:
        count = len(snapshot)
    index_seconds = time.perf_counter() - started
    stored = sum(path.stat().st_size for path in file.parent.rglob("*") if "grown" in path.name and path.is_file())
    words = likeness.split()
    searches = tuple(_search(store, encoder, " ".join(words[n : n + 8])) for n in range(_QUERIES))
    return Grown(count, seconds / new, processor / new, index_seconds, searches, stored / count)


def _search(store: KnowledgeBaseStore, encoder: PassageEncoder, query: str) -> float:
    vector = encoder.encode_queries([query])
    started = time.perf_counter()
    with store.open("grown").snapshot() as snapshot:
        snapshot.dense(vector[0], _TOP_K)  # type: ignore[index]  # the domain's arrays know their shape only
        snapshot.lexical(query, _TOP_K)
    return time.perf_counter() - started


def _rows(path: Path, texts: Iterator[str], count: int) -> Path:
    with path.open("w", encoding="utf-8") as file:
        file.write("text\n")
        for _, text in zip(range(count), texts, strict=False):
            file.write(text.replace("\t", " ").replace('"', "'") + "\n")
    return path
