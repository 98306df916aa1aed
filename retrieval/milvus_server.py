"""The connection to a Milvus server: time limits, how fresh a reading is, and errors in words."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.errors import Misconfigured, PartUnavailable

Row = dict[str, Any]
Matrix = npt.NDArray[np.float32]

CLOCK_SKEW_SECONDS = 10.0  # how far the clocks of this machine and of the cluster may be apart
MAX_RESULTS = 16_384  # Milvus' own limit of what one search or query gives back
_ROWS_PER_CALL, _BYTES_PER_CALL = 500, 8 * 1024 * 1024  # a message may have 64 MB; small ones keep the log smooth
_NOT_FOUND = 100
_LOGICAL_BITS = 18  # Milvus' timestamps are milliseconds, then a counter of this many bits
_DENIED = ("unauthenticated", "permission", "auth check failure", "privilege")
_INSTALL = "pip install 'colloquy[milvus]'"


@dataclass(frozen=True, slots=True)
class MilvusOptions:
    """How a Milvus server is used.

    ``index_type``, ``index_params``, ``search_params``: the vector index, as Milvus names it; AUTOINDEX is HNSW on a
    cluster of one's own. ``shards``, ``replicas``: of the passages of each knowledge base. ``bounded``: a search may
    be a few seconds behind the newest change and then need not wait for it; it is of one moment all the same.
    ``timeout_seconds``: of one call, retries included. ``lease_seconds``: how long a writer that died keeps others
    out; at least three times the timeout. ``settle_seconds``: longer than a small write takes; see ``milvus_lease``.
    ``busy_seconds``: how long a writer waits for another. ``keep_seconds``: how long a reader may use one snapshot,
    since what was replaced is kept that long.
    """

    database: str = ""
    index_type: str = "AUTOINDEX"
    index_params: Mapping[str, int] = field(default_factory=dict)
    search_params: Mapping[str, int] = field(default_factory=dict)
    shards: int = 1
    replicas: int = 1
    bounded: bool = False
    timeout_seconds: float = 10.0
    lease_seconds: float = 30.0
    settle_seconds: float = 0.5
    busy_seconds: float = 45.0
    keep_seconds: float = 300.0


class CollectionGone(PartUnavailable):
    """The collection asked for is not there: the knowledge base was removed meanwhile."""


class MilvusServer:
    """One server, or one file of milvus-lite. Safe for many threads.

    Every method raises ``PartUnavailable`` when the server does not answer in time or refuses for now, and
    ``Misconfigured`` when it does not let us in. Calls are repeated within ``timeout_seconds`` by pymilvus itself;
    all writes are upserts and deletes, which may be repeated.
    """

    def __init__(self, uri: str, token: str = "", options: MilvusOptions = MilvusOptions()) -> None:
        """``uri``: http://host:19530, or a path that ends in .db for milvus-lite. ``token``: "user:password" or a key.

        Raises ``Misconfigured`` when pymilvus (or milvus-lite, for a file) is not installed.
        """
        self.uri, self.options = uri, options
        pymilvus = installed(uri)
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it logs a traceback for each error it also raises
        with self._in_words():
            self._client: Any = pymilvus.MilvusClient(
                uri, token=token, db_name=options.database, timeout=options.timeout_seconds
            )

    def names(self) -> list[str]:
        """The collections there are."""
        with self._in_words():
            return list(self._client.list_collections(timeout=self.options.timeout_seconds))

    def has(self, collection: str) -> bool:
        with self._in_words():
            return bool(self._client.has_collection(collection, timeout=self.options.timeout_seconds))

    def create(self, collection: str, schema: Any, indexes: Sequence[Mapping[str, Any]], shards: int = 1) -> None:
        """An empty collection, not loaded yet. ``indexes``: the arguments of ``add_index``, one mapping an index."""
        wanted = self._client.prepare_index_params()
        for index in indexes:
            wanted.add_index(**index)
        seconds = self.options.timeout_seconds
        with self._in_words():
            self._client.create_collection(
                collection, schema=schema, num_shards=shards, consistency_level="Strong", timeout=seconds
            )
            self._client.create_index(collection, wanted, timeout=seconds, sync=False)  # loading waits

    def load(self, collection: str) -> None:
        """Makes it searchable; at once where it is so already. milvus-lite forgets it when its process ends."""
        seconds = max(60.0, 6 * self.options.timeout_seconds)  # a large one is read from the object store
        with self._in_words():
            self._client.load_collection(collection, replica_number=self.options.replicas, timeout=seconds)

    def rename(self, collection: str, name: str) -> None:
        with self._in_words():
            self._client.rename_collection(collection, name, timeout=self.options.timeout_seconds)

    def drop(self, collection: str) -> None:
        """Deletes the collection; nothing happens when there is none."""
        with self._in_words():
            self._client.drop_collection(collection, timeout=self.options.timeout_seconds)

    def upsert(self, collection: str, rows: Sequence[Row]) -> None:
        """Adds rows or replaces those with the same key, in one call: as many as ``in_blocks`` gives at once."""
        with self._in_words():
            self._client.upsert(collection, list(rows), timeout=self.options.timeout_seconds)

    def delete(self, collection: str, expression: str) -> None:
        with self._in_words():
            self._client.delete(collection, filter=expression, timeout=self.options.timeout_seconds)

    def newest(self, collection: str, expression: str, fields: Sequence[str], *, bounded: bool = False) -> list[Row]:
        """The rows of ``expression`` with all writes acknowledged before this call, or a few seconds behind."""
        level = {"consistency_level": "Bounded" if bounded else "Strong"}
        return self._query(collection, expression, fields, level)

    def query(self, collection: str, expression: str, fields: Sequence[str], since: float) -> list[Row]:
        """The rows of ``expression``, with everything written until ``since`` (Unix seconds)."""
        return self._query(collection, expression, fields, _with_all_until(since))

    def scan(self, collection: str, expression: str, fields: Sequence[str]) -> Iterator[Row]:
        """All rows of ``expression``, however many, by key."""
        with self._in_words():
            found = self._client.query_iterator(
                collection,
                batch_size=1000,
                filter=expression,
                output_fields=list(fields),
                timeout=self.options.timeout_seconds,
            )
            try:
                while block := found.next():
                    yield from block
            finally:
                found.close()

    def nearest(
        self, collection: str, vector: Matrix, k: int, expression: str, since: float
    ) -> list[tuple[int, float]]:
        """The ``k`` best (row, inner product) for ``vector`` (dimension,) among the rows of ``expression``."""
        params = {"metric_type": "IP", "params": dict(self.options.search_params)}
        return self._search(collection, "vector", vector, k, (expression, params, since))

    def full_text(self, collection: str, text: str, k: int, expression: str, since: float) -> list[tuple[int, float]]:
        """The ``k`` best (row, BM25) for ``text`` among the rows of ``expression``; only rows with a word of it."""
        found = self._search(collection, "sparse", text, k, (expression, {"metric_type": "BM25"}, since))
        return [(row, abs(score)) for row, score in found if score]  # milvus-lite gives BM25 a minus sign

    def close(self) -> None:
        self._client.close()

    def _query(self, collection: str, expression: str, fields: Sequence[str], level: Row) -> list[Row]:
        with self._in_words():
            found = self._client.query(
                collection,
                filter=expression,
                output_fields=list(fields),
                limit=MAX_RESULTS,
                timeout=self.options.timeout_seconds,
                **level,
            )
        return list(found) if len(found) < MAX_RESULTS else list(self.scan(collection, expression, fields))

    def _search(
        self, collection: str, field_name: str, data: Matrix | str, k: int, how: tuple[str, Row, float]
    ) -> list[tuple[int, float]]:
        expression, params, since = how
        with self._in_words():
            [hits] = self._client.search(
                collection,
                data=[data],
                anns_field=field_name,
                limit=min(k, MAX_RESULTS),
                filter=expression,
                search_params=params,
                output_fields=["row"],
                timeout=self.options.timeout_seconds,
                **_with_all_until(since),
            )
        return [(int(hit["row"]), float(hit["distance"])) for hit in hits]

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        import grpc
        from pymilvus.exceptions import MilvusException

        try:
            yield
        except MilvusException as error:
            raise self._worded(error.code, error.message or str(error)) from error
        except grpc.RpcError as error:
            raise self._worded(0, f"{getattr(error, 'code', str)()} {error}") from error

    def _worded(self, code: int, reason: str) -> Misconfigured | PartUnavailable:
        said = " ".join(reason.split())[:300]
        if any(word in said.lower() for word in _DENIED):
            return Misconfigured(
                f"The Milvus server {self.uri} does not let us in ({said}); set COLLOQUY_MILVUS_TOKEN to user:password "
                "or to a key of an account that may read and write."
            )
        if code == _NOT_FOUND:
            return CollectionGone(f"The knowledge base is no longer on the Milvus server {self.uri}; open it again.")
        return PartUnavailable(
            f"The Milvus server {self.uri} does not answer as it should ({said}); check that it runs and try again."
        )


def installed(uri: str) -> Any:
    """The pymilvus package. Raises ``Misconfigured`` when it, or milvus-lite for a file, is missing."""
    try:
        import pymilvus

        if uri.endswith(".db"):
            import milvus_lite  # noqa: F401  pymilvus' own message would not say how to get it
    except ImportError as error:
        raise Misconfigured(
            f"The knowledge bases are on Milvus ({uri}) and the package {error.name} is not installed; "
            f"install it: {_INSTALL}, or leave retrieval.milvus_uri out."
        ) from error
    if uri.endswith(".db"):
        Path(uri).parent.mkdir(parents=True, exist_ok=True)
    return pymilvus


def _with_all_until(since: float) -> Row:
    """The consistency of a reading that must see every write acknowledged until ``since`` (Unix seconds).

    Right after a write only "Strong" does; later, a timestamp that has long passed says the same, and the server
    need not wait until its own clock has gone round.
    """
    if time.time() - since < CLOCK_SKEW_SECONDS:
        return {"consistency_level": "Strong"}
    guarantee = int((since + CLOCK_SKEW_SECONDS / 2) * 1000) << _LOGICAL_BITS
    return {"consistency_level": "Customized", "guarantee_timestamp": guarantee}


def in_blocks(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """``rows`` in blocks that fit a message."""
    block: list[Row] = []
    size = 0
    for row in rows:
        weight = sum(_weight(value) for value in row.values())
        if block and (len(block) >= _ROWS_PER_CALL or size + weight > _BYTES_PER_CALL):
            yield block
            block, size = [], 0
        block.append(row)
        size += weight
    if block:
        yield block


def _weight(value: object) -> int:
    if isinstance(value, str):
        return 4 * len(value)
    return int(value.nbytes) if isinstance(value, np.ndarray) else 16
