"""The report's pictures as SVG that takes its colours from the page, so that it is right in light and in dark."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_INK, _ACCENT = "#0a0b0c", "#0d0e0f"  # stand-ins that no drawing uses, replaced by the page's colours
_WIDE, _HIGH = 3.7, 2.2  # inches of 72 points: about as wide as it is shown, so that letters keep their size
_BAR_INCHES = 0.26
_BINS = 24


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture with what it shows in words, which is what a screen reader reads."""

    title: str
    note: str
    svg: str


def bars(title: str, note: str, counts: Sequence[tuple[str, float]]) -> Chart:
    """Names with their counts as bars that lie one below the other, the first on top."""
    figure, axes = _figure(max(_HIGH * 0.6, 0.7 + _BAR_INCHES * len(counts)))
    names = [name for name, _ in counts]
    drawn = axes.barh(range(len(counts)), [count for _, count in counts], color=_ACCENT, height=0.62)
    axes.set_yticks(range(len(counts)), names)
    axes.invert_yaxis()
    axes.bar_label(drawn, fmt="%d", padding=3, color=_INK, fontsize=9)
    axes.margins(x=0.12)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    return Chart(title, note, _svg(figure, title))


def histogram(title: str, note: str, values: Sequence[float], label: str, marks: Sequence[float] = ()) -> Chart:
    """How ``values`` are spread, with dashed lines at ``marks``."""
    figure, axes = _figure(_HIGH)
    low, high = min(values), max(values)
    axes.hist(values, bins=min(_BINS, max(4, len(set(values)))), range=(low, high + (low == high)), color=_ACCENT)
    for mark in marks:
        axes.axvline(mark, color=_INK, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_xlabel(label, color=_INK, fontsize=9)
    return Chart(title, note, _svg(figure, title))


def _figure(height: float) -> tuple[Any, Any]:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDE, height), layout="constrained")
    FigureCanvasSVG(figure)
    figure.patch.set_alpha(0)
    axes = figure.add_subplot()
    axes.patch.set_alpha(0)
    axes.tick_params(colors=_INK, labelsize=9, length=0)
    for name, spine in axes.spines.items():
        spine.set_visible(name == "bottom")
        spine.set_edgecolor(_INK)
    return figure, axes


def _svg(figure: Any, salt: str) -> str:
    """The drawing without prologue and size, its ids its own: several stand in one page."""
    from matplotlib import rc_context

    written = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": salt, "font.family": "sans-serif"}):
        figure.savefig(written, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    text = written.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r'\1 aria-hidden="true"', text, count=1)
    text = re.sub(r"font:\s*([\d.]+)px[^;\"]*", r"font-size: \1px", text)
    prefix = re.sub(r"\W+", "-", salt.casefold())
    text = re.sub(r'\bid="([^"]+)"', rf'id="{prefix}-\1"', text)
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}-", text)
    return text.replace(_INK, "currentColor").replace(_ACCENT, "var(--accent)")
