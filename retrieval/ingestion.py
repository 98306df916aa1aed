"""From files on disk to an index: walk, read, cut, hash, and put what is new or changed.

Each document is put whole, and unchanged ones are recognised by their hash: a run that was killed goes on where it
stopped when it is started again.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from domain.errors import DocumentRejected, Misconfigured
from domain.protocols import Index, IngestReport
from retrieval.chunking import CHUNKING_VERSION, chunk
from retrieval.prepared import PreparedDocument
from retrieval.readers import BlockKind, ParsedDocument, holds_rows, open_documents
from retrieval.readers.files import Origin, cannot_open, check_regular
from retrieval.seen_ids import SeenIds

_BATCH_DOCUMENTS, _BATCH_PASSAGES = 512, 512
"""An encoder is fastest when it may sort a few hundred texts by length; more only costs memory."""

_MAX_REASONS_PER_FILE = 20
"""A file of millions of bad rows must not become a report of millions of lines."""


@dataclass(frozen=True, slots=True)
class IngestProgress:
    """How far a run is: ``source`` is the file being worked on or just finished; ``documents`` and ``passages``
    count what was stored in this run, ``unchanged`` the documents that were already there."""

    source: str
    files_done: int
    files_total: int
    documents: int
    passages: int
    unchanged: int
    skipped: int


@runtime_checkable
class TakesBatches(Protocol):
    """An index that can store many documents in one atomic step."""

    def put_many(self, documents: Sequence[PreparedDocument]) -> None: ...


def ingest(
    paths: Sequence[Path],
    index: Index,
    *,
    progress: Callable[[IngestProgress], None] | None = None,
    prune: bool = False,
) -> IngestReport:
    """Bring ``index`` up to date with the files under ``paths`` (files and folders) and say what was done.

    Folders are walked in sorted order; hidden files are passed over. A file that cannot be read, and a document
    whose id was already taken in this run, is in ``skipped`` with the reason, and the others go on. With ``prune``,
    documents that came from these paths earlier and are no longer there are deleted; a file that is there but
    cannot be read keeps what the index has of it. Folders are told apart by their names: two folders of one name
    belong in two indexes.

    Raises ``Misconfigured`` for a path that does not exist, before anything is changed.
    """
    missing = next((path for path in paths if not path.exists()), None)
    if missing is not None:
        raise Misconfigured(f"There is no file or folder “{missing}”; check the path.")
    started = time.monotonic()
    run = _Run(index, progress or (lambda _: None))
    run.take_all(_walk(paths, run.skip))
    if prune:
        run.prune(lambda source: any(_came_from(root, source) for root in paths))
    return run.report(time.monotonic() - started)


def ingest_anew(
    paths: Sequence[Path], index: Index, *, progress: Callable[[IngestProgress], None] | None = None
) -> IngestReport:
    """The same for an empty ``index`` that is to take the place of another: raises ``Misconfigured`` when nothing at
    all could be read, which is more likely a wrong path than the wish for an empty knowledge base."""
    report = ingest(paths, index, progress=progress)
    if not report.added:
        why = report.skipped[0][1] if report.skipped else "There is no file that can be read."
        places = ", ".join(f"“{path}”" for path in paths)
        raise Misconfigured(f"Nothing could be read from {places}, so the knowledge base stays as it is. {why}")
    return report


@dataclass(frozen=True, slots=True)
class FolderChanges:
    """What following a folder did: sources (``folder/file.md``) new, changed and gone, and (source, reason) of those
    that could not be read."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]


def ingest_changes(folder: Path, changed: Sequence[Path], present: Collection[str], index: Index) -> FolderChanges:
    """Bring ``index`` up to date with the ``changed`` files of ``folder``.

    ``present`` are the sources of all that is there, or may be: files, and folders that cannot be listed. Documents
    that came from the folder and from nothing present, and those that their changed file no longer holds, are
    deleted, after what is new is in: a renamed file is never missing. A document whose id another file has is skipped.
    """
    before = {document.id: document.source for document in index.documents() if _came_from(folder, document.source)}
    kept = {id_: source for id_, source in before.items() if _is_below(source, present)}
    run = _Run(index, lambda _: None, owners=kept)
    run.take_all([(path, folder) for path in changed])
    reread = {Origin.of(path, folder).source for path in changed}
    deleted = run.prune(
        lambda source: _came_from(folder, source) and (source in reread or not _is_below(source, present))
    )
    known, touched = frozenset(before.values()), frozenset(run.stored) | deleted
    left = frozenset(document.source for document in index.documents()) if touched else known
    return FolderChanges(
        tuple(sorted(touched & left - known)),
        tuple(sorted(touched & left & known)),
        tuple(sorted(known - left)),
        tuple(run.skipped),
    )


