"""``colloquy evaluate weighting``: retrieval weighed against generation, each way on the same turns."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.console import assembled, ensure_shipped_bases, note, say, settings_for_command
from cli.measuring import circumstances
from domain.errors import Misconfigured

HANDBOOK = "harbourline"
Public = Annotated[
    Path | None,
    typer.Option(
        "--doc2dial",
        metavar="FOLDER",
        help="The Doc2Dial folder: its development documents too (ingested as public-services).",
        readable=False,
        show_default=False,
    ),
]
Limit = Annotated[
    int | None,
    typer.Option("--limit", min=1, help="Only so many Doc2Dial turns, spread evenly.", show_default=False),
]
Articles = Annotated[
    Path | None,
    typer.Option(
        "--articles",
        metavar="FILE",
        help="A reading set (.jsonl.xz) whose articles become small knowledge bases: they teach the confidence, too.",
        readable=False,
        show_default=False,
    ),
]
Kept = Annotated[
    Path | None,
    typer.Option("--kept", metavar="FOLDER", help="Where prepared turns lie [the data directory].", show_default=False),
]
Plots = Annotated[
    Path | None,
    typer.Option("--plots", metavar="FOLDER", help="Draw reliability, risk and λ here.", show_default=False),
]
Answers = Annotated[
    Path | None,
    typer.Option("--answers", metavar="FILE", help="Where --fit writes [the shipped weights].", show_default=False),
]
Report = Annotated[
    Path | None, typer.Option("--output", help="Also write the tables here, as Markdown.", show_default=False)
]


def weighting(
    test: Annotated[bool, typer.Option("--test", help="The test half of the quality set too.")] = False,
    doc2dial: Public = None,
    limit: Limit = None,
    articles: Articles = None,
    kept: Kept = None,
    plots: Plots = None,
    fit: Annotated[bool, typer.Option("--fit", help="Write what was fitted on development turns.")] = False,
    answers: Answers = None,
    output: Report = None,
) -> None:
    """Quotes alone, drafts alone, λ fixed at three values, λ predicted: right, supported, F1, coverage, ECE, AURC.

    Turns are prepared once and kept. Development is cross-validated by conversation; other sets are answered by what
    was fitted on all of it.
    """
    if doc2dial is not None and not doc2dial.is_dir():
        raise Misconfigured(f"There is no folder “{doc2dial}”; give --doc2dial the folder that holds the data set.")
    if articles is not None and not articles.is_file():
        raise Misconfigured(f"There is no file “{articles}”; give --articles the file of the reading set.")
    settings = settings_for_command(knowledge_base=HANDBOOK)
    from evaluation import weighting as runs
    from evaluation.weighting_sets import ANSWERS

    asked = runs.Asked(test, doc2dial, limit, articles, kept, plots, fit, answers or ANSWERS)
    with assembled(settings, memory=False) as colloquy:
        facts = circumstances(settings, doc2dial, limit=limit)
        tables = runs.measured(
            colloquy, settings, asked, facts, lambda: ensure_shipped_bases(settings, colloquy, {HANDBOOK})
        )
    say("\n\n".join(table.as_text() for table in tables))
    if output is not None:
        output.write_text("\n".join(table.as_markdown() for table in tables), "utf-8")
        note(f"The tables are in {output}.")
