"""What all measuring commands share: their options, and how a report is shown."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from cli.console import note, progress_bar, say

if TYPE_CHECKING:
    from evaluation.reports import Table
    from settings import Settings

Output = Annotated[
    Path | None,
    typer.Option("--output", help="Also write the report here: .md, .json or .txt.", show_default=False),
]
DataFile = Annotated[Path, typer.Option("--data", metavar="FILE", help="The data set's file.", readable=False)]
Doc2DialFolder = Annotated[Path, typer.Option("--data", metavar="FOLDER", help="The Doc2Dial folder.", readable=False)]
Limit = Annotated[
    int | None, typer.Option("--limit", min=1, help="Only so many, spread evenly over the file.", show_default=False)
]
Half = Annotated[
    Literal["even", "odd"] | None,
    typer.Option("--parity", help="Only every other group, so that what is tuned and reported never mix."),
]


def circumstances(settings: Settings, data: Path | None = None, **more: object) -> dict[str, str]:
    """The facts that stand under every report: the data's name, the options that are set, commit, weights, settings."""
    from evaluation import reports

    given = {name: str(value) for name, value in more.items() if value is not None}
    named = {"data": data.resolve().name} if data is not None else {}
    return {
        **named,
        **given,
        **reports.circumstances(
            settings.model_dump(mode="json", exclude={"redis_url", "data_dir", "milvus_token", "hand_off_secret"})
        ),
    }


@contextmanager
def counting(what: str, unit: str) -> Iterator[Callable[[int, int], object]]:
    """A bar that is told (done, in all)."""
    with progress_bar(unit) as bar:
        task = bar.add_task(what)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def show(table: Table, output: Path | None) -> None:
    """The report on standard output, and in ``output`` if one is named."""
    say(table.as_text())
    if output is not None:
        table.write(output)
        note(f"The report is in {output}.")
