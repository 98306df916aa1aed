"""The picture of an explanation for reports: what each passage did, and where each word was taken from, as PNG."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from domain.errors import Misconfigured
from domain.explanation import Attention, Column, Explanation, Part

_SENTENCES = 8  # columns of sentences; more cannot be told apart on a page
_INCHES_A_WORD = 0.19
_INCHES_A_COLUMN = 0.45
_DPI = 110


def draw_explanation(explanation: Explanation, picture: Path) -> None:
    """Bars in nats on the left (what the answer loses without the passage), the heat map on the right, as PNG.

    Raises ``Misconfigured`` for a turn that answered nothing, of which there is nothing to draw, and when the file
    cannot be written.
    """
    shown = explanation.copied or explanation.attended
    if shown is None:
        raise Misconfigured(
            f"The turn has no answer to draw ({explanation.why}); give one that was answered from passages."
        )
    figure = _figure(explanation, shown.condensed(_SENTENCES))
    try:
        figure.savefig(picture, dpi=_DPI)
    except OSError as error:
        raise Misconfigured(
            f"The picture “{picture}” cannot be written ({error.strerror}); name a file in a folder that can be."
        ) from error


def _figure(explanation: Explanation, shown: Attention) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width = 4.5 + _INCHES_A_COLUMN * len(shown.columns)
    figure = Figure(figsize=(width, max(2.4, 1.0 + _INCHES_A_WORD * len(shown.words))), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, width_ratios=(3.2, width - 4.0))
    _draw_effects(left, explanation)
    _draw_attention(right, shown, copied=explanation.copied is not None)
    return figure


def _draw_effects(axes: Any, explanation: Explanation) -> None:
    effects = explanation.effects
    colours = ["#0a6868" if one.cited else "#a5acb0" for one in effects]
    axes.barh([f"passage {one.rank}" for one in effects], [one.lost_nats for one in effects], color=colours)
    axes.invert_yaxis()
    axes.axvline(0, color="black", linewidth=0.6)
    axes.set_xlabel("nats lost without it (cited: green)")


def _draw_attention(axes: Any, shown: Attention, *, copied: bool) -> None:
    axes.imshow(shown.weights, cmap="Greens", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(len(shown.columns)), [label(column) for column in shown.columns], rotation=60, ha="right")
    # A dollar sign would begin a formula.
    axes.set_yticks(range(len(shown.words)), [word.replace("$", r"\$") for word in shown.words], fontsize=8)
    axes.set_title("taken from" if copied else "looked at", fontsize=10)


def label(column: Column) -> str:
    """``1.2`` for the second sentence of the first passage, and words for what is no sentence."""
    known = {
        Part.QUESTION: "question",
        Part.VOCABULARY: "own words",
        Part.HEADING: f"{column.rank} heading",
        Part.REST: f"{column.rank} rest",
    }
    return known.get(column.part, f"{column.rank}.{column.sentence}")
