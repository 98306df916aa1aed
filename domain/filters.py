"""Which documents may be found at all: by their metadata, and by the day they hold on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

ANY = frozenset({"all", "any", "both"})
"""Values that say a document holds for whatever is asked about."""


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
        if self.valid_on is None:
            return True
        day = self.valid_on.isoformat()
        until = metadata.get("effective_until", "")[:10]
        return metadata.get("effective_from", "")[:10] <= day and (not until or day <= until)


OPEN = Filter()
"""Lets everything through."""


def values_of(text: str) -> frozenset[str]:
    """The values a metadata field names: ``[UK, IE]`` or ``UK, IE`` -> uk and ie; "null" and "none" name nothing."""
    found = (part.strip().strip("'\"").casefold() for part in text.strip("[]").split(","))
    return frozenset(value for value in found if value not in ("", "null", "none"))
