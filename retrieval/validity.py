"""Which documents hold at the time a question is about, and which time that is."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from domain.filters import dated, holds_between

_MONTH_NAMES = "january february march april may june july august september october november december"
MONTHS = _MONTH_NAMES.split()
_A_MONTH = "|".join(MONTHS) + "|(?:jan|feb|mar|apr|jun|jul|aug|sept?|oct|nov|dec)\\b\\.?"

Days = tuple[date, date]
"""From the first to the last day, both included."""

_YEAR = re.compile(r"\b(19\d\d|20\d\d)\b")
_MONTH = re.compile(
    rf"\b(?:(\d\d?)(?:st|nd|rd|th)?(?:\s+of)?\s+)?({_A_MONTH})\s+(?:of\s+|(\d\d?)(?:st|nd|rd|th)?,?\s+)?"
    r"((?:19|20)\d\d)\b",
    re.IGNORECASE,
)
_ISO_DATE = re.compile(r"\b((?:19|20)\d\d)-(\d\d)(?:-(\d\d))?\b")
_BEARINGS = re.compile(
    r"\b(last|next) (year|month)\b|\b(a|one|two|three|four|five|\d{1,2}) (year|month)s? ago\b"
    rf"|\b(?:starting|as of|beginning)(?: in| from)? ({_A_MONTH})(?!\w)(?!\s+\d)|\b(yesterday|tomorrow)\b"
    rf"|\b(?:bill|invoice|statement|charge|payment|one) (?:from|of|for) (?:last )?({_A_MONTH})(?!\w)(?!\s+\d)",
    re.IGNORECASE,
)
_UNTIL = re.compile(r"\b(before|prior to|earlier than)\s+(the\s+)?$", re.IGNORECASE)
_SINCE = re.compile(r"\b(since|after|starting|as of)\s+(the\s+)?$", re.IGNORECASE)
_NUMBERS = {"a": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5}

# "before" is about the past in "the price before" and "before the increase", but not in "before I cancel".
_PAST = re.compile(
    r"\b(previous(ly)?|former(ly)?|earlier|used to|old(er)?|superseded|no longer|back then|at (the|that) time"
    r"|last (week|spring|summer|autumn|fall|winter)|(some|many) (years?|months?) ago"
    r"|before (the|this|that|last) (change|increase|rise|update|new|price)\w*|before(?=\s*[?.!,;]|\s*$))\b",
    re.IGNORECASE,
)
_WAS = re.compile(r"\bwhat (was|were)\b", re.IGNORECASE)
_FUTURE = re.compile(
    r"\b(next (year|month|week|quarter|spring|summer|autumn|fall|winter)|tomorrow|upcoming|forthcoming"
    r"|in (the )?future|(coming|planned|announced) (change|increase|rise|price|fee|term)\w*"
    r"|(will|going to|about to|due to) (change|increase|rise|go up|go down|come in|take effect)"
    r"|(prices?|fees?|charges?|terms?) (are |is )?(changing|going up|going down|rising|increasing))\b",
    re.IGNORECASE,
)
# "I joined in 2019, what does it cost now?" names a date and asks about today.
_PRESENT = re.compile(
    r"\b(now|today|current(ly)?|still|nowadays|do|does|don't|doesn't|is|isn't|are|aren't|am|can|can't|has|have|must"
    r"|should|i'm|it's|what's|how's)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class AskedTime:
    """The time a question is about.

    ``spans``: the days, months and years it names that today is not in. ``past``, ``future``: it speaks of how things
    were, or will be, without saying when. ``present``: it may be about today, or about nothing else.
    """

    spans: tuple[Days, ...] = ()
    past: bool = False
    future: bool = False
    present: bool = True

    @property
    def is_today(self) -> bool:
        """Whether it is about today alone."""
        return not (self.spans or self.past or self.future)


TODAY_ONLY = AskedTime()
"""A question that names no time."""


def asked_time(texts: Iterable[str], today: date) -> AskedTime:
    """The time that a question is about, spelt in ``texts`` (as typed, and rewritten); one that names none says
    nothing of it."""
    asked = [one for one in (_asked_time(text, today) for text in texts) if not one.is_today]
    return AskedTime(
        tuple(span for one in asked for span in one.spans),
        any(one.past for one in asked),
        any(one.future for one in asked),
        not asked or any(one.present for one in asked),
    )


def not_holding(documents: Mapping[str, Mapping[str, str]], asked: AskedTime, today: date) -> frozenset[str]:
    """The ids of the ``documents`` (ids to metadata) that do not hold at the time asked about.

    Today's question is answered by no document that another one replaces, that has run out or is yet to take effect.
    A question about a day is answered by the versions that held on it; where it may be about today too, by today's as
    well. How things were, without a date: also by what was replaced; how they will be: also by what is yet to come.
    A document without other versions counts for the past whatever its ``effective_from``, which is often no more than
    the day it was written.
    """
    coming = _yet_to_come(documents, today)
    out = superseded(documents, today) | _outside(documents, (today, today))
    if asked.spans and not asked.present:
        out = frozenset(documents) | out
    for span in asked.spans:
        out &= _not_in(documents, span, today)
    if asked.past:
        out &= coming
    return out - coming if asked.future else out


def superseded(documents: Mapping[str, Mapping[str, str]], today: date) -> frozenset[str]:
    """The ids of documents that another one replaces.

    ``documents`` maps ids to metadata; those that replace nothing may be left out. ``supersedes`` names one or
    more ids (comma-separated); it counts once the document's ``effective_from`` (an ISO date; none means always)
    has come. Where two documents supersede each other, nobody can say which holds, and both stay.
    """
    replaces = {
        document_id: replaced_by(document_id, metadata)
        for document_id, metadata in documents.items()
        if dated(metadata, "effective_from") <= today.isoformat()
    }
    return frozenset(
        older for newer, olders in replaces.items() for older in olders if newer not in replaces.get(older, ())
    )


def replaced_by(document_id: str, metadata: Mapping[str, str]) -> frozenset[str]:
    """The ids that a document's ``supersedes`` names, but its own."""
    return frozenset(
        part.strip()
        for part in metadata.get("supersedes", "").strip("[]").split(",")
        if part.strip() not in ("", "null", "none", document_id)
    )


