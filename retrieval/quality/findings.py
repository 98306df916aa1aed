"""What the quality report says, as values: a finding, where it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Topic(StrEnum):
    """The sections of the report, in its order; a closed choice."""

    COVERAGE = "coverage"
    CONFLICTS = "conflicts"
    REDUNDANCY = "redundancy"
    STALENESS = "staleness"
    LINKS = "links"
    STRUCTURE = "structure"
    READABILITY = "readability"


class Kind(StrEnum):
    """What is wrong; a closed choice. ``topic_of`` says in which section it stands."""

    UNANSWERED = "unanswered"
    VALUE_CONFLICT = "value-conflict"
    NEGATION_CONFLICT = "negation-conflict"
    EXACT_DUPLICATE = "exact-duplicate"
    NEAR_DUPLICATE = "near-duplicate"
    EXPIRED = "expired"
    REVIEW_OVERDUE = "review-overdue"
    SUPERSEDED = "superseded"
    NOT_UPDATED = "not-updated"
    PAST_DATE = "past-date"
    BROKEN_LINK = "broken-link"
    BROKEN_ANCHOR = "broken-anchor"
    EMPTY_DOCUMENT = "empty-document"
    ORPHAN_HEADING = "orphan-heading"
    HEADERLESS_TABLE = "headerless-table"
    GIANT_SECTION = "giant-section"
    TINY_PASSAGE = "tiny-passage"
    HARD_TO_READ = "hard-to-read"


_TOPICS: Mapping[Kind, Topic] = {
    Kind.UNANSWERED: Topic.COVERAGE,
    Kind.VALUE_CONFLICT: Topic.CONFLICTS,
    Kind.NEGATION_CONFLICT: Topic.CONFLICTS,
    Kind.EXACT_DUPLICATE: Topic.REDUNDANCY,
    Kind.NEAR_DUPLICATE: Topic.REDUNDANCY,
    Kind.EXPIRED: Topic.STALENESS,
    Kind.REVIEW_OVERDUE: Topic.STALENESS,
    Kind.SUPERSEDED: Topic.STALENESS,
    Kind.NOT_UPDATED: Topic.STALENESS,
    Kind.PAST_DATE: Topic.STALENESS,
    Kind.BROKEN_LINK: Topic.LINKS,
    Kind.BROKEN_ANCHOR: Topic.LINKS,
    Kind.EMPTY_DOCUMENT: Topic.STRUCTURE,
    Kind.ORPHAN_HEADING: Topic.STRUCTURE,
    Kind.HEADERLESS_TABLE: Topic.STRUCTURE,
    Kind.GIANT_SECTION: Topic.STRUCTURE,
    Kind.TINY_PASSAGE: Topic.STRUCTURE,
    Kind.HARD_TO_READ: Topic.READABILITY,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands. ``span`` (characters, end exclusive) is in the document's text, ``marks`` in ``text``.

    ``passage_id`` is empty for what concerns a whole document, and ``section`` where no heading is above it.
    """

    document_id: str
    title: str
    source: str
    passage_id: str = ""
    span: tuple[int, int] = (0, 0)
    section: tuple[str, ...] = ()
    text: str = ""
    marks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect. ``what`` and ``remedy`` are sentences for people; ``score`` orders the findings of a kind, the
    gravest or surest first; ``facts`` holds the numbers behind it."""

    kind: Kind
    what: str
    remedy: str
    places: tuple[Place, ...]
    score: float = 1.0
    facts: Mapping[str, str | float] = field(default_factory=dict, hash=False)

    @property
    def topic(self) -> Topic:
        return topic_of(self.kind)


def topic_of(kind: Kind) -> Topic:
    """The section of the report that ``kind`` belongs to."""
    return _TOPICS[kind]


def ordered(findings: list[Finding]) -> tuple[Finding, ...]:
    """By score, the highest first, then by place."""
    return tuple(sorted(findings, key=lambda one: (-one.score, _where(one))))


def _where(finding: Finding) -> list[tuple[str, int, int]]:
    return [(place.document_id, *place.span) for place in finding.places]
