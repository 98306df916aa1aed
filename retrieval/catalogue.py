"""The one source of truth of a knowledge base: a SQLite file with documents, passages, vectors and word index.

Whatever changes together is in one transaction with the generation counter, so that a crash at any instant leaves
the state before or after, and whoever keeps something in memory sees by the counter that it has aged. Rows of
passages are never changed and their numbers never reused: two generations differ by row numbers alone.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt

from domain.errors import DocumentRejected, Misconfigured
from domain.filters import Filter
from domain.passage import Document, Passage
from domain.protocols import KnowledgeBaseInfo
from retrieval.base_files import name_of, sync_folder
from retrieval.index_spec import Metric
from retrieval.lexical import LEXICON_SCHEMA, bm25_search
from retrieval.prepared import PreparedDocument
from retrieval.sqlite_file import SqliteFile, connect, told_in_words
from retrieval.validity import replaced_by

FORMAT = "1"

_METRIC_NAMES = {Metric.DOT: "inner product", Metric.COSINE: "cosine", Metric.L2: "squared distance"}
"""As the file spells them; the first one did so before there were others."""

_SCHEMA = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    id TEXT PRIMARY KEY, title TEXT NOT NULL, source TEXT NOT NULL, metadata TEXT NOT NULL,
    content_hash TEXT NOT NULL, text TEXT NOT NULL
);
CREATE INDEX superseding ON documents(id) WHERE json_extract(metadata, '$.supersedes') IS NOT NULL;
CREATE TABLE passages (
    row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,
    document_id TEXT NOT NULL REFERENCES documents(id) ON DELETE CASCADE,
    title TEXT NOT NULL, heading TEXT NOT NULL, text TEXT NOT NULL, source TEXT NOT NULL,
    start INTEGER NOT NULL, stop INTEGER NOT NULL, section TEXT NOT NULL, metadata TEXT NOT NULL
);
CREATE INDEX passages_of_document ON passages(document_id);
CREATE TABLE vectors (
    row INTEGER PRIMARY KEY REFERENCES passages(row) ON DELETE CASCADE, vector BLOB NOT NULL
);
{LEXICON_SCHEMA}
"""

_TIMES = """
CREATE TABLE IF NOT EXISTS indexed (
    document_id TEXT PRIMARY KEY REFERENCES documents(id) ON DELETE CASCADE, at REAL NOT NULL
) WITHOUT ROWID
"""
"""Made by the first write: catalogues of older versions are without it, and lack nothing else."""

_BOUND_IN_TIME = """
SELECT id, metadata FROM documents WHERE json_extract(metadata, '$.supersedes') IS NOT NULL
    OR json_extract(metadata, '$.effective_until') IS NOT NULL OR json_extract(metadata, '$.effective_from') > ?
"""

_PASSAGE_COLUMNS = "id, document_id, title, text, source, start, stop, section, metadata"

Matrix = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Identity:
    """What an index was built by; opening it by anything else would compare vectors that mean nothing together."""

    fingerprint: str
    dimension: int
    metric: Metric = Metric.DOT

    def as_meta(self) -> dict[str, str]:
        metric = _METRIC_NAMES[self.metric]
        return {"fingerprint": self.fingerprint, "dimension": str(self.dimension), "metric": metric}


