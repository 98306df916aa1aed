"""The whole report as one value: what was looked at, what was found, and the numbers that its pictures show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from retrieval.quality.conflicts import find_conflicts
from retrieval.quality.coverage import Asked, Matrix, Nearest, find_gaps, unanswered
from retrieval.quality.findings import Finding, Kind, Topic, topic_of
from retrieval.quality.links import SourceFile, find_broken_links
from retrieval.quality.pages import Page
from retrieval.quality.readability import find_hard_passages, reading_ease
from retrieval.quality.redundancy import find_duplicates
from retrieval.quality.staleness import find_stale, last_touched
from retrieval.quality.structure import find_structure_faults

SCHEMA = 1
"""Raised when a key of the JSON changes its meaning or goes; new keys may come without."""

Tell = Callable[[str], object]
"""Called with the name of each check before it begins."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is reported on: the knowledge base's name and title, and the day that counts as today."""

    name: str
    title: str
    today: date


@dataclass(frozen=True, slots=True)
class Questions:
    """Questions that were asked, an encoder for them, and the search for the nearest passage."""

    asked: tuple[Asked, ...]
    encode: Callable[[Sequence[str]], Matrix]
    nearest: Nearest


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the pictures show: a figure for each passage, page or question."""

    passage_words: tuple[int, ...] = ()
    reading_ease: tuple[float, ...] = ()
    page_ages_days: tuple[int, ...] = ()
    asked: int = 0
    unanswered: int = 0


@dataclass(frozen=True, slots=True)
class QualityReport:
    """``skipped`` says of each topic that could not be looked at why, and what would let it be."""

    subject: Subject
    documents: int
    passages: int
    findings: tuple[Finding, ...]
    numbers: Numbers = field(default_factory=Numbers)
    skipped: Mapping[Topic, str] = field(default_factory=dict, hash=False)

    def of_topic(self, topic: Topic) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.topic is topic)

    def counts(self) -> dict[Topic, dict[Kind, int]]:
        """How many findings of each kind, for all topics that were looked at; kinds without any are zero."""
        found = Counter(finding.kind for finding in self.findings)
        return {
            topic: {kind: found[kind] for kind in Kind if topic_of(kind) is topic}
            for topic in Topic
            if topic not in self.skipped
        }

    def as_json(self) -> dict[str, Any]:
        """The report for scripts.

        ``schema`` (1), ``knowledge_base``, ``title``, ``today`` (ISO); ``documents`` and ``passages`` counted;
        ``questions``: ``asked`` and ``unanswered``; ``skipped``: topic -> why it was not looked at; ``counts``:
        topic -> kind -> number, zeros included, for the topics that were; ``findings``: each with ``topic``, ``kind``,
        ``score`` (orders its kind), ``what``, ``remedy``, ``facts`` (the numbers behind it) and ``places``: each with
        ``document_id``, ``title``, ``source``, ``passage_id`` ("" for a whole document), ``span`` (characters of the
        document's text, end exclusive), ``section``, ``text``, and ``marks`` (characters of ``text``).
        """
        return {
            "schema": SCHEMA,
            "knowledge_base": self.subject.name,
            "title": self.subject.title,
            "today": self.subject.today.isoformat(),
            "documents": self.documents,
            "passages": self.passages,
            "questions": {"asked": self.numbers.asked, "unanswered": self.numbers.unanswered},
            "skipped": {topic.value: why for topic, why in self.skipped.items()},
            "counts": {
                topic.value: {kind.value: count for kind, count in kinds.items()}
                for topic, kinds in self.counts().items()
            },
            "findings": [_finding_json(finding) for finding in self.findings],
        }


def examine(
    subject: Subject,
    pages: Sequence[Page],
    files: Mapping[str, SourceFile],
    questions: Questions | None = None,
    tell: Tell = lambda _: None,
) -> QualityReport:
    """Everything that can be found in ``pages`` on the subject's day; without files links are not looked at, without
    questions coverage is not."""
    findings: list[Finding] = []
    for topic, check in _checks(subject, pages, files, questions):
        tell(topic.value)
        findings += check()
    return QualityReport(
        subject,
        len(pages),
        sum(len(page.passages) for page in pages),
        tuple(findings),
        _numbers(pages, subject.today, questions),
        _skipped(files, questions),
    )


def _checks(
    subject: Subject, pages: Sequence[Page], files: Mapping[str, SourceFile], questions: Questions | None
) -> list[tuple[Topic, Callable[[], Sequence[Finding]]]]:
    return [
        (Topic.COVERAGE, lambda: _gaps(questions) if questions else ()),
        (Topic.CONFLICTS, lambda: find_conflicts(pages, subject.today)),
        (Topic.REDUNDANCY, lambda: find_duplicates(pages, subject.today)),
        (Topic.STALENESS, lambda: find_stale(pages, subject.today)),
        (Topic.LINKS, lambda: find_broken_links(pages, files)),
        (Topic.STRUCTURE, lambda: find_structure_faults(pages)),
        (Topic.READABILITY, lambda: find_hard_passages(pages)),
    ]


def _gaps(questions: Questions) -> tuple[Finding, ...]:
    wanting = unanswered(questions.asked)
    if not wanting:
        return ()
    return find_gaps(wanting, questions.encode([one.question for one in wanting]), questions.nearest)


def _skipped(files: Mapping[str, SourceFile], questions: Questions | None) -> dict[Topic, str]:
    skipped = {}
    if questions is None:
        skipped[Topic.COVERAGE] = "No questions were given; name a file of those that were asked: --questions FILE."
    if not files:
        skipped[Topic.LINKS] = "Links are in the source files alone; name their folder: --source FOLDER."
    return skipped


def _numbers(pages: Sequence[Page], today: date, questions: Questions | None) -> Numbers:
    passages = [passage for page in pages for passage in page.passages]
    touched = [last_touched(page.document.metadata) for page in pages]
    eases = [reading_ease(passage.text) for passage in passages]
    return Numbers(
        tuple(len(passage.text.split()) for passage in passages),
        tuple(round(ease.flesch, 1) for ease in eases if ease is not None),
        tuple((today - day).days for day in touched if day is not None),
        len(questions.asked) if questions else 0,
        len(unanswered(questions.asked)) if questions else 0,
    )


def _finding_json(finding: Finding) -> dict[str, Any]:
    return {
        "topic": finding.topic.value,
        "kind": finding.kind.value,
        "score": finding.score,
        "what": finding.what,
        "remedy": finding.remedy,
        "facts": dict(finding.facts),
        "places": [asdict(place) for place in finding.places],
    }
