"""What the documents say, as values: documents, the passages cut from them, and passages a search returned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Document:
    """One file or record of a knowledge base.

    ``id`` is stable across re-ingestion (from the front matter, or the path inside the ingested folder);
    ``source`` is where it came from, as a person would recognise it; ``metadata`` holds the front matter
    (product, region, effective_from, …), all values as text.
    """

    id: str
    title: str
    source: str
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Passage:
    """The unit that is indexed, retrieved and cited.

    ``text`` is exactly ``document_text[span[0]:span[1]]`` wherever the reader keeps the text of the source
    (character offsets, end exclusive), so that a citation can be shown in its place. Headings above the
    passage are not repeated in ``text``: they are in ``section`` (outermost first), and ``heading`` joins them.
    """

    id: str
    document_id: str
    title: str
    text: str
    source: str
    span: tuple[int, int]
    section: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def heading(self) -> str:
        """The title and the section path as one line: ``Moving home › Notice period``."""
        parts = [self.title, *(name for name in self.section if name != self.title)]
        return " › ".join(part for part in parts if part)

    @property
    def searchable(self) -> str:
        """The text that encoders and BM25 see: the heading line, then the passage."""
        return f"{self.heading}\n{self.text}" if self.heading else self.text

    @property
    def place(self) -> Place:
        """Where it stands, without what it says."""
        return Place(self.id, self.document_id, self.heading, self.source, self.span)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a passage stands: enough to name its source and to open it there. See ``Passage`` for the fields."""

    passage_id: str
    document_id: str
    heading: str
    source: str
    span: tuple[int, int]


@dataclass(frozen=True, slots=True)
class RetrievedPassage:
    """A passage as one search returned it.

    ``score``: higher is better and comparable within its list only. ``rank`` counts from 1. ``signals`` holds
    what each stage said: ``dense_score``, ``dense_rank``, ``bm25_score``, ``bm25_rank``, ``fusion_score``, and
    ``relevance`` (the reranker's probability, 0..1, that the passage answers the query). ``also_in``: the other
    places that say the same and are not in the list themselves.
    The order of a list is total: ``(-score, passage.id)``.
    """

    passage: Passage
    score: float
    rank: int
    signals: Mapping[str, float] = field(default_factory=dict, hash=False)
    also_in: tuple[Place, ...] = ()
