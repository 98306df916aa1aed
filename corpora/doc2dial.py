"""Doc2Dial (Feng et al. 2020) as questions with gold passages of a knowledge base that was ingested from its documents.

The grounding of a turn is a stretch of its document's plain text, while passages are cut from the Markdown as our
reader renders it. Both are compared as runs of letters and digits, which no markup or spacing touches.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from corpora.jsonl import rows
from corpora.splits import is_development
from domain.errors import Misconfigured
from domain.passage import Document, Passage
from retrieval.places import OpenBase

Split = Literal["dev", "train", "all"]
DOCUMENTS_FILE, TURNS_FILE = "documents_index.jsonl.xz", "turns_open.jsonl.xz"


@dataclass(frozen=True, slots=True)
class GroundedTurn:
    """One message with the stretch of its document that answers it.

    ``history`` pairs (user, assistant), oldest first; ``position`` (0..1) is how far into the document the grounding
    begins, which tells equal sentences apart.
    """

    id: str
    question: str
    history: tuple[tuple[str, str], ...]
    document_id: str
    file: str
    grounding: str
    position: float


@dataclass(frozen=True, slots=True)
class GoldTurn:
    """A turn with the ids of the passages that answer it."""

    turn: GroundedTurn
    passages: frozenset[str]


@dataclass(frozen=True, slots=True)
class GoldSet:
    """Turns whose grounding was found, and how many had to be left out because it was not."""

    turns: tuple[GoldTurn, ...]
    unaligned: int


class SqueezedText:
    """A text as the run of its letters and digits, lower-cased, with the way back to character offsets."""

    def __init__(self, text: str) -> None:
        kept = [(offset, char) for offset, raw in enumerate(text) if raw.isalnum() for char in raw.lower()]
        self.run = "".join(char for _, char in kept)
        self._offsets = [offset for offset, _ in kept]

    def find(self, stretch: str, position: float = 0.0) -> tuple[int, int] | None:
        """The character span of ``stretch``, whatever its markup and spacing; of several the one nearest to
        ``position`` (0..1). None when it does not occur."""
        wanted = SqueezedText(stretch).run
        starts = list(_occurrences(self.run, wanted)) if wanted else []
        if not starts:
            return None
        start = min(starts, key=lambda found: abs(found - position * len(self.run)))
        return self._offsets[start], self._offsets[start + len(wanted) - 1] + 1

    def overlap(self, left: tuple[int, int], right: tuple[int, int]) -> int:
        """How many letters and digits two character spans share."""
        start, end = max(left[0], right[0]), min(left[1], right[1])
        return max(bisect_left(self._offsets, end) - bisect_left(self._offsets, start), 0)


def load_turns(folder: Path, split: Split = "dev") -> list[GroundedTurn]:
    """The turns of ``folder``'s documents on that side of the line, in the order of the file.

    Raises ``Misconfigured`` when a file is not there.
    """
    documents = {row["doc_id"]: row for row in rows(folder / DOCUMENTS_FILE)}
    turns = (row for row in rows(folder / TURNS_FILE) if _belongs(row["doc_id"], split))
    return [_turn(row, documents[row["doc_id"]]) for row in turns]


def gold_set(turns: Sequence[GroundedTurn], knowledge_base: OpenBase) -> GoldSet:
    """The passages of ``knowledge_base`` that answer each turn. Raises ``Misconfigured`` when it lacks a document."""
    by_document: dict[str, list[Passage]] = {}
    with knowledge_base.snapshot() as snapshot:
        for passage in snapshot.passages(snapshot.rows()).values():
            by_document.setdefault(passage.document_id, []).append(passage)
    sources = {document.source: document for document in knowledge_base.documents()}
    texts: dict[str, SqueezedText] = {}
    found: list[GoldTurn] = []
    for turn in turns:
        document = _document(sources, turn.file, knowledge_base.name)
        if document.id not in texts:
            texts[document.id] = SqueezedText((knowledge_base.document(document.id) or (None, ""))[1])
        gold = gold_passages(turn, texts[document.id], by_document.get(document.id, []))
        if gold:
            found.append(GoldTurn(turn, gold))
    return GoldSet(tuple(found), len(turns) - len(found))


def gold_passages(turn: GroundedTurn, text: SqueezedText, passages: Iterable[Passage]) -> frozenset[str]:
    """The passages that hold at least half of the grounding, else the one that holds most; for a heading, which no
    passage's text repeats, the passage under it. Empty when the grounding is not found."""
    span = text.find(turn.grounding, turn.position)
    if span is None:
        return frozenset()
    candidates = sorted(passages, key=lambda passage: (passage.span, passage.id))
    shares = {passage.id: text.overlap(span, passage.span) for passage in candidates}
    half = frozenset(name for name, share in shares.items() if 2 * share >= text.overlap(span, span))
    if half:
        return half
    if any(shares.values()):
        return frozenset([min(shares, key=lambda name: (-shares[name], name))])
    return frozenset(passage.id for passage in [p for p in candidates if p.span[0] >= span[1]][:1])


def exchanges(history: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """``["user: …", "agent: …", …]`` as pairs; what one side says in a row is one message."""
    pairs: list[tuple[str, str]] = []
    for line in history:
        speaker, _, said = line.partition(": ")
        if speaker == "user" and (not pairs or pairs[-1][1]):
            pairs.append((said, ""))
        elif speaker == "user":
            pairs[-1] = (f"{pairs[-1][0]} {said}", "")
        else:
            user, agent = pairs.pop() if pairs else ("", "")
            pairs.append((user, f"{agent} {said}".strip()))
    return tuple(pairs)


def _turn(row: Mapping[str, Any], document: Mapping[str, Any]) -> GroundedTurn:
    return GroundedTurn(
        row["id"],
        row["user"],
        exchanges(row["history"]),
        row["doc_id"],
        document["file"],
        row["grounding"],
        row["start"] / max(len(document["text"]), 1),
    )


def _belongs(document_id: str, split: Split) -> bool:
    return split == "all" or is_development(document_id) == (split == "dev")


def _document(sources: Mapping[str, Document], file: str, knowledge_base: str) -> Document:
    if file not in sources:
        raise Misconfigured(
            f"The knowledge base {knowledge_base!r} does not hold “{file}”; ingest the data set's folder of documents: "
            f"colloquy ingest DATA/documents --kb {knowledge_base}"
        )
    return sources[file]


def _occurrences(run: str, wanted: str) -> Iterator[int]:
    start = run.find(wanted)
    while start >= 0:
        yield start
        start = run.find(wanted, start + 1)
