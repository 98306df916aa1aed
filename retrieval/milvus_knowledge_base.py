"""Knowledge bases on a Milvus server: the same promises as ``retrieval.knowledge_base``, beyond one machine."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import cast

import numpy as np

from domain.errors import Misconfigured, PartUnavailable, UnknownKnowledgeBase
from domain.filters import Filter
from domain.passage import Document, Passage
from domain.protocols import KnowledgeBaseInfo, PassageEncoder
from retrieval.arrays import NO_ROWS, Matrix, Rows
from retrieval.lexical import searched_words
from retrieval.milvus_filters import EVERYTHING, admitting, both, numbers, outside, texts
from retrieval.milvus_schema import (
    FORMAT,
    METRIC,
    PASSAGE_FIELDS,
    RECORD_FIELDS,
    Head,
    document_of,
    indexed_at,
    passage_of,
)
from retrieval.milvus_server import CLOCK_SKEW_SECONDS, CollectionGone, MilvusServer, Row
from retrieval.milvus_writing import Reader, Writer, content_hash_of
from retrieval.prepared import PreparedDocument, check_passages
from retrieval.validity import AskedTime, not_holding


class MilvusSnapshot:
    """A knowledge base at one moment: what ``retrieval.hybrid`` searches. Every reading asks the server for what
    was visible then; it can be used for ``keep_seconds`` and raises ``PartUnavailable`` after that."""

    def __init__(self, reader: Reader, head: Head, ends_at: float, narrowing: str = EVERYTHING) -> None:
        """``ends_at``: on the monotonic clock. ``narrowing``: what else must hold of what is found."""
        self._reader, self._head, self._ends_at = reader, head, ends_at
        self._narrowing = narrowing
        self._seen = reader.seen(head)

    def __len__(self) -> int:
        """How many passages there are."""
        return self._head.passages

    def narrowed(self, only: Filter, asked: AskedTime | None, today: date) -> MilvusSnapshot:
        """The same moment, of which ``dense`` and ``lexical`` find only what ``only`` lets through and, unless
        ``asked`` is None, what holds at the time asked about: as conditions inside the search."""
        out = sorted(self._not_holding(asked, today)) if asked is not None else []
        holding = f"document_id not in {texts(out)}" if out else EVERYTHING
        narrowing = both(self._narrowing, admitting(only), holding)
        return MilvusSnapshot(self._reader, self._head, self._ends_at, narrowing)

    def dense(self, vector: Matrix, k: int, excluded: Rows = NO_ROWS) -> list[tuple[int, float]]:
        """The ``k`` nearest (row, inner product) to ``vector`` (dimension,), by ``(-score, row)``."""
        if k <= 0 or not len(self):
            return []
        found = self._server.nearest(self._passages, vector, k, self._among(excluded), self._head.committed_at)
        return sorted(found, key=_best_first)

    def dense_scores(self, vector: Matrix, rows: Sequence[int]) -> dict[int, float]:
        """The inner product of ``vector`` with the passages in ``rows``, from their whole vectors."""
        found = self._read(f"row in {numbers(rows)}", ["row", "vector"]) if len(rows) else []
        vectors = {int(row["row"]): np.asarray(row["vector"], dtype=np.float32) for row in found}
        return {int(row): float(vectors[int(row)] @ vector) for row in rows}

    def lexical(self, text: str, k: int, excluded: Rows = NO_ROWS) -> list[tuple[int, float]]:
        """The ``k`` best (row, BM25) for ``text``, by ``(-score, row)``; [] when no word of it occurs.

        The words are cut, stemmed and weighed by Milvus: scores are not comparable with those of SQLite.
        """
        words = " ".join(searched_words(text))
        if k <= 0 or not words or not len(self):
            return []
        found = self._server.full_text(self._passages, words, k, self._among(excluded), self._head.committed_at)
        return sorted(found, key=_best_first)

    def rows(self) -> list[int]:
        """The row numbers of all passages, ascending."""
        return self._rows_of(self._seen)

    def rows_of(self, document_ids: Iterable[str]) -> list[int]:
        """The row numbers of the passages of these documents, ascending."""
        return sorted(self._rows_of(f"document_id in {texts(list(document_ids))}"))

    def passages(self, rows: Sequence[int]) -> dict[int, Passage]:
        """The passages with these row numbers."""
        found = self._read(f"row in {numbers(rows)}", PASSAGE_FIELDS) if len(rows) else []
        by_row = {int(row["row"]): passage_of(row) for row in found}
        return {int(row): by_row[int(row)] for row in sorted(rows) if int(row) in by_row}

    def rows_outside(self, filter_: Filter) -> Rows:
        """The passages of documents that ``filter_`` does not let through, ascending; ``narrowed`` is much cheaper."""
        return np.asarray(self._rows_of(both(outside(filter_), self._seen)), dtype=np.int64)

    def rows_not_holding(self, asked: AskedTime, today: date) -> Rows:
        """The passages of documents that do not hold at the time ``asked`` about, ascending."""
        out = sorted(self._not_holding(asked, today))
        rows = self._rows_of(both(f"document_id in {texts(out)}", self._seen)) if out else []
        return np.asarray(rows, dtype=np.int64)

    @property
    def _server(self) -> MilvusServer:
        """Asked for at every reading, so that none comes too late."""
        if time.monotonic() > self._ends_at:
            raise PartUnavailable(
                f"This view of the knowledge base is older than the {self._reader.server.options.keep_seconds:g} s "
                "that what was replaced is kept; search again."
            )
        return self._reader.server

    @property
    def _passages(self) -> str:
        return self._reader.names.passages

    def _among(self, excluded: Rows) -> str:
        left_out = f"row not in {numbers(excluded)}" if len(excluded) else EVERYTHING
        return both(self._seen, self._narrowing, left_out)

    def _read(self, expression: str, fields: Sequence[str]) -> list[Row]:
        return self._server.query(self._passages, both(expression, self._seen), fields, self._head.committed_at)

    def _rows_of(self, expression: str) -> list[int]:
        return sorted(int(row["row"]) for row in self._server.scan(self._passages, expression, ["row"]))

    def _not_holding(self, asked: AskedTime, today: date) -> frozenset[str]:
        return not_holding(self._reader.bound_in_time(self._head, today), asked, today)


class MilvusKnowledgeBase:
    """One knowledge base: a ``domain.protocols.Index`` that can be searched. Safe for many threads."""

    def __init__(self, name: str, reader: Reader, encoder: PassageEncoder) -> None:
        self.name = name
        self._reader, self._encoder = reader, encoder
        self._writer = Writer(reader)

    def put(self, document: Document, text: str, passages: Sequence[Passage], content_hash: str) -> None:
        """Add or replace one document; see ``put_many``."""
        self.put_many([PreparedDocument(document, text, tuple(passages), content_hash)])

    def put_many(self, documents: Sequence[PreparedDocument]) -> None:
        """Add or replace documents, all or none: encode first, then write what readers see at one instant.

        Raises ``DocumentRejected`` for a passage of another document, a taken id or more text than Milvus keeps in a
        field, and ``PartUnavailable`` while another process writes or the server does not answer; nothing has changed
        then, unless only the server's last word was lost: putting the same documents again is right in every case.
        """
        latest = list({prepared.document.id: prepared for prepared in documents}.values())
        for prepared in latest:
            check_passages(prepared)
        self._head()
        texts_ = [passage.searchable for prepared in latest for passage in prepared.passages]
        vectors = cast(Matrix, self._encoder.encode_passages(texts_)) if texts_ else self._no_vectors()
        ends = np.cumsum([len(prepared.passages) for prepared in latest], dtype=np.int64)
        self._writer.put_many(latest, np.split(vectors, ends)[: len(latest)])

    def delete(self, document_id: str) -> bool:
        """Take a document out; False when there is none."""
        return self._writer.delete(document_id)

    def content_hash(self, document_id: str) -> str | None:
        found = self._reader.versions(self._head(), [document_id])
        return content_hash_of(found[0]) if found else None

    def document(self, document_id: str) -> tuple[Document, str] | None:
        """The document and its full text, or None."""
        head = self._head()
        found = self._reader.versions(head, [document_id])
        if not found:
            return None
        parts = self._reader.records(head, f'kind == "text" and copy == {found[0]["copy"]}')
        text = "".join(str(part["payload"]) for part in sorted(parts, key=lambda part: int(part["part"])))
        return document_of(found[0]), text

    def documents(self) -> Iterable[Document]:
        """All documents, by id."""
        head = self._head()
        seen = both('kind == "document"', self._reader.seen(head))
        found = self._reader.server.scan(self._reader.names.records, seen, RECORD_FIELDS)
        return sorted((document_of(row) for row in found), key=lambda document: document.id)

    def indexed_at(self, document_ids: Sequence[str]) -> Mapping[str, float]:
        """When each of these documents was put, in Unix seconds."""
        times = {row["document_id"]: indexed_at(row) for row in self._reader.versions(self._head(), document_ids)}
        return {id_: at for id_, at in times.items() if at is not None}

    @contextmanager
    def snapshot(self) -> Iterator[MilvusSnapshot]:
        """One consistent view for the length of the ``with`` block, whatever writers do meanwhile."""
        options = self._reader.server.options
        spare = CLOCK_SKEW_SECONDS if options.keep_seconds > 2 * CLOCK_SKEW_SECONDS else 0.0
        ends_at = time.monotonic() + options.keep_seconds - spare
        yield MilvusSnapshot(self._reader, self._head(bounded=options.bounded), ends_at)

    def compact(self) -> None:
        """Deletes what a write that broke off left, and what was replaced too long ago for any reader to need."""
        self._writer.clean()

    def info(self) -> KnowledgeBaseInfo:
        """What lists show of it."""
        return info_of(self.name, self._head())

    def close(self) -> None:
        """Lets other processes write at once."""
        self._writer.release()

    def _head(self, *, bounded: bool = False) -> Head:
        try:
            head = self._reader.head(bounded=bounded)
        except CollectionGone as error:
            raise UnknownKnowledgeBase(
                f"The knowledge base {self.name!r} is no longer on Milvus; make it again: "
                f"colloquy ingest --kb {self.name} PATH…"
            ) from error
        check_identity(self.name, head, self._encoder)  # another process may have made it anew by another encoder
        return head

    def _no_vectors(self) -> Matrix:
        return np.zeros((0, self._encoder.dimension), dtype=np.float32)


def check_identity(name: str, head: Head, encoder: PassageEncoder) -> None:
    """Raises ``Misconfigured`` unless ``encoder`` made the knowledge base, in the format that is read here."""
    found, wanted = _made_by(head), _wanted(encoder)
    if found != wanted:
        raise Misconfigured(
            f"The knowledge base {name!r} was built by {found} and is opened by {wanted}; use that encoder, or rebuild "
            f"it: colloquy ingest --rebuild --kb {name} PATH…"
        )


def _made_by(head: Head) -> str:
    return f"{head.fingerprint} ({head.dimension} numbers, {head.metric}, format {head.format})"


def _wanted(encoder: PassageEncoder) -> str:
    return f"{encoder.fingerprint} ({encoder.dimension} numbers, {METRIC}, format {FORMAT})"


def is_made_by(head: Head, encoder: PassageEncoder) -> bool:
    """Whether ``encoder`` made it, in the format that is read here."""
    return _made_by(head) == _wanted(encoder)


def info_of(name: str, head: Head) -> KnowledgeBaseInfo:
    """What lists show of the knowledge base ``name``."""
    return KnowledgeBaseInfo(name, head.title, head.documents, head.passages, head.committed_at, head.examples)


def _best_first(found: tuple[int, float]) -> tuple[float, int]:
    return -found[1], found[0]