def _not_in(documents: Mapping[str, Mapping[str, str]], span: Days, today: date) -> frozenset[str]:
    """What did not, or will not, hold on any day of ``span``."""
    first, last = span
    versions = {id_ for id_, metadata in documents.items() if replaced_by(id_, metadata)}
    versions |= {older for id_, metadata in documents.items() for older in replaced_by(id_, metadata)}
    alone = {id_: metadata for id_, metadata in documents.items() if id_ not in versions}
    of_versions = {id_: metadata for id_, metadata in documents.items() if id_ in versions}
    return superseded(documents, first) | _outside(of_versions, span) | _outside(alone, (first, max(last, today)))


def _outside(documents: Mapping[str, Mapping[str, str]], span: Days) -> frozenset[str]:
    return frozenset(id_ for id_, metadata in documents.items() if not holds_between(metadata, *span))


def _yet_to_come(documents: Mapping[str, Mapping[str, str]], today: date) -> frozenset[str]:
    return frozenset(id_ for id_, meta in documents.items() if dated(meta, "effective_from") > today.isoformat())


def _asked_time(text: str, today: date) -> AskedTime:
    spans = tuple(span for span in _named(text, today) if not span[0] <= today <= span[1])
    was, will = bool(_PAST.search(text)), bool(_FUTURE.search(text)) and not spans
    past = was or (bool(_WAS.search(text)) and not spans)
    return AskedTime(spans, past, will, not (spans or past) or bool(_PRESENT.search(text)))


def _named(text: str, today: date) -> Iterator[Days]:
    """Every day, month and year that ``text`` names."""
    for found in _MONTH.finditer(text):
        day, month, other_day, year = found.groups()
        named = _span(int(year), _month_number(month), int(day or other_day or 0))
        yield from _seen_from(text[: found.start()], named)
    for found in _ISO_DATE.finditer(text):
        year, month, day = (int(part or 0) for part in found.groups())
        yield from _seen_from(text[: found.start()], _span(year, month, day))
    rest = _MONTH.sub(" ", _ISO_DATE.sub(" ", text))
    for found in _YEAR.finditer(rest):
        yield from _seen_from(rest[: found.start()], _span(int(found[0])))
    yield from _relative(rest, today)


def _seen_from(before: str, spans: Iterable[Days]) -> Iterator[Days]:
    """``spans`` as the words ``before`` them mean it: before one of them, or from it on."""
    for first, last in spans:
        if _UNTIL.search(before):
            yield date.min, first - timedelta(days=1)
        else:
            yield first, (date.max if _SINCE.search(before) else last)


def _relative(text: str, today: date) -> Iterator[Days]:
    """The days that ``text`` names as seen from ``today``: "last year", "two months ago", "from January"."""
    for which, unit, count, ago_unit, month, near, billed in (found.groups() for found in _BEARINGS.finditer(text)):
        if near:
            day = today + timedelta(days=1 if near.lower() == "tomorrow" else -1)
            yield day, day
        elif month:
            number = _month_number(month)
            yield from _span(today.year + (number <= today.month), number)
        elif billed:
            number = _month_number(billed)
            yield from _span(today.year - (number > today.month), number)
        else:
            steps = (1 if which.lower() == "next" else -1) if which else -_count(count)
            yield from _moved(today, steps, (unit or ago_unit).lower())


def _month_number(name: str) -> int:
    return next(number for number, month in enumerate(MONTHS, 1) if month.startswith(name.lower()[:3]))


def _moved(today: date, steps: int, unit: str) -> Iterator[Days]:
    if unit == "year":
        yield from _span(today.year + steps)
        return
    months = today.year * 12 + today.month - 1 + steps
    yield from _span(months // 12, months % 12 + 1)


def _span(year: int, month: int = 0, day: int = 0) -> Iterator[Days]:
    """A year, a month of it, or a day of that; nothing for a 31st of June."""
    try:
        if day:
            yield date(year, month, day), date(year, month, day)
        elif month:
            yield date(year, month, 1), date(year, month, monthrange(year, month)[1])
        else:
            yield date(year, 1, 1), date(year, 12, 31)
    except ValueError:
        return


def _count(word: str) -> int:
    return _NUMBERS.get(word.lower()) or int(word)