@dataclass(slots=True)
class _Run:
    """One ingestion and its counts. ``owners``: the sources of documents that other files have, by id; ``stored``:
    the sources that something was stored from."""

    index: Index
    tell: Callable[[IngestProgress], None]
    files_done: int = 0
    files_total: int = 0
    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    passages: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    seen: SeenIds = field(default_factory=SeenIds)
    batch: list[PreparedDocument] = field(default_factory=list)
    waiting: int = 0  # passages in the batch
    owners: Mapping[str, str] = field(default_factory=dict)
    stored: set[str] = field(default_factory=set)

    def take_all(self, files: Sequence[tuple[Path, Path]]) -> None:
        """Every file, each given with the path it was found under."""
        self.files_total = len(files)
        for path, root in files:
            origin = Origin.of(path, root)
            self._take(origin, root)
            self.files_done += 1
            self._tell(origin.source)
        self._flush()
        self._tell(files[-1][0].name if files else "")

    def skip(self, source: str, reason: str) -> None:
        self.unread.add(source)
        self.skipped.append((source, reason))

    def prune(self, is_covered: Callable[[str], bool]) -> frozenset[str]:
        """Delete what came from sources that ``is_covered`` by this run and was not met in it, and nothing that merely
        could not be read. Returns the sources."""
        gone = [
            document
            for document in self.index.documents()
            if is_covered(document.source)
            and document.id not in self.seen
            and not _is_below(document.source, self.unread)
        ]
        for document in gone:
            self.index.delete(document.id)
        return frozenset(document.source for document in gone)

    def report(self, seconds: float) -> IngestReport:
        return IngestReport(self.added, self.replaced, self.unchanged, self.passages, tuple(self.skipped), seconds)

    def _take(self, origin: Origin, root: Path) -> None:
        refused = 0
        for item in self._read(origin, root):
            if isinstance(item, PreparedDocument):
                self._put(item, origin.source)
                continue
            refused += 1
            if refused <= _MAX_REASONS_PER_FILE:
                self.skip(origin.source, str(item))
        if refused > _MAX_REASONS_PER_FILE:
            self.skip(origin.source, f"{refused - _MAX_REASONS_PER_FILE} more rows of this file were skipped.")

    def _read(self, origin: Origin, root: Path) -> Iterator[PreparedDocument | DocumentRejected]:
        """What the index lacks of one file. Only reading is guarded: a failing index must stop the run."""
        try:
            whole_file = "" if holds_rows(origin.path) else _file_hash(origin)
            if self._is_known_by_path(origin.relative, whole_file):
                return
            for item in open_documents(origin.path, root):
                yield from self._prepare(item, whole_file)
        except DocumentRejected as error:
            yield error
        except OSError as error:
            yield cannot_open(origin.source, error)

    def _is_known_by_path(self, relative: str, whole_file: str) -> bool:
        """Spares parsing an unchanged file (a PDF takes a second), where its path is the document's id."""
        known = bool(whole_file) and self.index.content_hash(relative) == whole_file and self._is_new(relative)
        self.unchanged += known
        return known

    def _prepare(
        self, item: ParsedDocument | DocumentRejected, whole_file: str
    ) -> Iterator[PreparedDocument | DocumentRejected]:
        if isinstance(item, DocumentRejected):
            yield item
            return
        document = item.document
        if self.owners.get(document.id, document.source) != document.source or not self._is_new(document.id):
            yield DocumentRejected(
                f"The id “{document.id}” was already used by another document; give “{document.source}” its own."
            )
            return
        content_hash = whole_file or _row_hash(item)
        if self.index.content_hash(document.id) == content_hash:
            self.unchanged += 1
            return
        passages = chunk(item)
        if not passages or all(block.kind is BlockKind.HEADING for block in item.blocks):
            yield DocumentRejected(f"“{document.source}” holds headings but no text; add some or remove it.")
            return
        yield PreparedDocument(document, item.text, passages, content_hash)

    def _is_new(self, document_id: str) -> bool:
        """Whether this run meets the id for the first time; it is remembered."""
        if document_id in self.seen:
            return False
        self.seen.add(document_id)
        return True

    def _put(self, prepared: PreparedDocument, source: str) -> None:
        self.batch.append(prepared)
        self.waiting += len(prepared.passages)
        if len(self.batch) >= _BATCH_DOCUMENTS or self.waiting >= _BATCH_PASSAGES:
            self._flush()
            self._tell(source)

    def _flush(self) -> None:
        if not self.batch:
            return
        batch, self.batch, self.waiting = self.batch, [], 0
        if isinstance(self.index, TakesBatches) and self._refusal(batch, self.index.put_many) is None:
            return
        for each in batch:  # one by one, so that a document the index refuses does not hold up the others
            refusal = self._refusal([each], self._put_one)
            if refusal is not None:
                self.skip(each.document.source, str(refusal))

    def _put_one(self, documents: Sequence[PreparedDocument]) -> None:
        for each in documents:
            self.index.put(each.document, each.text, each.passages, each.content_hash)

    def _refusal(
        self, batch: Sequence[PreparedDocument], store: Callable[[Sequence[PreparedDocument]], None]
    ) -> DocumentRejected | None:
        """Store and count ``batch``, or give the index's refusal. Any other failure stops the run."""
        known = sum(self.index.content_hash(prepared.document.id) is not None for prepared in batch)
        try:
            store(batch)
        except DocumentRejected as error:
            return error
        self.replaced += known
        self.added += len(batch) - known
        self.passages += sum(len(prepared.passages) for prepared in batch)
        self.stored.update(prepared.document.source for prepared in batch)
        return None

    def _tell(self, source: str) -> None:
        stored = self.added + self.replaced
        self.tell(
            IngestProgress(
                source,
                self.files_done,
                self.files_total,
                stored,
                self.passages,
                self.unchanged,
                len(self.skipped),
            )
        )


