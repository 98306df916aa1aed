"""Changes of a knowledge base in Milvus that are whole or not there, though Milvus has no transactions.

Every row says with which generation it was *born*; the head says which generation is current, and a reader looks at
nothing born later. A change writes its new rows first, then names the versions that they replace as *dead* from the
same generation on, and at last replaces the head: one row in one call, which is the moment that the change happens.
What is dead stays for ``keep_seconds``, for readers who began before, and is deleted by a later change. A write that
broke off left rows that nobody looks at; the next writer deletes them and never uses their numbers again, so that a
message of it that arrives late stays unseen too.
"""

from __future__ import annotations

import json
import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from threading import Lock

import numpy as np
import numpy.typing as npt

from domain.errors import DocumentRejected
from retrieval.milvus_filters import Hidden, both, numbers, quoted, texts, visible
from retrieval.milvus_lease import Lease
from retrieval.milvus_schema import (
    HEAD,
    RECORD_FIELDS,
    Head,
    Names,
    document_of,
    document_records,
    passage_rows,
    record,
)
from retrieval.milvus_server import CollectionGone, MilvusServer, Row, in_blocks
from retrieval.prepared import PreparedDocument
from retrieval.validity import replaced_by

Matrix = npt.NDArray[np.float32]

_ASKED_AT_ONCE = 500  # ids in one filter expression
_RESERVED = 1 << 32  # numbers given up after a write that broke off: more than one write can have taken
_GONE = 'kind in ["dead", "void"]'
_VERSION = 'kind in ["document", "text"]'


class Reader:
    """The records of one knowledge base, as readers and writers see them. Safe for many threads."""

    def __init__(self, server: MilvusServer, names: Names) -> None:
        self.server, self.names = server, names
        self._hidden: tuple[str, int, Hidden] = ("", -1, Hidden())
        self._bound: tuple[tuple[str, int, date], Mapping[str, Mapping[str, str]]] = (("", -1, date.min), {})

    def head(self, *, bounded: bool = False) -> Head:
        """The newest head; ``bounded`` allows one a few seconds old. Raises ``CollectionGone`` without one."""
        found = self.server.newest(self.names.records, f"key == {quoted(HEAD)}", RECORD_FIELDS, bounded=bounded)
        if not found:
            raise CollectionGone(f"The knowledge base {self.names.records} on Milvus is not there; open it again.")
        return Head.from_row(found[0])

    def hidden(self, head: Head) -> Hidden:
        """What is stored and not to be seen at ``head``; read once a generation."""
        made, generation, known = self._hidden
        if (made, generation) == (head.made, head.generation):
            return known
        rows = self.gone(head)
        copies = tuple(sorted(int(row["copy"]) for row in rows if row["kind"] == "dead"))
        ranges = tuple(sorted((int(row["copy"]), int(row["part"])) for row in rows if row["kind"] == "void"))
        found = Hidden(copies, ranges)
        self._hidden = (head.made, head.generation, found)  # one assignment: no reader sees half of it
        return found

    def gone(self, head: Head) -> list[Row]:
        """The dead and the void records at ``head``."""
        return self.records(head, f"{_GONE} and born <= {head.generation}")

    def bound_in_time(self, head: Head, today: date) -> Mapping[str, Mapping[str, str]]:
        """The metadata, by id, of the documents that replace another, are replaced, run out, or are to take effect
        after ``today``: all that the day of a question may rule out. Read once a generation and day."""
        key, (known_key, known) = (head.made, head.generation, today), self._bound
        if key == known_key:
            return known
        later = f"effective_from > {quoted(today.isoformat())}"
        rows = self.records(head, both('kind == "document"', f"bound == true or {later}", self.seen(head)))
        found = _metadata(rows)
        replaced = {older for id_, metadata in found.items() for older in replaced_by(id_, metadata)} - found.keys()
        found |= _metadata(self.versions(head, sorted(replaced)))
        self._bound = (key, found)
        return found

    def seen(self, head: Head) -> str:
        """The expression of what a reader at ``head`` may see."""
        return visible(head.generation, self.hidden(head))

    def records(self, head: Head, expression: str) -> list[Row]:
        return self.server.query(self.names.records, expression, RECORD_FIELDS, head.committed_at)

    def versions(self, head: Head, document_ids: Sequence[str]) -> list[Row]:
        """The current versions of these documents."""
        seen = self.seen(head)
        found: list[Row] = []
        for some in _blocks(document_ids):
            wanted = f'kind == "document" and document_id in {texts(some)}'
            found += self.records(head, both(wanted, seen))
        return found


