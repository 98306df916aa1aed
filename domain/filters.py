"""Which documents may be found at all: by their metadata, and by the day they hold on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from domain.errors import Misconfigured

ANY = frozenset({"all", "any", "both"})
"""Values that say a document holds for whatever is asked about."""

ANY_DAY = "any"
"""What stands for "no day in particular" where a day is written."""

_CONDITION = re.compile(r"\s*([\w-]+)\s*(==?)\s*(.+?)\s*")
_PARTIAL_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions on a document's metadata; all must hold.

    ``where``: for each key the values that are let through, compared without case. A document that names several
    (``UK, IE``) passes with one of them; one that says "all" (``ANY``), or does not have the key, passes too, unless
    the key is in ``strict``: there only a value that is let through counts, which is what access needs. ``valid_on``:
    the day the document must hold on, by its ``effective_from`` and ``effective_until`` (ISO dates, the last day
    included); None asks about no day.
    """

    where: Mapping[str, frozenset[str]] = field(default_factory=dict, hash=False)
    strict: frozenset[str] = frozenset()
    valid_on: date | None = None

    def admits(self, metadata: Mapping[str, str]) -> bool:
        """Whether a document with this metadata may be found."""
        return all(self._passes(key, metadata) for key in self.where) and self._holds(metadata)

    @property
    def is_open(self) -> bool:
        """True when it lets everything through."""
        return not self.where and self.valid_on is None

    def _passes(self, key: str, metadata: Mapping[str, str]) -> bool:
        accepted = {value.casefold() for value in self.where[key]}
        values = values_of(metadata.get(key, ""))
        if not accepted.isdisjoint(values):
            return True
        return key not in self.strict and (not values or not ANY.isdisjoint(values))

    def _holds(self, metadata: Mapping[str, str]) -> bool:
        return self.valid_on is None or holds_between(metadata, self.valid_on, self.valid_on)


OPEN = Filter()
"""Lets everything through."""


def parse_filter(conditions: Iterable[str], valid_on: str = ANY_DAY) -> Filter:
    """The filter that ``conditions`` spell, one each: ``region=UK`` lets through documents for the UK, for all
    regions and for none in particular; ``audience==agent`` (two signs) only those that name it; several values are
    one or the other: ``region=UK,IE``. ``valid_on``: an ISO date, or "any".

    Raises ``Misconfigured`` for anything else, and for a key that is given twice.
    """
    where: dict[str, frozenset[str]] = {}
    strict = set()
    for text in conditions:
        found = _CONDITION.fullmatch(text)
        values = _written(found[3]) if found else frozenset()
        if found is None or not values or "=" in found[3]:
            raise Misconfigured(
                f"The condition {text!r} cannot be read; write a key and its values, such as region=UK,IE, or "
                "audience==agent for documents that name that audience and no others."
            )
        key = found[1]
        if key in where:
            raise Misconfigured(f"There are two conditions on {key!r}; write one with all values: {key}=UK,IE.")
        where[key] = values
        strict |= {key} if found[2] == "==" else set()
    return Filter(where, frozenset(strict), _day(valid_on))


def holds_between(metadata: Mapping[str, str], first: date, last: date) -> bool:
    """Whether a document with this metadata holds on some day from ``first`` to ``last``: ``effective_from`` and
    ``effective_until`` are ISO dates, months or years, the last day included; anything else says nothing."""
    begins, ends = dated(metadata, "effective_from"), dated(metadata, "effective_until")
    return begins <= last.isoformat() and first.isoformat()[: len(ends)] <= ends


def dated(metadata: Mapping[str, str], key: str) -> str:
    """The ISO date (``2026-03-01``, ``2026-03`` or ``2026``) under ``key``; "" for none."""
    found = _PARTIAL_DATE.match(metadata.get(key, "").strip())
    return found[0] if found else ""


def values_of(text: str) -> frozenset[str]:
    """The values a metadata field names: ``[UK, IE]`` or ``UK, IE`` -> uk and ie; "null" and "none" name nothing."""
    found = (part.strip().strip("'\"").casefold() for part in text.strip("[]").split(","))
    return frozenset(value for value in found if value not in ("", "null", "none"))


def _written(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())


def _day(text: str) -> date | None:
    if text.strip().casefold() == ANY_DAY:
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise Misconfigured(f"{text!r} is no day; write it as 2026-03-31, or {ANY_DAY!r}.") from error
