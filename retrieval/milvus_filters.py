"""Milvus' filter expressions: what a search may see at one moment, and a ``Filter`` as an expression.

A document's metadata goes into a list of facets, ``6:region=uk`` for each value that it names and ``6:region`` for
each key that names any, so that every condition of a ``Filter`` is a question whether a list holds a word.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from domain.filters import ANY, Filter, dated, values_of

EVERYTHING = ""
NOTHING = "row < 0"
FACET_BYTES = 256
MAX_FACETS = 1024


@dataclass(frozen=True, slots=True)
class Hidden:
    """What is still stored and no longer, or never was, part of a moment.

    ``copies``: versions of documents that were replaced or deleted. ``ranges``: (first, last) of the numbers that a
    writer had taken and did not finish with.
    """

    copies: tuple[int, ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()


def visible(generation: int, hidden: Hidden) -> str:
    """What a reader of ``generation`` sees, of passages and of records alike."""
    parts = [f"born <= {generation}"]
    if hidden.copies:
        parts.append(f"copy not in {numbers(hidden.copies)}")
    parts.extend(f"not (copy >= {first} and copy <= {last})" for first, last in hidden.ranges)
    return " and ".join(parts)


def both(*expressions: str) -> str:
    """All of the expressions at once; the empty one holds always."""
    return " and ".join(f"({expression})" for expression in expressions if expression)


def facets_of(metadata: Mapping[str, str]) -> list[str]:
    """What ``admitting`` asks about: each key that names a value, and each of its values."""
    found: list[str] = []
    for key, text in sorted(metadata.items()):
        values = sorted(values_of(text))
        found += [_facet(key), *(_facet(key, value) for value in values)] if values else []
    return found


def days_of(metadata: Mapping[str, str]) -> dict[str, str]:
    """The first and last day a document holds on, so that plain comparison of text finds whether a day is between.

    "2026-03" as the last day holds until the end of March: "~" is greater than all that may follow in a date.
    """
    return {
        "effective_from": dated(metadata, "effective_from"),
        "effective_until": f"{dated(metadata, 'effective_until')}~",
    }


def admitting(filter_: Filter) -> str:
    """The expression that holds for passages of documents that ``filter_`` lets through; "" when it is open."""
    conditions = [_condition(filter_, key) for key in filter_.where]
    if filter_.valid_on is not None:
        day = quoted(filter_.valid_on.isoformat())
        conditions.append(f"effective_from <= {day} and effective_until >= {day}")
    return both(*conditions)


def outside(filter_: Filter) -> str:
    """The opposite of ``admitting``."""
    inside = admitting(filter_)
    return f"not ({inside})" if inside else NOTHING


def numbers(values: Iterable[int]) -> str:
    """A list of integers in Milvus' grammar."""
    return f"[{', '.join(str(int(value)) for value in values)}]"


def texts(values: Iterable[str]) -> str:
    """A list of strings in Milvus' grammar."""
    return f"[{', '.join(quoted(value) for value in values)}]"


def quoted(text: str) -> str:
    """A string in Milvus' grammar; escaping makes every text harmless."""
    return json.dumps(text, ensure_ascii=False)


def _condition(filter_: Filter, key: str) -> str:
    accepted = {value.casefold() for value in filter_.where[key]}
    if key in filter_.strict:
        return _holds_any(key, sorted(accepted)) if accepted else NOTHING
    return f"{_holds_any(key, sorted(accepted | ANY))} or not array_contains(facets, {quoted(_facet(key))})"


def _holds_any(key: str, values: Sequence[str]) -> str:
    return f"array_contains_any(facets, {texts(_facet(key, value) for value in values)})"


def _facet(key: str, value: str | None = None) -> str:
    """The key, its length in front so that no two facets look alike, and the value; a long one by its hash."""
    facet = f"{len(key)}:{key}" if value is None else f"{len(key)}:{key}={value}"
    encoded = facet.encode("utf-8", "surrogatepass")
    return facet if len(encoded) <= FACET_BYTES else f"sha256:{hashlib.sha256(encoded).hexdigest()}"
