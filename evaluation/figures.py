"""Lines of measures with intervals, and samples of rows: what every run of this folder shares."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from evaluation.metrics import Estimate
from evaluation.reports import Table

T = TypeVar("T")
Parity = Literal["even", "odd"]
Tell = Callable[[int, int], object]
"""Called with (done, in all) as a run goes on."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a report: ``measures`` (0..1) over ``count`` examples."""

    name: str
    count: int
    measures: Mapping[str, Estimate] = field(hash=False)


def table(title: str, lines: Sequence[Line], facts: Mapping[str, str], about: str = "system") -> Table:
    """The lines in per cent with 95 % intervals; a cell is empty where a line lacks a measure."""
    names = list(dict.fromkeys(name for line in lines for name in line.measures))
    rows = tuple(
        (line.name, *(percent(line.measures.get(name)) for name in names), f"{line.count:,}") for line in lines
    )
    kind = {"intervals": "95 %, bootstrap over examples", **facts}
    return Table(title, (about, *names, "n"), rows, kind, [_data(line) for line in lines])


def percent(estimate: Estimate | None) -> str:
    """``12.3 [10.1–14.5]``; a dash for what is not known, nothing for what was not measured."""
    if estimate is None:
        return ""
    if estimate.mean != estimate.mean:
        return "–"
    return f"{100 * estimate.mean:.1f} [{100 * estimate.low:.1f}–{100 * estimate.high:.1f}]"


def evenly(items: Sequence[T], limit: int | None) -> list[T]:
    """At most ``limit`` of ``items``, spread evenly over them, in their order; all of them for None."""
    if limit is None or limit >= len(items):
        return list(items)
    return [items[i * len(items) // limit] for i in range(limit)]


def of_parity(items: Sequence[T], parity: Parity | None, group: Callable[[T], Hashable]) -> list[T]:
    """Those of every other group, counted from 0 in the order of their first items, so that what belongs together
    (a dialogue, a passage) is never on both sides; all of them for None."""
    numbers: dict[Hashable, int] = {}
    for item in items:
        numbers.setdefault(group(item), len(numbers))
    wanted = {None: (0, 1), "even": (0,), "odd": (1,)}[parity]
    return [item for item in items if numbers[group(item)] % 2 in wanted]


def _data(line: Line) -> dict[str, Any]:
    return {"name": line.name, "n": line.count, **{name: numbers(one) for name, one in line.measures.items()}}


def numbers(estimate: Estimate) -> dict[str, float | None]:
    """An estimate for JSON, which knows no NaN."""
    told = {"mean": estimate.mean, "low": estimate.low, "high": estimate.high}
    return {name: value if value == value else None for name, value in told.items()}
