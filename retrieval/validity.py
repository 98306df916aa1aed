"""Which documents no longer hold, and when a person asks about the past all the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

_MONTH_NAMES = "january february march april may june july august september october november december"
MONTHS = _MONTH_NAMES.split()

_YEAR = re.compile(r"\b(19\d\d|20\d\d)\b")
_MONTH = re.compile(rf"\b({'|'.join(MONTHS)})\s+(?:of\s+)?((?:19|20)\d\d)\b", re.IGNORECASE)
_ISO_DATE = re.compile(r"\b((?:19|20)\d\d)-(\d\d)(?:-(\d\d))?\b")

# "before" is about the past in "the price before" and "before the increase", but not in "before I cancel".
_PAST = re.compile(
    r"\b(previous(ly)?|former(ly)?|earlier|used to|old(er)?|superseded|no longer|back then|at (the|that) time"
    r"|last (year|month|week|spring|summer|autumn|fall|winter)|(a|two|three|some|many|\d+) (years?|months?) ago"
    r"|before (the|this|that|last) (change|increase|rise|update|new|price)\w*"
    r"|before(?=\s*[?.!,;]|\s*$)|what (was|were))\b",
    re.IGNORECASE,
)


def asks_about_past(text: str, today: date) -> bool:
    """Whether ``text`` names a date or year before ``today``'s month, or speaks of how things were."""
    return bool(_PAST.search(text)) or any(moment < (today.year, today.month) for moment in _moments(text))


def superseded(documents: Mapping[str, Mapping[str, str]], today: date) -> frozenset[str]:
    """The ids of documents that another one replaces.

    ``documents`` maps ids to metadata; those that replace nothing may be left out. ``supersedes`` names one or
    more ids (comma-separated); it counts once the document's ``effective_from`` (an ISO date; none means always)
    has come. Where two documents supersede each other, nobody can say which holds, and both stay.
    """
    replaces = {
        document_id: _ids(metadata.get("supersedes", "")) - {document_id}
        for document_id, metadata in documents.items()
        if metadata.get("effective_from", "")[:10] <= today.isoformat()
    }
    return frozenset(
        older for newer, olders in replaces.items() for older in olders if newer not in replaces.get(older, ())
    )


def _moments(text: str) -> list[tuple[int, int]]:
    """Every (year, month) the text names; a bare year stands for its December."""
    months = [(int(year), MONTHS.index(month.lower()) + 1) for month, year in _MONTH.findall(text)]
    dates = [(int(year), int(month)) for year, month, _ in _ISO_DATE.findall(text)]
    rest = _MONTH.sub(" ", _ISO_DATE.sub(" ", text))
    return months + dates + [(int(year), 12) for year in _YEAR.findall(rest)]


def _ids(value: str) -> frozenset[str]:
    return frozenset(part.strip() for part in value.strip("[]").split(",") if part.strip())
