"""The report as one HTML page that loads nothing and runs nothing; every word from a document is escaped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from retrieval.quality.charts import Chart, bars, histogram
from retrieval.quality.findings import Finding, Kind, Place, Topic
from retrieval.quality.readability import HARD
from retrieval.quality.report import QualityReport
from retrieval.quality.style import STYLE

SHOWN = 50
"""Findings of a kind that the page shows; the JSON has all."""

_PLACES_SHOWN = 6
_QUOTED_CHARACTERS = 420  # a sentence or a short passage; the whole is in the document
_NAMED_CHARACTERS = 60
_OPEN_UP_TO = 30  # longer lists start closed
_DAYS_A_YEAR = 365.25

_TOPICS = {
    Topic.COVERAGE: ("Unanswered", "What people asked and got no answer to, or a doubtful one."),
    Topic.CONFLICTS: ("Conflicts", "Two sentences about the same thing that cannot both hold, the surest first."),
    Topic.REDUNDANCY: (
        "Repetitions",
        "Passages that several documents share: changed in one, forgotten in another.",
    ),
    Topic.STALENESS: ("Out of date", "Validity ended, reviews overdue, versions replaced, and dates gone by."),
    Topic.LINKS: ("Broken links", "Links to documents and headings that are not there."),
    Topic.STRUCTURE: ("Structure", "What readers and the search stumble over in how a document is built."),
    Topic.READABILITY: ("Hard to read", "Passages with long words and long sentences, the hardest first."),
}
_KINDS = {
    Kind.UNANSWERED: "Subjects asked about",
    Kind.VALUE_CONFLICT: "Different values",
    Kind.NEGATION_CONFLICT: "Yes and no",
    Kind.EXACT_DUPLICATE: "Word for word",
    Kind.NEAR_DUPLICATE: "Nearly the same",
    Kind.EXPIRED: "Validity ended",
    Kind.REVIEW_OVERDUE: "Review overdue",
    Kind.SUPERSEDED: "Replaced by a newer version",
    Kind.NOT_UPDATED: "Not touched for long",
    Kind.PAST_DATE: "Dates gone by",
    Kind.BROKEN_LINK: "Missing documents",
    Kind.BROKEN_ANCHOR: "Missing headings",
    Kind.EMPTY_DOCUMENT: "Empty documents",
    Kind.ORPHAN_HEADING: "Headings without text",
    Kind.HEADERLESS_TABLE: "Tables without a header",
    Kind.GIANT_SECTION: "Very long sections",
    Kind.TINY_PASSAGE: "Very short passages",
    Kind.HARD_TO_READ: "Hard passages",
}


def kind_name(kind: Kind) -> str:
    """The kind in words, as the page and the terminal show it."""
    return _KINDS[kind]


def topic_name(topic: Topic) -> str:
    """The topic in words."""
    return _TOPICS[topic][0]


def render_report(report: QualityReport) -> str:
    """The whole page."""
    title = report.subject.title or report.subject.name
    body = "".join(_section(report, topic) for topic in Topic)
    policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<title>{escape(title)}: knowledge base quality</title><style>{STYLE}</style></head><body><main>"
        f"<h1>{escape(title)}</h1><p class='quiet'>Quality of the knowledge base {escape(report.subject.name)} on "
        f"{_day(report)}: {report.documents:,} documents, {report.passages:,} passages.</p>"
        f"<ul class='tiles'>{''.join(_tile(report, topic) for topic in Topic)}</ul>"
        f"<div class='charts'>{''.join(map(_figure, charts_of(report)))}</div>{body}</main></body></html>\n"
    )


def charts_of(report: QualityReport) -> list[Chart]:
    """The pictures for which there are numbers."""
    numbers, counts = report.numbers, report.counts()
    found = [(kind_name(kind), count) for kinds in counts.values() for kind, count in kinds.items() if count]
    charts = [bars("Findings", "How many of each kind.", found)] if found else []
    if numbers.asked:
        charts.append(_questions(report))
    if numbers.passage_words:
        note = "Words in a passage; about 110 are aimed at."
        charts.append(histogram("Length of passages", note, numbers.passage_words, "words"))
    if numbers.reading_ease:
        note = f"Flesch: 60 is plain English, below {HARD:.0f} (dashed) is for graduates."
        charts.append(histogram("Reading ease", note, numbers.reading_ease, "reading ease", [HARD]))
    if numbers.page_ages_days:
        years = [days / _DAYS_A_YEAR for days in numbers.page_ages_days]
        charts.append(histogram("Age of documents", "Since the last date in their metadata.", years, "years"))
    return charts


def _questions(report: QualityReport) -> Chart:
    asked, without = report.numbers.asked, report.numbers.unanswered
    largest = [
        (_cut(str(finding.facts.get("example 1", "")), 30), finding.score)
        for finding in report.of_topic(Topic.COVERAGE)[:6]
    ]
    note = f"{without:,} of {asked:,} questions ({without / asked:.0%}) had no good answer; the largest subjects:"
    return bars("Unanswered questions", note, largest or [("none", 0)])


def _tile(report: QualityReport, topic: Topic) -> str:
    if topic in report.skipped:
        count, name = "–", "none"
    else:
        found = len(report.of_topic(topic))
        count, name = f"{found:,}", "some" if found else "none"
    return f'<li class="{name}"><a href="#{topic.value}"><b>{count}</b>{topic_name(topic)}</a></li>'


def _figure(chart: Chart) -> str:
    return (
        f"<figure><figcaption>{escape(chart.title)}<span>{escape(chart.note)}</span></figcaption>{chart.svg}</figure>"
    )


def _section(report: QualityReport, topic: Topic) -> str:
    name, about = _TOPICS[topic]
    findings = sorted(report.of_topic(topic), key=lambda finding: list(Kind).index(finding.kind))
    if topic in report.skipped:
        body = f"<p class='more'>Not looked at. {escape(report.skipped[topic])}</p>"
    elif not findings:
        body = "<p class='more'>Nothing found.</p>"
    else:
        body = "".join(_group(kind, list(group)) for kind, group in groupby(findings, key=lambda one: one.kind))
    return f'<section id="{topic.value}"><h2>{name}</h2><p class="quiet">{about}</p>{body}</section>'


def _group(kind: Kind, findings: Sequence[Finding]) -> str:
    shown = "".join(map(_finding, findings[:SHOWN]))
    left = len(findings) - SHOWN
    more = f"<p class='more'>{left:,} more in the JSON.</p>" if left > 0 else ""
    opened = " open" if len(findings) <= _OPEN_UP_TO else ""
    head = f"<h3>{kind_name(kind)}</h3><span class='count'>{len(findings):,}</span>"
    return f"<details{opened}><summary>{head}</summary><ul class='findings'>{shown}</ul>{more}</details>"


def _finding(finding: Finding) -> str:
    places = [place for place in finding.places if place.text] or list(finding.places[:1])
    cards = "".join(map(_place, places[:_PLACES_SHOWN]))
    left = len(places) - _PLACES_SHOWN
    more = f"<p class='more'>and in {left:,} more places</p>" if left > 0 else ""
    return (
        f"<li><p class='what'>{escape(finding.what)}</p><p class='remedy'>{escape(finding.remedy)}</p>"
        f"{_examples(finding)}<div class='places'>{cards}</div>{more}</li>"
    )


def _examples(finding: Finding) -> str:
    told = [str(value) for name, value in finding.facts.items() if name.startswith("example ")][1:]
    return f"<ul class='examples'>{''.join(f'<li>{escape(one)}</li>' for one in told)}</ul>" if told else ""


def _place(place: Place) -> str:
    section = " › ".join(name for name in place.section if name != place.title)
    under = f" › {escape(section)}" if section else ""
    quote = f"<blockquote>{''.join(_marked(place))}</blockquote>" if place.text else ""
    where = " · ".join(part for part in (place.source, place.passage_id) if part)
    cite = f"<cite><b>{escape(place.title)}</b>{under}</cite>"
    return f"<div class='place'>{cite}{quote}<small>{escape(where)}</small></div>"


def _marked(place: Place) -> Iterator[str]:
    """The text with its marks, cut where it is too long to read here."""
    text, at = place.text, 0
    for start, end in sorted(place.marks):
        if at <= start < end <= _QUOTED_CHARACTERS:
            yield f"{escape(text[at:start])}<mark>{escape(text[start:end])}</mark>"
            at = end
    yield escape(_cut(text[at:], _QUOTED_CHARACTERS - at))


def _cut(text: str, characters: int) -> str:
    return text if len(text) <= characters else f"{text[:characters].rsplit(' ', 1)[0]} …"


def _day(report: QualityReport) -> str:
    return f"{report.subject.today.day} {report.subject.today:%B %Y}"
