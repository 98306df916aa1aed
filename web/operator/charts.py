"""Pictures as SVG whose every point is a link. Colours come from the page, so they are right in light and in dark.

Each picture is beside a table of the same numbers, which is what a screen reader and a careful reader read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from web.view import attribute

_WIDE, _HIGH = 480, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 38, 8, 10, 24


@dataclass(frozen=True, slots=True)
class Point:
    """A place on a picture: ``x`` and ``y`` in 0..1 of its axes, where it leads, and what it says."""

    x: float
    y: float
    href: str
    said: str
    size: float = 4.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A stack at one place of the axis: (class, value, where it leads, what it says), from below."""

    label: str
    parts: tuple[tuple[str, float, str, str], ...]


def stacked(bars: Sequence[Bar], name: str) -> str:
    """Bars beside one another, their parts on top of one another."""
    tallest = max((sum(value for _, value, _, _ in bar.parts) for bar in bars), default=0) or 1
    top = nice(tallest)
    step = (_WIDE - _LEFT - _RIGHT) / max(1, len(bars))
    drawn = [_grid([(0.0, "0"), (0.5, _plain(top / 2)), (1.0, _plain(top))])]
    every = max(1, len(bars) // 7)
    for number, bar in enumerate(bars):
        x, below = _LEFT + step * number, 0.0
        for kind, value, href, said in bar.parts:
            y, height = _y((below + value) / top), (_HIGH - _TOP - _BOTTOM) * value / top
            box = f'x="{x + step * 0.12:.1f}" y="{y:.1f}" width="{step * 0.76:.1f}" height="{height:.1f}"'
            shape = f'<rect class="part {kind}" {box}/>'
            drawn.append(_linked(href, said, shape))
            below += value
        if number % every == 0:
            drawn.append(_label(x + step / 2, bar.label))
    return _picture(drawn, name)


def scatter(points: Sequence[Point], name: str, axes: tuple[str, str]) -> str:
    """Points over two shares with the diagonal on which both are equal."""
    ticks = [(0.0, "0"), (0.5, ".5"), (1.0, "1")]
    drawn = [_grid(ticks), f'<line class="diagonal" x1="{_x(0)}" y1="{_y(0)}" x2="{_x(1)}" y2="{_y(1)}"/>']
    drawn += [_label(_x(at), text) for at, text in ticks if at]
    drawn += [
        f'<text class="axis" x="{_x(0.75)}" y="{_HIGH - 8}" text-anchor="middle">{escape(axes[0])} →</text>',
        f'<text class="axis" x="{_x(0) + 6}" y="{_TOP + 14}">↑ {escape(axes[1])}</text>',
    ]
    drawn += [_dot(point) for point in points]
    return _picture(drawn, name)


def lines(series: Mapping[str, Sequence[Point]], name: str, top: str, labels: Sequence[tuple[float, str]]) -> str:
    """A line a series (its key is its class), a dot where there is a point; ``top`` is what 1 stands for."""
    drawn = [_grid([(0.0, "0"), (1.0, top)]), *(_label(_x(at), text) for at, text in labels)]
    for kind, points in series.items():
        path = " ".join(f"{_x(point.x):.1f},{_y(point.y):.1f}" for point in points)
        drawn.append(f'<polyline class="series {kind}" points="{path}"/>')
        drawn += [_dot(point, kind) for point in points]
    return _picture(drawn, name)


def nice(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, … that is not below ``value``."""
    size = 1.0
    while True:
        for step in (1.0, 2.0, 5.0):
            if size * step >= value:
                return size * step
        size *= 10


def _plain(value: float) -> str:
    return f"{value:g}"


def _picture(drawn: Sequence[str], name: str) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {_WIDE} {_HIGH}" role="group" {attribute("aria-label", name)}>'
        f"{''.join(drawn)}</svg>"
    )


def _grid(ticks: Sequence[tuple[float, str]]) -> str:
    return "".join(
        f'<line class="grid" x1="{_LEFT}" x2="{_WIDE - _RIGHT}" y1="{_y(at):.1f}" y2="{_y(at):.1f}"/>'
        f'<text class="tick" x="{_LEFT - 6}" y="{_y(at) + 4:.1f}" text-anchor="end">{escape(text)}</text>'
        for at, text in ticks
    )


def _label(x: float, text: str) -> str:
    return f'<text class="tick" x="{x:.1f}" y="{_HIGH - 8}" text-anchor="middle">{escape(text)}</text>'


def _dot(point: Point, kind: str = "") -> str:
    shape = f'<circle class="dot {kind}" cx="{_x(point.x):.1f}" cy="{_y(point.y):.1f}" r="{point.size:.1f}"/>'
    return _linked(point.href, point.said, shape)


def _linked(href: str, said: str, shape: str) -> str:
    return f"<a {attribute('href', href)} {attribute('aria-label', said)}>{shape}<title>{escape(said)}</title></a>"


def _x(share: float) -> float:
    return _LEFT + (_WIDE - _LEFT - _RIGHT) * share


def _y(share: float) -> float:
    return _HIGH - _BOTTOM - (_HIGH - _TOP - _BOTTOM) * share