class Moment:
    """One consistent view of the catalogue, valid while its read transaction lasts."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def meta(self) -> dict[str, str]:
        return dict(self._connection.execute("SELECT key, value FROM meta"))

    def generation(self) -> int:
        return int(self._connection.execute("SELECT value FROM meta WHERE key = 'generation'").fetchone()[0])

    def counts(self) -> tuple[int, int]:
        """How many documents and passages there are."""
        row = self._connection.execute("SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM passages)")
        documents, passages = row.fetchone()
        return int(documents), int(passages)

    def rows(self) -> Rows:
        """The numbers of all passages, ascending."""
        found = self._connection.execute("SELECT row FROM vectors ORDER BY row")
        return np.fromiter((row for (row,) in found), dtype=np.int64)

    def vectors(self, rows: Rows, dimension: int) -> Matrix:
        """The vectors (n, dimension) of ``rows``, which are ascending and exist."""
        if not len(rows):
            return np.zeros((0, dimension), dtype=np.float32)
        wanted = set(rows.tolist())
        found = self._connection.execute(
            "SELECT row, vector FROM vectors WHERE row BETWEEN ? AND ? ORDER BY row", (int(rows[0]), int(rows[-1]))
        )
        return _matrix((vector for row, vector in found if row in wanted), dimension)

    def vectors_of(self, rows: Rows, dimension: int) -> Matrix:
        """The vectors (n, dimension) of ``rows`` (n,), which exist, in any order: a few, each looked up."""
        marks = ",".join(str(int(row)) for row in rows)
        found = dict(self._connection.execute(f"SELECT row, vector FROM vectors WHERE row IN ({marks})"))
        return _matrix((found[row] for row in rows.tolist()), dimension)

    def vector_blocks(self, dimension: int, size: int = 8192) -> Iterator[tuple[Rows, Matrix]]:
        """All rows and their vectors, ascending, ``size`` at a time."""
        found = self._connection.execute("SELECT row, vector FROM vectors ORDER BY row")
        while block := found.fetchmany(size):
            rows = np.array([row for row, _ in block], dtype=np.int64)
            yield rows, _matrix((vector for _, vector in block), dimension)

    def lexical(self, text: str, k: int, excluded: Sequence[int] = ()) -> list[tuple[int, float]]:
        """The ``k`` best (row, BM25); see ``bm25_search``."""
        return bm25_search(self._connection, text, k, excluded)

    def passages(self, rows: Sequence[int]) -> dict[int, Passage]:
        """The passages with these row numbers."""
        marks = ",".join(str(int(row)) for row in rows)
        found = self._connection.execute(f"SELECT row, {_PASSAGE_COLUMNS} FROM passages WHERE row IN ({marks})")
        return {int(row): _passage(*values) for row, *values in found}

    def rows_of(self, document_ids: Iterable[str]) -> list[int]:
        """The row numbers of the passages of these documents."""
        select = "SELECT row FROM passages WHERE document_id = ?"
        return [int(row) for id_ in document_ids for (row,) in self._connection.execute(select, (id_,))]

    def rows_by_id(self, passage_ids: Iterable[str]) -> dict[str, int]:
        """The row number of each passage with one of these ids."""
        select = "SELECT row FROM passages WHERE id = ?"
        found = ((id_, self._connection.execute(select, (id_,)).fetchone()) for id_ in passage_ids)
        return {id_: int(row[0]) for id_, row in found if row}

    def outside(self, filter_: Filter) -> list[str]:
        """The ids of the documents that ``filter_`` does not let through."""
        found = self._connection.execute("SELECT id, metadata FROM documents")
        return [id_ for id_, metadata in found if not filter_.admits(json.loads(metadata))]

    def bound_in_time(self, today: date) -> dict[str, Mapping[str, str]]:
        """The metadata, by id, of the documents that replace another, are replaced, run out, or are to take effect
        after ``today``: all that the day of a question may rule out."""
        found = self._connection.execute(_BOUND_IN_TIME, (today.isoformat(),))
        bound: dict[str, Mapping[str, str]] = {id_: json.loads(text) for id_, text in found}
        replaced = {older for id_, metadata in bound.items() for older in replaced_by(id_, metadata)} - bound.keys()
        select = "SELECT metadata FROM documents WHERE id = ?"
        older_ones = ((id_, self._connection.execute(select, (id_,)).fetchone()) for id_ in replaced)
        return bound | {id_: json.loads(row[0]) for id_, row in older_ones if row}

    def content_hash(self, document_id: str) -> str | None:
        found = self._connection.execute("SELECT content_hash FROM documents WHERE id = ?", (document_id,)).fetchone()
        return str(found[0]) if found else None

    def indexed_at(self, document_ids: Iterable[str]) -> dict[str, float]:
        """When each of these documents was put (Unix seconds); one of an older version's is left out."""
        if not self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'indexed'").fetchone():
            return {}
        select = "SELECT at FROM indexed WHERE document_id = ?"
        found = ((id_, self._connection.execute(select, (id_,)).fetchone()) for id_ in document_ids)
        return {id_: float(row[0]) for id_, row in found if row}

    def document(self, document_id: str) -> tuple[Document, str] | None:
        select = "SELECT id, title, source, metadata, text FROM documents WHERE id = ?"
        found = self._connection.execute(select, (document_id,)).fetchone()
        return (_document(*found[:4]), str(found[4])) if found else None

    def documents(self) -> list[Document]:
        """All documents, by id."""
        found = self._connection.execute("SELECT id, title, source, metadata FROM documents ORDER BY id")
        return [_document(*values) for values in found]

    def prepared(self) -> Iterator[PreparedDocument]:
        """Every document with its text and passages, by id, as it was put."""
        select = f"SELECT {_PASSAGE_COLUMNS} FROM passages WHERE document_id = ? ORDER BY row"
        found = self._connection.execute(
            "SELECT id, title, source, metadata, text, content_hash FROM documents ORDER BY id"
        )
        for *about, text, content_hash in found:
            passages = tuple(_passage(*values) for values in self._connection.execute(select, (about[0],)))
            yield PreparedDocument(_document(*about), text, passages, content_hash)


