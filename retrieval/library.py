"""Looking after a knowledge base document by document: upload, correct, describe, remove, build anew.

Everything goes through the living index, so the next search sees it, and a crash leaves the state before or after.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from domain.errors import DocumentRejected
from domain.passage import Document, Passage
from retrieval.chunking import chunk
from retrieval.places import OpenBase
from retrieval.readers import ParsedDocument, open_documents

UPLOADED = "uploads"
"""Where an uploaded document says it came from; no folder that is ingested has to be called so."""

_UNSAFE = re.compile(r"[^\w.()\[\] -]+")
_LONGEST_NAME = 120
_KEY = re.compile(r"[A-Za-z][\w-]{0,63}")
_LONGEST_VALUE = 500


class Opens(Protocol):
    """The knowledge bases by name, as far as they are looked after here."""

    def open(self, name: str) -> OpenBase: ...


@dataclass(frozen=True, slots=True)
class Stored:
    """What an upload came to: the documents that are in, and (row or file, reason) of those that are not."""

    documents: tuple[Document, ...]
    replaced: int
    refused: tuple[tuple[str, str], ...] = ()


class Library:
    """The documents of every knowledge base, for those who look after them. Safe for many threads."""

    def __init__(self, bases: Opens, *, max_bytes: int) -> None:
        """``max_bytes``: the largest file that is taken."""
        self._bases, self._max_bytes = bases, max_bytes

    def documents(self, knowledge_base: str) -> Sequence[Document]:
        """All documents, by title. Raises ``UnknownKnowledgeBase``."""
        found = self._bases.open(knowledge_base).documents()
        return sorted(found, key=lambda one: (one.title.casefold(), one.id))

    def page(self, knowledge_base: str, document_id: str) -> tuple[Document, str, tuple[Passage, ...]] | None:
        """A document with its text and its passages in reading order; None when there is none."""
        base = self._bases.open(knowledge_base)
        found = base.document(document_id)
        return None if found is None else (*found, _passages(base, document_id))

    def upload(self, knowledge_base: str, file_name: str, data: bytes) -> Stored:
        """Reads a file by its kind and stores its documents; one whose id is there already is replaced.

        Ids come from the front matter, else from the file's name. Raises ``DocumentRejected`` when nothing of it can be
        read, and ``UnknownKnowledgeBase``.
        """
        base, name = self._bases.open(knowledge_base), safe_name(file_name)
        if len(data) > self._max_bytes:
            raise DocumentRejected(
                f"“{name}” has {len(data) / 2**20:.1f} MiB, more than the {self._max_bytes / 2**20:.0f} MiB a file may "
                "have; split it into smaller files."
            )
        documents, refused, replaced = [], [], 0
        for item in _read(name, data):
            if isinstance(item, DocumentRejected):
                refused.append((name, str(item)))
                continue
            replaced += base.content_hash(item.document.id) is not None
            base.put(item.document, item.text, _cut(item), _hash(item))
            documents.append(item.document)
        if not documents:
            raise DocumentRejected(refused[0][1] if refused else f"“{name}” holds no text; add some.")
        return Stored(tuple(documents), replaced, tuple(refused))

    def correct(self, knowledge_base: str, passage_id: str, text: str) -> Passage:
        """Puts ``text`` in the place of a passage's; everything else of the document stays, spans move along.

        The edit holds until the document's own file is read in again. Raises ``DocumentRejected`` for an empty text or
        a passage that is not there any more.
        """
        document_id = passage_id.rsplit("#", 1)[0]
        found = self.page(knowledge_base, document_id)
        old = next((one for one in found[2] if one.id == passage_id), None) if found else None
        if found is None or old is None:
            raise DocumentRejected(
                f"The passage “{passage_id}” is not there any more; open the document to see it now."
            )
        document, whole, passages = found
        body = _body(text, old)
        edited = whole[: old.span[0]] + body + whole[old.span[1] :]
        moved = tuple(_moved(one, old, body) for one in passages)
        self._put(knowledge_base, document, edited, moved)
        return next(one for one in moved if one.id == passage_id)

    def describe(self, knowledge_base: str, document_id: str, title: str, metadata: Mapping[str, str]) -> Document:
        """Gives a document another title and other metadata, which filters and validity go by.

        Raises ``DocumentRejected`` for a document that is not there, an empty title, or metadata that could not be
        front matter.
        """
        found = self.page(knowledge_base, document_id)
        if found is None:
            raise _gone(document_id)
        if not title.strip():
            raise DocumentRejected("The title is empty; give the document one.")
        _check(metadata)
        document, text, passages = found
        new = replace(document, title=" ".join(title.split()), metadata=dict(metadata))
        told = tuple(replace(one, title=new.title, metadata=_with_header(metadata, one)) for one in passages)
        self._put(knowledge_base, new, text, told)
        return new

    def delete(self, knowledge_base: str, document_id: str) -> None:
        """Takes a document out. Raises ``DocumentRejected`` when there is none."""
        if not self._bases.open(knowledge_base).delete(document_id):
            raise _gone(document_id)

    def _put(self, knowledge_base: str, document: Document, text: str, passages: tuple[Passage, ...]) -> None:
        parsed = ParsedDocument(document, text, ())
        self._bases.open(knowledge_base).put(document, text, passages, _hash(parsed))


def safe_name(file_name: str) -> str:
    """The last part of a file's name, without what no file name should hold. Raises ``DocumentRejected`` for none."""
    last = re.split(r"[/\\]", file_name)[-1]
    name = _UNSAFE.sub("-", last).strip(". ")[-_LONGEST_NAME:].lstrip(".-")
    if not name:
        raise DocumentRejected(f"{file_name[:80]!r} is no name for a file; give it one such as prices.md.")
    return name


