"""Does the quality report find the defects that were put into the handbook on purpose, and what else does it find?

Recall is counted over the planted defects. Precision is the share of findings that were planted: a lower bound, since
what nobody planted may be wrong all the same; the unplanted findings come along for reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from domain.errors import DocumentRejected, Misconfigured
from evaluation.figures import Line, table
from evaluation.metrics import bootstrap
from evaluation.reports import Table
from retrieval.chunking import chunk
from retrieval.quality.findings import Finding, Kind, Place
from retrieval.quality.links import read_sources
from retrieval.quality.pages import Page
from retrieval.quality.report import Subject, examine
from retrieval.readers import SUPPORTED_SUFFIXES, open_documents

HANDBOOK = Path(__file__).resolve().parent.parent / "knowledge" / "harbourline"

Defect = Mapping[str, Any]
Matches = Callable[[Finding, Any], bool]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One kind of defect: which planted ones were found, and the findings that match none of them."""

    name: str
    planted: tuple[Any, ...]
    found: tuple[bool, ...]
    findings: tuple[Finding, ...]
    unplanted: tuple[Finding, ...]


def read_planted(path: Path) -> Mapping[str, Sequence[Any]]:
    """The planted defects by kind. Raises ``Misconfigured`` when the file cannot be read."""
    try:
        return dict(yaml.safe_load(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError, yaml.YAMLError) as error:
        raise Misconfigured(f"The planted defects “{path}” cannot be read ({error}); name planted.yaml.") from error


def pages_of(folder: Path) -> tuple[Page, ...]:
    """The documents of a folder as ingestion cuts them, by id; no knowledge base is needed."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUPPORTED_SUFFIXES)
    parsed = (one for path in paths for one in open_documents(path, folder))
    pages = [Page(one.document, one.text, chunk(one)) for one in parsed if not isinstance(one, DocumentRejected)]
    return tuple(sorted(pages, key=lambda page: page.document.id))


def measure(folder: Path, today: date) -> tuple[Outcome, ...]:
    """What the report finds in ``folder`` on ``today`` against ``planted.yaml`` in it."""
    report = examine(Subject(folder.name, folder.name, today), pages_of(folder), read_sources(folder))
    return tuple(compare(report.findings, read_planted(folder / "planted.yaml")))


def compare(findings: Sequence[Finding], planted: Mapping[str, Sequence[Any]]) -> Iterator[Outcome]:
    """Each planted kind with the findings of the kinds that answer it."""
    for name, (kinds, matches) in _ANSWERS.items():
        wanted = tuple(planted.get(name, ()))
        told = tuple(finding for finding in findings if finding.kind in kinds)
        yield Outcome(
            name,
            wanted,
            tuple(any(matches(finding, defect) for finding in told) for defect in wanted),
            told,
            tuple(finding for finding in told if not any(matches(finding, defect) for defect in wanted)),
        )


def report(outcomes: Sequence[Outcome], facts: Mapping[str, str]) -> Table:
    """A line a kind: recall over what was planted, precision as its lower bound."""
    about = {"precision": "findings that were planted; the others may be real, and are to be read"}
    return table("Planted defects", [_line(outcome) for outcome in outcomes], {**about, **facts}, "defect")


def _line(outcome: Outcome) -> Line:
    right = [float(finding not in outcome.unplanted) for finding in outcome.findings]
    measures = {"recall": bootstrap([float(one) for one in outcome.found]), "precision": bootstrap(right)}
    return Line(outcome.name.replace("_", " "), len(outcome.planted), measures)


def _contradiction(finding: Finding, defect: Defect) -> bool:
    told = {(place.document_id, place.text) for place in finding.places}
    return all((one["document"], one["sentence"]) in told for one in defect["statements"])


def _duplicate(finding: Finding, defect: Sequence[Defect]) -> bool:
    return all(any(_stands_under(place, one) for place in finding.places) for one in defect)


def _link(finding: Finding, defect: Defect) -> bool:
    return bool(finding.places[0].document_id == defect["document"] and finding.facts["target"] == defect["target"])


def _headed(finding: Finding, defect: Defect) -> bool:
    return any(_stands_under(place, defect) for place in finding.places)


def _whole_page(finding: Finding, defect: Defect) -> bool:
    return bool(finding.places[0].document_id == defect["document"])


def _stands_under(place: Place, defect: Defect) -> bool:
    """Whether the place is the section or the heading that the defect names."""
    return bool(place.document_id == defect["document"] and defect["heading"] in (*place.section, place.text))


_ANSWERS: Mapping[str, tuple[frozenset[Kind], Matches]] = {
    "contradictions": (frozenset({Kind.VALUE_CONFLICT, Kind.NEGATION_CONFLICT}), _contradiction),
    "near_duplicates": (frozenset({Kind.NEAR_DUPLICATE, Kind.EXACT_DUPLICATE}), _duplicate),
    "broken_links": (frozenset({Kind.BROKEN_LINK, Kind.BROKEN_ANCHOR}), _link),
    "headerless_tables": (frozenset({Kind.HEADERLESS_TABLE}), _headed),
    "orphan_headings": (frozenset({Kind.ORPHAN_HEADING}), _headed),
    "giant_passages": (frozenset({Kind.GIANT_SECTION}), _headed),
    "stale_pages": (frozenset({Kind.NOT_UPDATED, Kind.EXPIRED, Kind.REVIEW_OVERDUE}), _whole_page),
}
