"""What is done to knowledge bases on disk, each as a small script: the operations that fault injection interrupts.

A new operation is one more entry of ``OPERATIONS``; nothing else has to know it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from domain.errors import Misconfigured, UnknownKnowledgeBase
from evaluation.word_hashing import WordHashing, document_of, drawn_words
from retrieval.index_spec import Family, IndexSpec, parse_spec
from retrieval.ingestion import ingest
from retrieval.knowledge_base import KnowledgeBase, KnowledgeBaseStore
from retrieval.prepared import PreparedDocument

KNOWLEDGE_BASE = "help"

_GRAPH = parse_spec("hnsw:links=8,effort=500")
_LISTS = parse_spec("ivf-flat:lists=2,effort=2")


@dataclass(frozen=True, slots=True)
class Operation:
    """``prepare`` makes the state before in a folder and returns what it left open; ``act`` leads to the state after,
    closes what it opened, and may be done twice.

    ``by_document``: it has several steps, and between them each document is as before or as after. ``index``: the
    vector index that the knowledge base is opened with.
    """

    name: str
    prepare: Callable[[Path], KnowledgeBaseStore]
    act: Callable[[Path], None]
    by_document: bool = False
    index: IndexSpec | None = None


def store_in(folder: Path, index: IndexSpec | None = None) -> KnowledgeBaseStore:
    """The knowledge bases in ``folder``. Nobody else writes: what waits, waits for a reader that will not go."""
    return KnowledgeBaseStore(folder, WordHashing(), index=index, busy_seconds=0.2)


def some_documents(count: int, seed: int, prefix: str = "d", passages: int = 2) -> list[PreparedDocument]:
    """``count`` documents of up to ``passages`` passages."""
    rng = random.Random(seed)
    return [
        document_of(f"{prefix}{number}", [drawn_words(rng, 5, 30) for _ in range(rng.randint(1, passages))])
        for number in range(count)
    ]


@contextmanager
def _open(folder: Path, index: IndexSpec | None = None) -> Iterator[KnowledgeBase]:
    """The knowledge base, closed at the end: closing is part of what may be interrupted."""
    store = store_in(folder, index)
    try:
        yield store.open(KNOWLEDGE_BASE)
    finally:
        store.close()


def _prepared(
    count: int, passages: int = 2, index: IndexSpec | None = None, compacted: bool = False
) -> Callable[[Path], KnowledgeBaseStore]:
    """Makes a knowledge base of ``count`` documents; ``compacted``: with its vector index saved."""

    def prepare(folder: Path) -> KnowledgeBaseStore:
        store = store_in(folder, index)
        base = store.create(KNOWLEDGE_BASE)
        base.put_many(some_documents(count, 1, passages=passages))
        if compacted:
            base.compact()
        return store

    return prepare


def _prepare_pages(folder: Path) -> KnowledgeBaseStore:
    """A folder of pages that was ingested; then one is changed, one removed and one new."""
    pages, rng = folder / "pages", random.Random(2)
    pages.mkdir()
    for number in range(6):
        _write_page(pages / f"page{number}.md", rng)
    store = store_in(folder)
    ingest([pages], store.create(KNOWLEDGE_BASE))
    (pages / "page1.md").unlink()
    for name in ("page2.md", "page9.md"):
        _write_page(pages / name, rng)
    return store


def _prepare_changed(folder: Path) -> KnowledgeBaseStore:
    """A saved index of which a third has changed since."""
    store = _prepared(60, passages=1, index=_GRAPH, compacted=True)(folder)
    base = store.open(KNOWLEDGE_BASE)
    base.put_many(some_documents(15, 3, prefix="new", passages=1))
    for number in range(5):
        base.delete(f"d{number}")
    return store


def _create(folder: Path) -> None:
    store = store_in(folder)
    with suppress(Misconfigured):  # it is there: this is the second time
        store.create(KNOWLEDGE_BASE, "Help", ["How?"])
    store.close()


def _add(folder: Path) -> None:
    with _open(folder) as base:
        base.put_many(some_documents(12, 4, prefix="new"))


def _replace(folder: Path) -> None:
    """By shorter documents, so that passages go as well."""
    with _open(folder) as base:
        base.put_many(some_documents(8, 5, passages=1))


def _delete(folder: Path) -> None:
    with _open(folder) as base:
        base.delete("d3")


def _ingest(folder: Path) -> None:
    with _open(folder) as base:
        ingest([folder / "pages"], base, prune=True)


def _compact(index: IndexSpec) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        with _open(folder, index) as base:
            base.compact()

    return act


def _rebuild(folder: Path) -> None:
    """Other documents, built beside the live ones with an index of their own, take their place."""
    store = store_in(folder, _GRAPH)
    with store.rebuilding(KNOWLEDGE_BASE) as new:
        new.put_many(some_documents(15, 6, prefix="other"))
        new.compact()
    store.close()


def _reembed(folder: Path) -> None:
    store = store_in(folder)
    store.reembed(KNOWLEDGE_BASE)
    store.close()


def _shrink(folder: Path) -> None:
    store = store_in(folder, _GRAPH)
    store.compact(KNOWLEDGE_BASE)
    store.close()


def _remove(folder: Path) -> None:
    store = store_in(folder)
    with suppress(UnknownKnowledgeBase):
        store.remove(KNOWLEDGE_BASE)
    store.close()


OPERATIONS: tuple[Operation, ...] = (
    Operation("create", lambda folder: store_in(folder), _create),
    Operation("add", _prepared(10), _add),
    Operation("replace", _prepared(10), _replace),
    Operation("delete", _prepared(10), _delete),
    Operation("ingest a folder", _prepare_pages, _ingest, by_document=True),
    Operation("compact", _prepared(60, 1), _compact(_GRAPH), index=_GRAPH),
    Operation("compact again", _prepare_changed, _compact(_GRAPH), index=_GRAPH),
    Operation("compact to lists", _prepared(90, 1, _GRAPH, compacted=True), _compact(_LISTS), index=_LISTS),
    Operation("compact to flat", _prepared(60, 1, _GRAPH, compacted=True), _compact(IndexSpec(Family.FLAT))),
    Operation("compact and shrink", _prepare_changed, _shrink, index=_GRAPH),
    Operation("rebuild and swap", _prepared(20, 1, _GRAPH, compacted=True), _rebuild, index=_GRAPH),
    Operation("encode anew and swap", _prepared(10), _reembed),
    Operation("remove", _prepared(10), _remove),
)


def _write_page(path: Path, rng: random.Random) -> None:
    path.write_text(f"# {path.stem}\n\n{drawn_words(rng, 20, 60)}.\n", "utf-8")