def page_source(title: str, text: str, metadata: Mapping[str, str]) -> bytes:
    """A Markdown page that ``Library.upload`` reads: ``title`` as its heading, ``text`` below it as it is."""
    front = "".join(f"{key}: {_quoted(value)}\n" for key, value in {"title": title, **metadata}.items())
    return f"---\n{front}---\n\n{text.strip()}\n".encode("utf-8", "replace")


def _read(name: str, data: bytes) -> list[ParsedDocument | DocumentRejected]:
    """The documents of a file that never gets a place of its own: its text is in the catalogue."""
    with TemporaryDirectory(prefix="colloquy-upload-") as folder:
        root = Path(folder) / UPLOADED
        root.mkdir()
        path = root / name
        path.write_bytes(data)
        return [_named(item, name) for item in open_documents(path, root)]


def _named(item: ParsedDocument | DocumentRejected, name: str) -> ParsedDocument | DocumentRejected:
    """An id that only the file's name gave is set apart from those of files that were ingested."""
    if isinstance(item, DocumentRejected) or not item.document.id.startswith(name):
        return item
    return replace(item, document=replace(item.document, id=f"{UPLOADED}/{item.document.id}"))


def _cut(item: ParsedDocument) -> tuple[Passage, ...]:
    passages = chunk(item)
    if not passages:
        raise DocumentRejected(f"“{item.document.source}” holds headings but no text; add some.")
    return passages


def _passages(base: OpenBase, document_id: str) -> tuple[Passage, ...]:
    with base.snapshot() as snapshot:
        found = snapshot.passages(snapshot.rows_of([document_id])).values()
    return tuple(sorted(found, key=lambda one: (one.span, one.id)))


def _body(text: str, old: Passage) -> str:
    """The new text as it stands in the document: without the header of a table, which the passage only repeats."""
    header = old.metadata.get("table_header", "")
    body = text.replace("\r\n", "\n").strip()
    body = body.removeprefix(header).strip("\n") if header else body
    if not body:
        raise DocumentRejected("The new text of the passage is empty; write what it should say.")
    return body


def _moved(one: Passage, old: Passage, body: str) -> Passage:
    """A passage of the document after ``old`` became ``body``."""
    longer = len(body) - (old.span[1] - old.span[0])
    if one.id == old.id:
        header = old.metadata.get("table_header", "")
        text = f"{header}\n{body}" if header else body
        return replace(one, text=text, span=(old.span[0], old.span[0] + len(body)))
    if one.span[0] >= old.span[1]:
        return replace(one, span=(one.span[0] + longer, one.span[1] + longer))
    return one


def _with_header(metadata: Mapping[str, str], passage: Passage) -> dict[str, str]:
    header = passage.metadata.get("table_header")
    return {**metadata, "table_header": header} if header else dict(metadata)


def _check(metadata: Mapping[str, str]) -> None:
    for key, value in metadata.items():
        if not _KEY.fullmatch(key) or len(value) > _LONGEST_VALUE or "\n" in value:
            raise DocumentRejected(
                f"The metadata {key[:40]!r}: {value[:40]!r} cannot be kept; use a name of letters, digits and hyphens, "
                f"and one line of at most {_LONGEST_VALUE} characters."
            )


def _hash(item: ParsedDocument) -> str:
    """Differs from that of any file, so that ingesting the file again puts its own state back."""
    told = f"{item.document.title}\0{sorted(item.document.metadata.items())}\0{item.text}"
    return "kept:" + hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ") + '"'


def _gone(document_id: str) -> DocumentRejected:
    return DocumentRejected(f"There is no document “{document_id}” any more; reload the list.")
