"""``colloquy``: the command line. Data on standard output, the rest on standard error.

Exit codes: 0 done · 1 done, but some rows or files were left out (each is named) · 2 not done, the sentence on
standard error says why and what to do · 130 interrupted.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from cli import (
    accounts,
    corrections,
    explaining,
    handoffs,
    indexes,
    knowledge,
    measure,
    measure_ingestion,
    replay,
    serving,
    talk,
    teach,
)
from cli.console import complain
from domain.errors import ColloquyError

app = typer.Typer(
    name="colloquy",
    help="A chat assistant that answers from your own documents and shows the passage behind every sentence.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(serving.serve)
app.command()(talk.chat)
app.command()(talk.ask)
app.command()(explaining.explain)
app.add_typer(handoffs.handoffs, name="handoffs")
app.add_typer(corrections.corrections, name="corrections")
app.add_typer(accounts.users, name="users")
app.add_typer(accounts.keys, name="keys")
app.command()(knowledge.search)
app.command()(knowledge.ingest)
app.add_typer(knowledge.bases, name="kb")
app.command()(replay.batch)
app.add_typer(measure.evaluations, name="evaluate")
app.command()(measure.bench)
app.command("bench-ingestion")(measure_ingestion.bench_ingestion)
app.command("bench-growth")(measure_ingestion.bench_growth)
app.add_typer(indexes.indexes, name="index")
app.add_typer(teach.training, name="train")


_QUIET = {"HF_HUB_DISABLE_PROGRESS_BARS": "1", "TRANSFORMERS_VERBOSITY": "error"}
"""What libraries would tell about their own business on standard error, where our sentences are."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. ``arguments`` None: those of the process."""
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        app(args=arguments, prog_name="colloquy")
    except ColloquyError as error:
        complain(str(error))
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # somebody piped us into head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 0 if stop.code is None else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
