"""Pictures of calibration, as PNG: reliability diagram, risk against coverage, λ against the figures of a turn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evaluation.fit_answers import Outcome
from evaluation.metrics import reliability, risk_coverage

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 10
_FIGURES = ("relevance", "lead", "agreement", "score", "drafts", "support")
"""What λ is drawn against: the figures of ``generation.weighting.BALANCE`` that are not yes or no."""

Systems = Sequence[tuple[str, Sequence[Outcome]]]


def draw(folder: Path, systems: Systems) -> list[Path]:
    """Writes ``reliability.png`` and ``lambda.png`` of the last system and ``risk_coverage.png`` of all."""
    folder.mkdir(parents=True, exist_ok=True)
    last = systems[-1][1]
    return [
        _picture(folder / "reliability.png", [lambda axes: _reliability(axes, last)]),
        _picture(folder / "risk_coverage.png", [lambda axes: _risks(axes, systems)]),
        _picture(folder / "lambda.png", [_against(name, last) for name in _FIGURES]),
    ]


def _picture(file: Path, panels: Sequence[Callable[[Axes], None]]) -> Path:
    """One panel alone, several three a row."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    columns = min(len(panels), 3)
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(1.2 + 3.2 * columns, 0.4 + 3.0 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    for place, panel in enumerate(panels, 1):
        axes = figure.add_subplot(rows, columns, place)
        axes.grid(alpha=0.3)
        panel(axes)
    figure.savefig(file, dpi=110)
    return file


def _reliability(axes: Axes, outcomes: Sequence[Outcome]) -> None:
    """Bars of how often answers of a confidence were right; on the diagonal confidence is honest."""
    bars = reliability([one.pair for one in outcomes], BINS)
    axes.plot([0, 1], [0, 1], color="grey", linestyle="--", linewidth=1)
    axes.bar([(bar.low + bar.high) / 2 for bar in bars], [bar.accuracy for bar in bars], width=0.9 / BINS, alpha=0.6)
    axes.plot([bar.confidence for bar in bars], [bar.accuracy for bar in bars], "o", markersize=4)
    for bar in bars:
        axes.annotate(str(bar.count), (bar.confidence, bar.accuracy), (0, 4), textcoords="offset points", fontsize=7)
    axes.set(xlabel="confidence", ylabel="share that was right", xlim=(0, 1), ylim=(0, 1.05))


def _risks(axes: Axes, systems: Systems) -> None:
    """The share of wrong answers against the share of turns answered, the surest first."""
    for name, outcomes in systems:
        curve = risk_coverage([one.pair for one in outcomes])
        axes.plot([share for share, _ in curve], [risk for _, risk in curve], label=name, linewidth=1.2)
    axes.set(xlabel="coverage: share of turns answered", ylabel="risk: share of those wrong", xlim=(0, 1), ylim=(0, 1))
    axes.legend(fontsize=7)


def _against(name: str, outcomes: Sequence[Outcome]) -> Callable[[Axes], None]:
    """λ of each turn against one of its figures, right answers apart from wrong ones."""

    def panel(axes: Axes) -> None:
        for right, mark in ((True, "o"), (False, "x")):
            told = [one.answer.weighting for one in outcomes if one.answer is not None and one.right is right]
            known = [one for one in told if one is not None]
            values = [one.features[f"turn_{name}"] for one in known]
            axes.plot(values, [one.retrieval_weight for one in known], mark, markersize=3, alpha=0.5)
        axes.set(xlabel=name, ylabel="λ", ylim=(0, 1))

    return panel
