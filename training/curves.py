"""Learning curves as a table and as a picture."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

_NOT_CURVES = {"step", "epoch", "total_flos", "train_loss"}  # bookkeeping of the trainer, and its mean over the run
_RATES = ("runtime", "per_second", "norm", "rate")


def write_curve(path: Path, history: Sequence[Mapping[str, float]]) -> None:
    """The trainer's log as CSV: a row a record, a column a figure, empty where a record lacks one."""
    columns = sorted({key for row in history for key in row} - {"step"})
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["step", *columns], restval="")
        writer.writeheader()
        writer.writerows(history)


def read_curve(path: Path) -> dict[str, list[tuple[int, float]]]:
    """Figures by name, each as (step, value) in the order of the file."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in (rows[0] if rows else {}) if name not in _NOT_CURVES and not name.endswith(_RATES)]
    return {name: [(int(row["step"]), float(row[name])) for row in rows if row[name]] for name in names}


def draw_curve(table: Path, picture: Path) -> None:
    """``table`` as PNG: losses in nats on the left, other development figures on the right where there are any."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    curves = read_curve(table)
    losses = {name: points for name, points in curves.items() if name.endswith("loss")}
    others = {name: points for name, points in curves.items() if name not in losses}
    figure = Figure(figsize=(9 if others else 5, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    panels = [(losses, "nats")] + ([(others, "figure")] if others else [])
    for place, (shown, unit) in enumerate(panels, start=1):
        axes = figure.add_subplot(1, len(panels), place)
        for name, points in sorted(shown.items()):
            axes.plot(*zip(*points, strict=True), label=name, marker="o" if len(points) < 40 else None, markersize=3)
        axes.set_xlabel("step")
        axes.set_ylabel(unit)
        axes.grid(alpha=0.3)
        if shown:
            axes.legend(fontsize=8)
    figure.savefig(picture, dpi=110)
