"""``colloquy corrections``: what operators put right, to look at and to learn from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.console import note, say, say_json, settings_for_command
from cli.options import AsJson
from cli.showing import printable
from corpora.corrections import Format, rows_from
from domain.errors import Misconfigured

if TYPE_CHECKING:
    from domain.corrections import Correction

corrections = typer.Typer(
    name="corrections", help="What operators put right.", no_args_is_help=True, add_completion=False
)


@corrections.command("list")
def list_corrections(as_json: AsJson = False) -> None:
    """Everything that was put right, oldest first."""
    found = _all()
    if as_json:
        say_json([asdict(one) for one in found])
        return
    for one in found:
        say(_as_text(one))
    note(f"{len(found)} in all.")


@corrections.command()
def export(
    output: Annotated[Path, typer.Argument(metavar="FILE", help="The file of JSON lines to write.")],
    form: Annotated[
        Format,
        typer.Option("--as", help="reading: for train reader; retrieval: for train bi-encoder; quality: to measure."),
    ] = "reading",
    kb: Annotated[str | None, typer.Option("--kb", metavar="NAME", help="Of this knowledge base alone.")] = None,
) -> None:
    """Write what was put right as rows to train on or to measure with."""
    found = _all()
    rows = list(rows_from((one for one in found if kb in (None, one.knowledge_base)), form))
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    try:
        output.write_text(text, "utf-8")
    except OSError as error:
        raise Misconfigured(
            f"The rows cannot be written to “{output}” ({error.strerror}); name a file in a folder that can be."
        ) from error
    note(f"{len(rows)} rows from {len(found)} corrections are in {output}.")


def _all() -> Sequence[Correction]:
    from memory.corrections_file import FILE_NAME, CorrectionFile  # brings pydantic, which --help need not wait for

    return CorrectionFile(settings_for_command().data_dir / FILE_NAME).all()


def _as_text(one: Correction) -> str:
    when = datetime.fromtimestamp(one.at, UTC).strftime("%Y-%m-%d %H:%M")
    lines = [f"{one.id[:8]}  {when}  {one.kind.value}  {printable(one.by)}  {printable(one.query or one.question)}"]
    lines += [f"    right: {printable(one.answer)}"] if one.answer else []
    lines += [f"    from:  {printable(one.right.heading)}"] if one.right else []
    lines += [f"    not:   {printable(excerpt.heading)}" for excerpt in one.wrong]
    return "\n".join(lines)
