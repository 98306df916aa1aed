"""The ways of fusing passages side by side: what each writes from the same passages, how fast, and in how much memory.

Measured is the generator alone: the likeliest draft as it was written, before the weighing would refuse it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from domain.passage import RetrievedPassage
from domain.protocols import AnswerGenerator, Draft
from evaluation.figures import Tell
from evaluation.metrics import bootstrap, percentile
from evaluation.reports import Table
from evaluation.wording import token_f1
from generation.seq2seq import FusionMode


@dataclass(frozen=True, slots=True)
class FusionQuestion:
    """A question that stands alone, the passages found for it, and the reply it should have."""

    question: str
    evidence: tuple[RetrievedPassage, ...]
    reply: str


@dataclass(frozen=True, slots=True)
class FusionLine:
    """One mode: for each question F1 of the likeliest draft (0..1), seconds to the first text and to the end; and the
    memory of the process afterwards, in MiB."""

    mode: FusionMode
    f1: tuple[float, ...]
    first_seconds: tuple[float, ...]
    seconds: tuple[float, ...]
    resident_mebibytes: float


def measure(
    asked: Sequence[FusionQuestion],
    open_mode: Callable[[FusionMode], AnswerGenerator],
    memory: Callable[[], float],
    tell: Tell,
) -> list[FusionLine]:
    """Every mode on every question, mode after mode; ``open_mode`` gives the generator for one. The first question is
    asked once more beforehand, so that nothing is loaded while the clock runs."""
    lines = []
    for number, mode in enumerate(FusionMode):
        generator = open_mode(mode)
        for question in asked[:1]:
            written(generator, question)
        found = [written(generator, question) for question in asked]
        f1 = tuple(token_f1(text, (one.reply,)) for one, (text, _, _) in zip(asked, found, strict=True))
        lines.append(FusionLine(mode, f1, tuple(a for _, a, _ in found), tuple(b for _, _, b in found), memory()))
        tell(number + 1, len(FusionMode))
    return lines


def written(generator: AnswerGenerator, asked: FusionQuestion) -> tuple[str, float, float]:
    """The likeliest draft ("" without one), and the seconds to the first text and to the end."""
    started, first = time.perf_counter(), 0.0
    drafts: tuple[Draft, ...] = ()
    for piece in generator.stream(asked.question, (), asked.evidence):
        if isinstance(piece, tuple):
            drafts = piece
        if piece and not first:
            first = time.perf_counter() - started
    return (drafts[0].text if drafts else ""), first, time.perf_counter() - started


def report(lines: Sequence[FusionLine], facts: Mapping[str, str]) -> Table:
    """A row a mode."""
    rows = tuple(
        (
            line.mode.value,
            f"{100 * (f1 := bootstrap(line.f1)).mean:.1f} [{100 * f1.low:.1f}–{100 * f1.high:.1f}]",
            f"{1000 * percentile(line.first_seconds, 0.5):.0f}",
            f"{1000 * percentile(line.seconds, 0.5):.0f}",
            f"{1000 * percentile(line.seconds, 0.95):.0f}",
            f"{line.resident_mebibytes:.0f}",
        )
        for line in lines
    )
    columns = ("mode", "F1 of the draft", "first text p50 ms", "p50 ms", "p95 ms", "MiB")
    data = [
        {"mode": line.mode.value, "f1": list(line.f1), "seconds": list(line.seconds), "MiB": line.resident_mebibytes}
        for line in lines
    ]
    asked = str(len(lines[0].f1)) if lines else "0"
    return Table("Ways of fusing passages", columns, rows, {"questions": asked, **facts}, data)
