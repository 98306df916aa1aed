"""Doc2Dial as a search task over the product's own passages: training rows, and the development questions."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from corpora.doc2dial import GoldTurn, Split, gold_set, load_turns
from domain.passage import Passage
from retrieval.ingestion import ingest
from retrieval.knowledge_base import KnowledgeBase, KnowledgeBaseStore
from training import retrieval_rows
from training.retrieval_rows import RetrievalRow

_CONTEXT_EXCHANGES = 6  # as many as the rewriter hands on with a query


@dataclass(frozen=True, slots=True)
class SearchTask:
    """``gold[i]`` are the positions in ``passages`` (as encoders see them) that answer ``queries[i]``."""

    queries: tuple[str, ...]
    gold: tuple[frozenset[int], ...]
    passages: tuple[str, ...]


class Doc2DialSearch:
    """The documents of ``folder``, cut as ingestion cuts them, and their turns with the passages that answer.

    Raises ``Misconfigured`` when a file is missing.
    """

    def __init__(self, folder: Path) -> None:
        with _ingested(folder / "documents") as knowledge_base:
            with knowledge_base.snapshot() as snapshot:
                found = snapshot.passages(snapshot.rows())
            self._passages = {passage.id: passage for passage in found.values()}
            self._turns: dict[Split, tuple[GoldTurn, ...]] = {
                split: gold_set(load_turns(folder, split), knowledge_base).turns for split in ("train", "dev")
            }

    def training_rows(self) -> list[RetrievalRow]:
        """A row for each way of asking a training turn and each passage that answers it."""
        return [
            RetrievalRow(query, _pair(self._passages[name]))
            for gold in self._turns["train"]
            for name in sorted(gold.passages)
            for query in query_forms(gold.turn.question, gold.turn.history)
        ]

    def training_pool(self) -> list[retrieval_rows.Passage]:
        """The passages of training documents: those of development documents are no negatives either."""
        answering = {name for gold in self._turns["train"] for name in gold.passages}
        documents = {self._passages[name].document_id for name in answering}
        return [_pair(passage) for passage in self._passages.values() if passage.document_id in documents]

    def development(self) -> SearchTask:
        """The development turns, asked with their whole context, over the passages of all documents."""
        places = {name: place for place, name in enumerate(self._passages)}
        turns = self._turns["dev"]
        return SearchTask(
            tuple(query_forms(gold.turn.question, gold.turn.history)[-1] for gold in turns),
            tuple(frozenset(places[name] for name in gold.passages) for gold in turns),
            tuple(passage.searchable for passage in self._passages.values()),
        )


def query_forms(question: str, history: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """The message with its last exchange, and with all the context that is served, newest first; one without history.

    The lines are those of ``retrieval.hybrid``: an encoder cuts off what comes last.
    """
    exchanges = [f"{asked} {told}".strip() for asked, told in history[-_CONTEXT_EXCHANGES:]]
    forms = ("\n".join([question, *reversed(said)]) for said in (exchanges[-1:], exchanges))
    return tuple(dict.fromkeys(forms))


class _NoEncoder:
    """A ``PassageEncoder`` for a knowledge base that nobody searches: only its passages are wanted."""

    dimension = 1
    fingerprint = "none"

    def encode_queries(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return np.ones((len(texts), 1), dtype=np.float32)

    encode_passages = encode_queries


@contextmanager
def _ingested(documents: Path) -> Iterator[KnowledgeBase]:
    with tempfile.TemporaryDirectory() as folder:
        store = KnowledgeBaseStore(Path(folder), _NoEncoder())
        try:
            knowledge_base = store.create("doc2dial")
            ingest([documents], knowledge_base)
            yield knowledge_base
        finally:
            store.close()


def _pair(passage: Passage) -> retrieval_rows.Passage:
    return passage.heading, passage.text
