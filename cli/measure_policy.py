"""``colloquy evaluate policy``: refusing, asking back, keeping out of it."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from cli.console import assembled, ensure_shipped_bases, settings_for_command
from cli.measuring import Output, circumstances, counting, show

HANDBOOK = "harbourline"


def policy(
    split: Annotated[
        Literal["dev", "test", "all"], typer.Option("--split", help="Which half of the quality set is played.")
    ] = "dev",
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="Only so many of each set.", show_default=False)
    ] = None,
    output: Output = None,
) -> None:
    """200 questions without an answer, 60 hostile messages, and what the quality set's turns come to meanwhile."""
    settings = settings_for_command(knowledge_base=HANDBOOK)
    from evaluation import policy as runs
    from evaluation.answering import passages_of
    from evaluation.figures import evenly
    from evaluation.quality import load_quality
    from evaluation.quality_run import gold_index, play

    with assembled(settings, memory=False) as colloquy:
        ensure_shipped_bases(settings, colloquy, {HANDBOOK})
        with counting("asking", "questions") as tell:
            asked = runs.ask_all(
                evenly(runs.load_unanswerable(), limit), lambda text: colloquy.replay(HANDBOOK, text, []), tell
            )
        passages_with = gold_index(passages_of(colloquy.knowledge.open(HANDBOOK)))
        with counting("playing", "turns") as tell:
            played = play(colloquy, HANDBOOK, evenly(load_quality(split), limit), passages_with, tell)
    lines = [
        *runs.unanswerable_lines(asked),
        *runs.quality_lines(played, split),
        *runs.hostile_lines(runs.load_hostile()),
    ]
    show(runs.report(lines, f"Policy, Harbourline {split}", circumstances(settings, split=split, limit=limit)), output)
