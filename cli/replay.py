"""``colloquy batch``: replay logged conversations, a row at a time."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Literal

import typer

from cli.batch_rows import BatchRow, RowId, Until, encoded, numbered_lines, output_row, parse_row, whole_rows
from cli.console import assembled, ensure_shipped_bases, note, progress_bar, settings_for_command, warn
from domain.errors import Misconfigured, PartUnavailable, QuestionRejected

if TYPE_CHECKING:
    from domain.conversation import Turn

_log = logging.getLogger(__name__)
Replay = Callable[[BatchRow], "Turn"]


def batch(
    source: Annotated[Path, typer.Argument(metavar="IN.jsonl", help="Rows to replay.", readable=False)],
    target: Annotated[Path, typer.Argument(metavar="OUT.jsonl", help="Rows that are done.", readable=False)],
    kb: Annotated[str, typer.Option("--kb", metavar="NAME", help="The knowledge base to ask.")],
    top_k: Annotated[int, typer.Option("--top-k", min=1, max=100, help="How many passages to list.")] = 5,
    only: Annotated[
        Literal["rewrite", "retrieve"] | None, typer.Option("--only", help="Stop after this stage.")
    ] = None,
) -> None:
    """Replay questions with their histories; nothing is stored.

    Rows that OUT.jsonl holds already (by id) are skipped, so an interrupted run is simply started again. Exit code 1
    says that some rows were left out; each is named with its line, and the others are done.
    """
    settings = settings_for_command(knowledge_base=kb)
    until = Until(only or "answer")
    with assembled(settings, memory=False) as colloquy:
        ensure_shipped_bases(settings, colloquy, {kb})

        def replay(row: BatchRow) -> Turn:
            return colloquy.replay(kb, row.question, row.history, passages=row.passages, top_k=top_k, until=until.value)

        run = BatchRun(replay, until)
        colloquy.knowledge.info(kb)  # an unknown name is one sentence, not one for every row
        run.take(source, target)
    note(f"{run.done} rows done, {run.kept} were there already, {run.left_out} left out.")
    if run.left_out:
        raise typer.Exit(1)


@dataclass(slots=True)
class BatchRun:
    """One run over a file, and its counts."""

    replay: Replay
    until: Until
    done: int = 0
    kept: int = 0
    left_out: int = 0
    _seen: set[RowId] = field(default_factory=set)

    def take(self, source: Path, target: Path) -> None:
        """Replay every row of ``source`` that ``target`` lacks, in order, appending each as soon as it is done."""
        if target.exists() and source.exists() and target.samefile(source):
            raise Misconfigured(f"“{source}” is both input and output; name another output file.")
        total = sum(1 for _ in numbered_lines(_lines(source)))
        with _opened_for_more(target) as (output, there), progress_bar("rows") as bar:
            task = bar.add_task("replaying", total=total)
            for number, line in numbered_lines(_lines(source)):
                self._line(number, line, there, output)
                bar.advance(task)

    def _line(self, number: int, line: bytes, there: set[RowId], output: IO[bytes]) -> None:
        try:
            row = self._new_row(number, line)
            if row.id in there:
                self.kept += 1
                return
            written = encoded(output_row(row.id, self._replayed(row, number), self.until))
        except QuestionRejected as error:
            self.left_out += 1
            warn(str(error))
            return
        output.write(written)
        output.flush()
        self.done += 1

    def _new_row(self, number: int, line: bytes) -> BatchRow:
        row = parse_row(line, number)
        if row.id in self._seen:
            raise QuestionRejected(f"Line {number} was left out: its id {row.id!r} came before; give each row its own.")
        self._seen.add(row.id)
        return row

    def _replayed(self, row: BatchRow, number: int) -> Turn:
        try:
            return self.replay(row)
        except (Misconfigured, PartUnavailable):  # concerns every row; those that are done stay done
            raise
        except Exception as error:  # one row must not cost the others, nor hours of work
            if not isinstance(error, QuestionRejected):
                _log.exception("line %d", number)
            raise QuestionRejected(f"Line {number} was left out: {str(error) or type(error).__name__}") from error


def _lines(source: Path) -> Iterator[bytes]:
    try:
        with source.open("rb") as file:
            yield from file
    except OSError as error:
        raise Misconfigured(f"The rows “{source}” cannot be read ({error.strerror}); check the path.") from error


@contextmanager
def _opened_for_more(target: Path) -> Iterator[tuple[IO[bytes], set[RowId]]]:
    """The output file behind its last whole row, and the ids of the rows it holds."""
    try:
        descriptor = os.open(target, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise Misconfigured(
            f"The output “{target}” cannot be written ({error.strerror}); name a file in a folder that can be."
        ) from error
    with os.fdopen(descriptor, "r+b") as output:
        there, end = whole_rows(output.read())
        output.truncate(end)
        output.seek(end)
        yield output, there