class Catalogue:
    """The file and what may be done to it. Safe for many threads; one writer at a time, over all processes."""

    def __init__(self, path: Path, *, busy_seconds: float = 10.0) -> None:
        """Open an existing file. Raises ``Misconfigured`` for one damaged, foreign or of another format."""
        self._file = SqliteFile(path, busy_seconds=busy_seconds)
        self.meta = self._read_meta()
        if self.meta.get("format") != FORMAT:
            raise Misconfigured(
                f"The index file {path} has format {self.meta.get('format')!r} where this version reads {FORMAT!r}; "
                f"rebuild it: colloquy ingest --rebuild --kb {name_of(path)} PATH…"
            )

    @property
    def path(self) -> Path:
        return self._file.path

    @contextmanager
    def moment(self) -> Iterator[Moment]:
        """A consistent view, for the length of the ``with`` block."""
        with self._file.reading() as connection:
            yield Moment(connection)

    def put_many(self, documents: Sequence[PreparedDocument], vectors: Sequence[Matrix]) -> None:
        """Add or replace documents with their passages' vectors, all or none.

        Raises ``DocumentRejected`` when a passage's id is taken, ``PartUnavailable`` while another writes.
        """
        with self._changing() as connection:
            connection.execute(_TIMES)
            for prepared, matrix in zip(documents, vectors, strict=True):
                connection.execute("DELETE FROM documents WHERE id = ?", (prepared.document.id,))
                _insert(connection, prepared, matrix)

    def delete(self, document_id: str) -> bool:
        """Take a document and its passages out; False when there is none."""
        with self._changing() as connection:
            return connection.execute("DELETE FROM documents WHERE id = ?", (document_id,)).rowcount > 0

    def remember(self, key: str, value: str) -> None:
        """Keeps a remark about the knowledge base, beside its identity; it changes nothing that is searched."""
        with self._file.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def shrink(self) -> None:
        """Gives back the room of what was deleted and joins the word index's parts; contents and row numbers stay.

        SQLite writes a copy into its log first: a crash leaves the file before or after, readers go on with what they
        see, and as much room again is needed meanwhile. Raises ``PartUnavailable`` while another writes.
        """
        with self._file.writing() as connection:
            connection.execute("INSERT INTO lexicon(lexicon) VALUES ('optimize')")
        with self._file.bare() as connection:
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def seal(self) -> None:
        """Closes it with its whole log written into the file, so that the file alone is all of it. Nobody else may
        have it open."""
        with self._file.bare() as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._file.close()

    def close(self) -> None:
        self._file.close()

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        with self._file.writing() as connection:
            yield connection
            connection.execute("UPDATE meta SET value = value + 1 WHERE key = 'generation'")
            connection.execute("UPDATE meta SET value = ? WHERE key = 'updated_at'", (repr(time.time()),))

    def _read_meta(self) -> dict[str, str]:
        try:
            with self.moment() as moment:
                return moment.meta()
        except BaseException:
            self._file.close()
            raise