def visible_files(folder: Path) -> tuple[list[Path], list[str]]:
    """The files that ``ingest`` would read under ``folder``, sorted, and the sources of folders in it that cannot be
    listed."""
    unlisted: list[str] = []
    return list(_files(folder, lambda source, _: unlisted.append(source))), unlisted


def _walk(paths: Sequence[Path], skip: Callable[[str, str], None]) -> list[tuple[Path, Path]]:
    """The visible files under ``paths``, sorted, each once, with the path it was found under."""
    found: dict[Path, tuple[Path, Path]] = {}
    for root in paths:
        for path in _files(root, skip) if root.is_dir() else [root]:
            found.setdefault(path.resolve(), (path, root))
    return list(found.values())


def _files(root: Path, skip: Callable[[str, str], None]) -> Iterator[Path]:
    def cannot_list(error: OSError) -> None:
        source = Origin.of(Path(str(error.filename)), root).source.removesuffix("/.")
        skip(source, str(cannot_open(source, error)))

    for folder, folders, names in os.walk(root, onerror=cannot_list):
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        for name in sorted(names):
            if not _is_hidden(name):
                yield Path(folder) / name


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "~$"))  # Word keeps a “~$…” beside each document it has open


def _is_below(source: str, places: Collection[str]) -> bool:
    """Whether ``source`` is one of ``places`` or in a folder that is."""
    parts = source.split("/")
    return any("/".join(parts[:count]) in places for count in range(len(parts), 0, -1))


def _came_from(root: Path, source: str) -> bool:
    if not root.is_dir():
        return source == Origin.of(root, root).source
    name = root.resolve().name
    return source.startswith(f"{name}/") if name else True


def _file_hash(origin: Origin) -> str:
    """Changes with the bytes of the file, its name, and the way documents are read and cut."""
    check_regular(origin)
    with origin.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update(f"{CHUNKING_VERSION}\0{origin.source}".encode())
    return digest.hexdigest()


def _row_hash(item: ParsedDocument) -> str:
    """The same for one row of a file, so that changing one row does not index all of them again."""
    document = item.document
    parts = (CHUNKING_VERSION, document.source, document.title, item.text, repr(sorted(document.metadata.items())))
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
