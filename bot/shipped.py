"""The knowledge bases that come with Colloquy: ingested at first use, and again when their files have changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from domain.protocols import IngestReport
from retrieval.chunking import CHUNKING_VERSION
from retrieval.ingestion import IngestProgress
from retrieval.knowledge_base import KnowledgeBaseStore
from retrieval.milvus_store import MilvusKnowledgeBaseStore

SHIPPED_FOLDER = Path(__file__).resolve().parent.parent / "knowledge"


@dataclass(frozen=True, slots=True)
class ShippedBase:
    """One knowledge base of the repository; ``folder`` is its name under ``knowledge/``."""

    name: str
    folder: str
    title: str
    examples: tuple[str, ...]


SHIPPED = (
    ShippedBase(
        "harbourline",
        "harbourline",
        "Harbourline help",
        (
            "How much does it cost to move home in the UK?",
            "What does a flashing red light on the Harbour Hub 3 mean?",
            "How long is the cooling-off period?",
            "How much is a Lantern 8 Pro screen repair in the UK?",
        ),
    ),
)


class Ingests(Protocol):
    """What is needed of the assistant here."""

    @property
    def knowledge(self) -> KnowledgeBaseStore | MilvusKnowledgeBaseStore: ...

    def ingest(
        self,
        knowledge_base: str,
        paths: Sequence[Path],
        *,
        rebuild: bool = ...,
        prune: bool = ...,
        progress: Callable[[IngestProgress], None] | None = ...,
    ) -> IngestReport: ...


def ensure_shipped(
    assistant: Ingests,
    data_dir: Path,
    names: Collection[str] | None = None,
    progress: Callable[[IngestProgress], None] | None = None,
    folder: Path = SHIPPED_FOLDER,
) -> Iterator[tuple[str, IngestReport]]:
    """Bring the shipped knowledge bases (or those of them in ``names``) up to date; yields those that needed it.

    A stamp in ``data_dir/shipped`` remembers the files of the last complete run, so that a start without changes
    reads 0.3 MB and parses nothing. A run that was killed is taken up again by the next one.
    """
    for base in SHIPPED:
        source = folder / base.folder
        if (names is not None and base.name not in names) or not source.is_dir():
            continue
        stamp, wanted = data_dir / "shipped" / base.name, fingerprint(source)
        known = base.name in assistant.knowledge.names()
        stale = known and not assistant.knowledge.fits(base.name)  # an earlier version's encoder made it
        if known and not stale and _read(stamp) == wanted:
            continue
        if not known:
            assistant.knowledge.create(base.name, base.title, base.examples)
        report = assistant.ingest(base.name, [source], rebuild=stale, prune=not stale, progress=progress)
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(wanted, "utf-8")
        yield base.name, report


def fingerprint(folder: Path) -> str:
    """Changes with the name and bytes of any file under ``folder``, and with the way documents are cut."""
    digest = hashlib.sha256(CHUNKING_VERSION.encode())
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(folder).as_posix()}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _read(stamp: Path) -> str:
    try:
        return stamp.read_text("utf-8")
    except OSError:
        return ""
