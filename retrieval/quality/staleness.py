"""What has aged: reviews overdue, validity ended, versions replaced, pages long untouched, announcements gone by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from domain.passage import Document
from retrieval.quality.findings import Finding, Kind, Place, ordered
from retrieval.quality.pages import Page, in_force, sentences
from retrieval.quality.values import dates_in
from retrieval.validity import superseded

_REVIEW_KEYS = ("review_by", "review_date", "next_review", "review_due", "review_on")
_UNTIL_KEYS = ("effective_until", "valid_until", "expires", "expiry_date", "expires_on")
_UPDATED_KEYS = ("reviewed", "last_reviewed", "updated", "last_updated", "modified", "date", "published")
_EFFECTIVE_KEYS = ("effective_from", "valid_from")
_ISO = re.compile(r"(?:19|20)\d\d-\d\d(?:-\d\d)?")
_DAYS_A_YEAR = 365.25

_COMING = re.compile(r"\b(?:will|is going to|are going to|shall|plans? to|[’']ll)\b", re.IGNORECASE)
_AT = re.compile(r"\b(?:on|from|by|until|till|starting|beginning|in|effective|as of|of)\s+(?:the\s+)?$", re.IGNORECASE)
_DEADLINE = re.compile(
    r"\b(?:by|until|till|ends? on|expires? on|runs? (?:to|until)|no later than|deadline (?:is|of))\s+(?:the\s+)?$",
    re.IGNORECASE,
)
_TOLD_AS_PAST = re.compile(
    r"\b(?:was|were|had|did|could|became|began|sold|bought|made|got|took|gave|went|came|left|born|\w{3,}ed)\b",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"\b(?:if|who|whose|unless|those|anyone|exception)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long things may stand, in days: pages that nobody has changed, and dates in the text."""

    untouched_days: int = 1095
    past_date_days: int = 30


def find_stale(pages: Sequence[Page], today: date, patience: Patience = Patience()) -> tuple[Finding, ...]:
    """What is out of date on ``today``, the oldest first within each kind."""
    gone = superseded({page.document.id: page.document.metadata for page in pages}, today)
    holding = in_force(pages, gone)
    found = [*_replaced(pages, gone)]
    for page in holding:
        found += [*_by_metadata(page, today, patience), *_past_dates(page, today, patience)]
    return ordered(found)


def last_touched(metadata: Mapping[str, str]) -> date | None:
    """The latest day that the metadata names for a change, a review or the beginning of validity."""
    days = (day_in(metadata.get(key, "")) for key in (*_UPDATED_KEYS, *_EFFECTIVE_KEYS))
    return max((day for day in days if day is not None), default=None)


def day_in(text: str) -> date | None:
    """The ISO day, or the first day of the ISO month, that a metadata value begins with."""
    match = _ISO.match(text.strip())
    try:
        return date.fromisoformat(match.group() if len(match.group()) > 7 else f"{match.group()}-01") if match else None
    except ValueError:
        return None


def _first(metadata: Mapping[str, str], keys: Sequence[str]) -> date | None:
    return next((day for key in keys if (day := day_in(metadata.get(key, ""))) is not None), None)


def _by_metadata(page: Page, today: date, patience: Patience) -> Iterator[Finding]:
    metadata, place, title = page.document.metadata, page.whole(), page.document.title
    until, review, touched = _first(metadata, _UNTIL_KEYS), _first(metadata, _REVIEW_KEYS), last_touched(metadata)
    if until and until < today:
        what = f"“{title}” held until {_told(until)} and is still there."
        yield _aged(Kind.EXPIRED, what, "Take it out, or extend its validity.", place, until, today)
    if review and review < today:
        what = f"“{title}” was to be reviewed by {_told(review)}."
        yield _aged(Kind.REVIEW_OVERDUE, what, "Review it and set the next date.", place, review, today)
    if touched and (today - touched).days > patience.untouched_days:
        years = (today - touched).days / _DAYS_A_YEAR
        what = f"“{title}” has not been touched since {_told(touched)}, {years:.1f} years ago."
        remedy = "Check that it still holds; renew its date, correct it or take it out."
        yield _aged(Kind.NOT_UPDATED, what, remedy, place, touched, today)


def _replaced(pages: Sequence[Page], gone: frozenset[str]) -> Iterator[Finding]:
    by = {older: page.document for page in pages for older in _named(page.document.metadata.get("supersedes", ""))}
    for page in pages:
        if page.document.id in gone:
            newer: Document = by[page.document.id]
            what = f"“{page.document.title}” is replaced by “{newer.title}” and still there."
            remedy = "Keep it only if people ask how things were: it answers nothing else. If not, take it out."
            yield Finding(Kind.SUPERSEDED, what, remedy, (page.whole(),), 0.0, {"replaced by": newer.id})


def _named(ids: str) -> list[str]:
    return [part.strip() for part in ids.strip("[]").split(",") if part.strip()]


def _past_dates(page: Page, today: date, patience: Patience) -> Iterator[Finding]:
    for place in sentences(page):
        for span, day in dates_in(place.text):
            if (today - day).days > patience.past_date_days and _still_to_come(place.text, span):
                what = f"“{place.title}” speaks of {_told(day)} as if it were to come."
                remedy = "Say how it is now, or take the sentence out."
                marked = replace(place, marks=(span,))
                yield _aged(Kind.PAST_DATE, what, remedy, marked, day, today)
                break


def _still_to_come(text: str, span: tuple[int, int]) -> bool:
    """Whether the sentence has the day before it: it announces it, or names it as a deadline, in the present."""
    before = text[: span[0]]
    if _CONDITION.search(before):  # “if you were born before …” stays true
        return False
    if _COMING.search(text):
        return bool(_AT.search(before)) or not before.strip()
    return bool(_DEADLINE.search(before)) and not _TOLD_AS_PAST.search(text)


def _aged(kind: Kind, what: str, remedy: str, place: Place, day: date, today: date) -> Finding:
    age = (today - day).days
    return Finding(kind, what, remedy, (place,), float(age), {"date": day.isoformat(), "days": age})


def _told(day: date) -> str:
    return f"{day.day} {day:%B %Y}"