class Writer:
    """Makes changes, one at a time over all processes. Safe for many threads."""

    def __init__(self, reader: Reader) -> None:
        self._reader, self._server, self._names = reader, reader.server, reader.names
        self._lease = Lease(self._server, lambda: self._names.records)
        self._lock = Lock()
        self._broke_off = False
        self._purged: dict[int, float] = {}
        self._purged_at = -math.inf

    def put_many(self, documents: Sequence[PreparedDocument], vectors: Sequence[Matrix]) -> None:
        """Add or replace documents (each id once) with their passages' vectors, all or none.

        Raises ``DocumentRejected`` when a passage's id is taken, ``PartUnavailable`` while another writes or when
        Milvus does not answer.
        """
        if not documents:
            return
        with self._turn() as head:
            self._check_free(head, documents)
            replaced = self._reader.versions(head, [prepared.document.id for prepared in documents])
            self._change(head, list(zip(documents, vectors, strict=True)), replaced)

    def delete(self, document_id: str) -> bool:
        """Take a document out; False when there is none."""
        with self._turn() as head:
            replaced = self._reader.versions(head, [document_id])
            if replaced:
                self._change(head, [], replaced)
            return bool(replaced)

    def clean(self) -> None:
        """Delete what a broken write left and what no reader needs any more, and let others write."""
        self._purged_at = -math.inf
        with self._turn():
            pass  # whatever a turn begins with
        self.release()

    def release(self) -> None:
        """Let others write at once."""
        with self._lock:
            self._lease.release()

    @contextmanager
    def _turn(self) -> Iterator[Head]:
        with self._lock:
            other_wrote = self._lease.take()
            head = self._reader.head()
            if other_wrote or self._broke_off:
                head = self._repaired(head)
            if time.monotonic() - self._purged_at > self._server.options.keep_seconds / 4:
                self._purge(head)
            yield head

    def _change(self, head: Head, documents: Sequence[tuple[PreparedDocument, Matrix]], replaced: list[Row]) -> None:
        born, number = head.generation + 1, head.next_number
        passages: list[Row] = []
        records = [_dead(row, born) for row in replaced]
        for prepared, vectors in documents:  # everything is checked before anything is sent
            records += document_records(prepared, number, born)
            passages += passage_rows(prepared, vectors, number, born)
            number += 1 + len(prepared.passages)
        self._broke_off = True
        self._send(self._names.passages, passages)
        self._send(self._names.records, records)
        counted = head.passages + len(passages) - sum(passage_count(row) for row in replaced)
        total = head.documents + len(documents) - len(replaced)
        self._commit(replace(head, generation=born, next_number=number, documents=total, passages=counted))
        self._broke_off = False

    def _send(self, collection: str, rows: Iterable[Row]) -> None:
        for block in in_blocks(rows):
            self._lease.renew()
            self._server.upsert(collection, block)

    def _commit(self, head: Head) -> None:
        self._lease.renew()
        self._lease.confirm()
        self._server.upsert(self._names.records, [replace(head, committed_at=time.time()).as_row()])

    def _repaired(self, head: Head) -> Head:
        """The head after what a broken write left is gone; nothing is written where nothing was left."""
        later = f"born > {head.generation}"
        left = self._reader.server.newest(self._names.records, later, ["key"])
        if not self._broke_off and not left and not self._server.newest(self._names.passages, later, ["row"]):
            return head
        born, first, last = head.generation + 1, head.next_number, head.next_number + _RESERVED - 1
        self._lease.renew()
        self._server.delete(self._names.passages, later)
        self._server.delete(self._names.records, later)
        void = record(f"void:{first}", "void", first, born, part=last, payload=repr(time.time()))
        self._send(self._names.records, [void])
        healed = replace(head, generation=born, next_number=last + 1)
        self._commit(healed)
        self._broke_off = False
        return self._reader.head()

    def _purge(self, head: Head) -> None:
        """Delete the rows of what has been gone for ``keep_seconds``, and after twice that time its record."""
        self._purged_at, keep, now = time.monotonic(), self._server.options.keep_seconds, time.time()
        gone = [row for row in self._reader.gone(head) if now - float(row["payload"]) > keep]
        fresh = [row for row in gone if int(row["copy"]) not in self._purged]
        for expression in _matching(fresh):
            self._lease.renew()
            self._server.delete(self._names.passages, expression)
            self._server.delete(self._names.records, f"{_VERSION} and {expression}")
        self._purged |= {int(row["copy"]): now for row in fresh}
        done = [row for row in gone if now - self._purged[int(row["copy"])] > keep]
        for some in _blocks([str(row["key"]) for row in done]):
            self._lease.renew()
            self._server.delete(self._names.records, f"key in {texts(some)}")
        for row in done:
            del self._purged[int(row["copy"])]

    def _check_free(self, head: Head, documents: Sequence[PreparedDocument]) -> None:
        owners = {passage.id: prepared.document.id for prepared in documents for passage in prepared.passages}
        counted = Counter(passage.id for prepared in documents for passage in prepared.passages)
        for passage_id in (id_ for id_, count in counted.items() if count > 1):
            raise _taken(passage_id, owners[passage_id])
        others = f"document_id not in {texts(prepared.document.id for prepared in documents)}"
        seen = self._reader.seen(head)
        for some in _blocks(list(owners)):
            expression = both(f"id in {texts(some)}", others, seen)
            for row in self._server.query(self._names.passages, expression, ["id"], head.committed_at):
                raise _taken(row["id"], owners[row["id"]])


def _metadata(rows: Iterable[Row]) -> dict[str, Mapping[str, str]]:
    return {str(row["document_id"]): document_of(row).metadata for row in rows}


def passage_count(row: Row) -> int:
    """How many passages the version of a document record has."""
    return int(json.loads(row["payload"])["passages"])


def content_hash_of(row: Row) -> str:
    """The content hash of a document record."""
    return str(json.loads(row["payload"])["content_hash"])


def _dead(row: Row, born: int) -> Row:
    return record(f"dead:{row['copy']}", "dead", int(row["copy"]), born, payload=repr(time.time()))


def _matching(gone: Sequence[Row]) -> Iterator[str]:
    copies = [str(row["copy"]) for row in gone if row["kind"] == "dead"]
    for some in _blocks(copies):
        yield f"copy in {numbers(int(copy) for copy in some)}"
    for row in gone:
        if row["kind"] == "void":
            yield f"copy >= {row['copy']} and copy <= {row['part']}"


def _taken(passage_id: str, document_id: str) -> DocumentRejected:
    return DocumentRejected(
        f"The document {document_id!r} has a passage with the id {passage_id!r}, which is taken; give it another."
    )


def _blocks(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), _ASKED_AT_ONCE):
        yield items[start : start + _ASKED_AT_ONCE]
