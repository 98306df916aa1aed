"""What is kept where in Milvus: two collections a knowledge base, and the way from values to rows and back.

``passages`` has a row a passage: its number, vector, searchable text and what filters ask about. ``records`` has the
rest, a few kinds of small rows: the *head* (which generation is current, and what made the knowledge base), a
*document* for each version of each, its *text* in parts, the *dead* (versions that were replaced), the *void* (numbers
of a write that failed) and the writer's *lease*.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from domain.errors import DocumentRejected, Misconfigured
from domain.passage import Document, Passage
from retrieval.lexical import STOP_WORDS
from retrieval.milvus_filters import FACET_BYTES, MAX_FACETS, days_of, facets_of
from retrieval.milvus_server import MilvusOptions, MilvusServer, Row
from retrieval.prepared import PreparedDocument

FORMAT = "1"
METRIC = "inner product"

MAX_TEXT_BYTES = 65_535  # Milvus' limit for a text field
_ID_BYTES = 1024
_PART_CHARACTERS = 16_000  # at most four bytes each, so a part of a document's text fits a field

HEAD, LEASE = "head", "lease"
RECORD_FIELDS = ("key", "kind", "copy", "born", "part", "document_id", "payload")
PASSAGE_FIELDS = ("row", "id", "document_id", "searchable", "payload")
_ANCHOR = np.ones(2, dtype=np.float32)  # Milvus takes no collection without a vector

Matrix = npt.NDArray[np.float32]
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Names:
    """The collections of one knowledge base."""

    records: str
    passages: str
    making: str

    @classmethod
    def of(cls, name: str, prefix: str = "colloquy") -> Names:
        """``name`` has small letters, digits and hyphens; Milvus takes "_" in place of "-"."""
        tail = name.replace("-", "_")
        return cls(f"{prefix}_records_{tail}", f"{prefix}_passages_{tail}", f"{prefix}_making_{tail}")

    @staticmethod
    def known_in(collections: Sequence[str], prefix: str = "colloquy") -> list[str]:
        """The names of the knowledge bases whose records are among ``collections``, sorted."""
        start = f"{prefix}_records_"
        return sorted(one.removeprefix(start).replace("_", "-") for one in collections if one.startswith(start))


@dataclass(frozen=True, slots=True)
class Head:
    """The one row that decides what readers see. ``next_number``: the first that no passage or version ever had;
    ``made``: differs whenever the knowledge base was made anew; times are Unix seconds."""

    fingerprint: str
    dimension: int
    made: str
    title: str
    examples: tuple[str, ...] = ()
    generation: int = 0
    next_number: int = 1
    committed_at: float = 0.0
    documents: int = 0
    passages: int = 0
    metric: str = METRIC
    format: str = FORMAT

    def as_row(self) -> Row:
        return record(HEAD, HEAD, 0, self.generation, payload=json.dumps(asdict(self), ensure_ascii=False))

    @classmethod
    def from_row(cls, row: Row) -> Head:
        """Raises ``Misconfigured`` for one that another version wrote and this one cannot read."""
        stored = json.loads(row["payload"])
        try:
            return cls(**{**stored, "examples": tuple(stored["examples"])})
        except (TypeError, KeyError) as error:
            raise Misconfigured(
                f"The knowledge base on Milvus has format {stored.get('format')!r} where this version reads "
                f"{FORMAT!r}; rebuild it: colloquy ingest --rebuild --kb NAME PATH…"
            ) from error


def create_collections(server: MilvusServer, names: Names, head: Head) -> None:
    """Makes both collections; the records get their name last, so that a knowledge base appears whole."""
    for leftover in (names.making, names.passages):  # of a creation that broke off
        if server.has(leftover):
            server.drop(leftover)
    server.create(names.passages, _passages_schema(head.dimension), _passage_indexes(server.options), _shards(server))
    server.create(names.making, _records_schema(), _RECORD_INDEXES)
    server.load(names.passages)
    server.upsert(names.making, [head.as_row()])
    server.rename(names.making, names.records)


def record(key: str, kind: str, copy: int, born: int, **rest: Any) -> Row:
    """A row of ``records``; ``rest`` may give the other fields. ``bound``: it replaces a document or runs out."""
    row = {"key": key, "kind": kind, "copy": copy, "born": born, "part": 0, "document_id": "", "payload": ""}
    return {**row, "bound": False, "effective_from": "", "anchor": _ANCHOR, **rest}


def document_records(prepared: PreparedDocument, copy: int, born: int) -> Iterator[Row]:
    """A version of a document and its text in parts."""
    document, id_ = prepared.document, _bounded(prepared.document.id, _ID_BYTES, prepared, "id")
    values: Row = {"title": document.title, "source": document.source, "metadata": dict(document.metadata)}
    values |= {"content_hash": prepared.content_hash, "passages": len(prepared.passages), "indexed_at": time.time()}
    yield record(
        f"document:{copy}",
        "document",
        copy,
        born,
        document_id=id_,
        bound=not {"supersedes", "effective_until"}.isdisjoint(document.metadata),
        effective_from=days_of(document.metadata)["effective_from"],
        payload=_bounded(json.dumps(values, ensure_ascii=False), MAX_TEXT_BYTES, prepared, "metadata"),
    )
    for part, start in enumerate(range(0, len(prepared.text), _PART_CHARACTERS)):
        text = prepared.text[start : start + _PART_CHARACTERS]
        yield record(f"text:{copy}:{part}", "text", copy, born, part=part, payload=text)


def passage_rows(prepared: PreparedDocument, vectors: Matrix, copy: int, born: int) -> Iterator[Row]:
    """The passages of a version; their numbers follow ``copy``."""
    metadata = prepared.document.metadata
    facets = facets_of(metadata)
    if len(facets) > MAX_FACETS:
        raise DocumentRejected(
            f"The metadata of {prepared.document.id!r} names {len(facets)} values and Milvus keeps {MAX_FACETS}; "
            "name fewer."
        )
    common = {"copy": copy, "born": born, "document_id": prepared.document.id, "facets": facets}
    common |= days_of(metadata)
    for number, (passage, vector) in enumerate(zip(prepared.passages, vectors, strict=True), start=copy + 1):
        values = [passage.title, passage.source, *passage.span, list(passage.section), dict(passage.metadata)]
        yield {
            **common,
            "row": number,
            "id": _bounded(passage.id, _ID_BYTES, prepared, "passage id"),
            "searchable": _bounded(passage.searchable, MAX_TEXT_BYTES, prepared, "longest passage"),
            "payload": _bounded(json.dumps(values, ensure_ascii=False), MAX_TEXT_BYTES, prepared, "passage metadata"),
            "vector": vector,
        }


def passage_of(row: Row) -> Passage:
    """The passage of a row with ``PASSAGE_FIELDS``."""
    title, source, start, stop, section, metadata = json.loads(row["payload"])
    bare = Passage(row["id"], row["document_id"], title, "", source, (start, stop), tuple(section), metadata)
    before = len(bare.heading) + 1 if bare.heading else 0  # what ``searchable`` puts before the text
    text = row["searchable"][before:]
    return Passage(bare.id, bare.document_id, title, text, source, bare.span, bare.section, metadata)


def document_of(row: Row) -> Document:
    """The document of a row of that kind."""
    values = json.loads(row["payload"])
    return Document(row["document_id"], values["title"], values["source"], values["metadata"])


def indexed_at(row: Row) -> float | None:
    """When the document of such a row was put (Unix seconds); None for one that an older version put."""
    found = json.loads(row["payload"]).get("indexed_at")
    return None if found is None else float(found)


def _bounded(text: str, limit: int, prepared: PreparedDocument, what: str) -> str:
    size = len(text.encode())
    if size > limit:
        raise DocumentRejected(
            f"The {what} of the document {prepared.document.id[:200]!r} has {size} bytes and Milvus keeps {limit}; "
            "shorten it, or keep this document in a knowledge base of files."
        )
    return text


def _records_schema() -> Any:
    from pymilvus import DataType, MilvusClient

    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=128)
    schema.add_field("kind", DataType.VARCHAR, max_length=16)
    for name in ("copy", "born", "part"):
        schema.add_field(name, DataType.INT64)
    schema.add_field("document_id", DataType.VARCHAR, max_length=_ID_BYTES)
    schema.add_field("bound", DataType.BOOL)
    schema.add_field("effective_from", DataType.VARCHAR, max_length=40)
    schema.add_field("payload", DataType.VARCHAR, max_length=MAX_TEXT_BYTES)
    schema.add_field("anchor", DataType.FLOAT_VECTOR, dim=len(_ANCHOR))
    return schema


def _passages_schema(dimension: int) -> Any:
    from pymilvus import DataType, Function, FunctionType, MilvusClient

    schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("row", DataType.INT64, is_primary=True)
    for name in ("copy", "born"):
        schema.add_field(name, DataType.INT64)
    for name in ("id", "document_id"):
        schema.add_field(name, DataType.VARCHAR, max_length=_ID_BYTES)
    for name in ("effective_from", "effective_until"):
        schema.add_field(name, DataType.VARCHAR, max_length=40)
    schema.add_field("payload", DataType.VARCHAR, max_length=MAX_TEXT_BYTES)
    schema.add_field(
        "searchable", DataType.VARCHAR, max_length=MAX_TEXT_BYTES, enable_analyzer=True, analyzer_params=_analyzer()
    )
    schema.add_field(
        "facets", DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=MAX_FACETS, max_length=FACET_BYTES
    )
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
    schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
    bm25 = Function("bm25", FunctionType.BM25, input_field_names=["searchable"], output_field_names=["sparse"])
    schema.add_function(bm25)
    return schema


def _analyzer() -> Mapping[str, Any]:
    """The words of a text: small letters, stems, without stop words; milvus-lite leaves the stems out."""
    stop = {"type": "stop", "stop_words": sorted(STOP_WORDS)}
    stemmer = {"type": "stemmer", "language": "english"}
    return {"tokenizer": "standard", "filter": ["lowercase", "asciifolding", stop, stemmer]}


_RECORD_INDEXES: tuple[Mapping[str, Any], ...] = (
    {"field_name": "anchor", "index_type": "FLAT", "metric_type": "IP"},
    {"field_name": "document_id", "index_type": "INVERTED"},
)


def _passage_indexes(options: MilvusOptions) -> list[Mapping[str, Any]]:
    params = dict(options.index_params)
    return [
        {"field_name": "vector", "index_type": options.index_type, "metric_type": "IP", "params": params},
        {"field_name": "sparse", "index_type": "SPARSE_INVERTED_INDEX", "metric_type": "BM25"},
        {"field_name": "document_id", "index_type": "INVERTED"},
        {"field_name": "id", "index_type": "INVERTED"},
    ]


def _shards(server: MilvusServer) -> int:
    return server.options.shards