def create_catalogue(path: Path, identity: Identity, title: str, examples: Sequence[str]) -> None:
    """Make an empty catalogue at ``path``; it appears whole. Raises ``FileExistsError`` when there is one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    now = repr(time.time())
    meta = {"format": FORMAT, "generation": "0", "created_at": now, "updated_at": now, "title": title}
    meta |= {"examples": json.dumps(list(examples))} | identity.as_meta()
    try:
        with told_in_words(scratch, 0):
            connection = connect(scratch, 0, "rwc")
            connection.executescript(f"BEGIN;{_SCHEMA}")
            connection.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
            connection.execute("COMMIT")
            connection.close()
        os.link(scratch, path)  # unlike a rename, fails when another process was first
        sync_folder(path.parent)
    finally:
        _unlink(scratch)


def metric_of(meta: Mapping[str, str]) -> Metric:
    """The metric that a catalogue's ``meta`` names."""
    return next(metric for metric, name in _METRIC_NAMES.items() if name == meta["metric"])


def meta_of(path: Path) -> dict[str, str]:
    """What the file says of itself, of whatever format and encoder. Raises ``Misconfigured`` for a damaged one."""
    file = SqliteFile(path)
    try:
        with file.reading() as connection:
            return Moment(connection).meta()
    finally:
        file.close()


def info_of(path: Path) -> KnowledgeBaseInfo:
    """What lists show of the catalogue at ``path``, whichever encoder made it."""
    catalogue = Catalogue(path)
    try:
        with catalogue.moment() as moment:
            meta, (documents, passages) = moment.meta(), moment.counts()
    finally:
        catalogue.close()
    examples = tuple(json.loads(meta["examples"]))
    return KnowledgeBaseInfo(name_of(path), meta["title"], documents, passages, float(meta["updated_at"]), examples)


def _unlink(path: Path) -> None:
    for suffix in ("-wal", "-shm", ""):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).unlink()


def _matrix(vectors: Iterable[bytes], dimension: int) -> Matrix:
    """Stored vectors as one matrix (n, dimension)."""
    return np.frombuffer(b"".join(vectors), dtype="<f4").reshape(-1, dimension).astype(np.float32, copy=False)


def _insert(connection: sqlite3.Connection, prepared: PreparedDocument, matrix: Matrix) -> None:
    document = prepared.document
    connection.execute(
        "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?)",
        (document.id, document.title, document.source, _json(document.metadata), prepared.content_hash, prepared.text),
    )
    connection.execute("INSERT INTO indexed VALUES (?, ?)", (document.id, time.time()))
    for passage, vector in zip(prepared.passages, matrix, strict=True):
        row = _insert_passage(connection, document.id, passage)
        connection.execute("INSERT INTO vectors VALUES (?, ?)", (row, vector.astype("<f4").tobytes()))


def _insert_passage(connection: sqlite3.Connection, document_id: str, passage: Passage) -> int:
    values = (passage.id, document_id, passage.title, passage.text, passage.source, *passage.span)
    try:
        cursor = connection.execute(
            f"INSERT INTO passages ({_PASSAGE_COLUMNS}, heading) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*values, _json(passage.section), _json(passage.metadata), passage.heading),
        )
    except sqlite3.IntegrityError as error:
        raise DocumentRejected(
            f"The document {document_id!r} has a passage with the id {passage.id!r}, which is taken; give it another."
        ) from error
    return int(cursor.lastrowid or 0)


def _json(value: Mapping[str, str] | Sequence[str]) -> str:
    return json.dumps(dict(value) if isinstance(value, Mapping) else list(value), ensure_ascii=False)


def _document(id_: str, title: str, source: str, metadata: str) -> Document:
    return Document(id_, title, source, json.loads(metadata))


def _passage(*values: str | int) -> Passage:
    id_, document_id, title, text, source, start, stop, section, metadata = values
    return Passage(
        id=str(id_),
        document_id=str(document_id),
        title=str(title),
        text=str(text),
        source=str(source),
        span=(int(start), int(stop)),
        section=tuple(json.loads(str(section))),
        metadata=json.loads(str(metadata)),
    )
