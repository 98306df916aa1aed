"""The options that every ``colloquy train`` command has, spelt once and put into each command's own signature."""

from __future__ import annotations

import inspect
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from cli.console import settings_for_command
from cli.starts import Revision, model_at
from domain.errors import Misconfigured

if TYPE_CHECKING:
    from training.loop import LoopSettings


_MODELS = ("start", "towers", "model")
"""Options that take a hub name, too."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What a training command needs besides its own options. ``command`` is the command line as a card shows it:
    only what differs from the defaults, and no path but its last name. ``start`` is a folder, also where a hub name was
    given."""

    model: str
    data: Path | None
    destination: Path
    start: Path | None
    limit: int | None
    settings: LoopSettings
    command: str

    def data_folder(self) -> Path:
        """``data``. Raises ``Misconfigured`` when it was not given or is not there."""
        if self.data is None or not self.data.is_dir():
            raise Misconfigured(
                f"There is no folder “{self.data or ''}”; give --data the folder that holds the training sets."
            )
        return self.data


def _shared(
    data: Annotated[
        Path | None, typer.Option("--data", help="The folder of the public training sets.", show_default=False)
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", help="Where the weights go [models/MODEL].", show_default=False)
    ] = None,
    start: Annotated[
        Path | None,
        typer.Option("--start", help="Go on from the weights in this folder, or of this hub name.", show_default=False),
    ] = None,
    revision: Revision = None,
    steps: Annotated[int | None, typer.Option("--steps", min=1, help="Optimiser steps.", show_default=False)] = None,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Examples a step and device.")] = 32,
    accumulate: Annotated[int, typer.Option("--accumulate", min=1, help="Batches added up to one step.")] = 1,
    rate: Annotated[float, typer.Option("--rate", min=0, help="Learning rate of heads and decoder.")] = 1e-3,
    encoder_rate: Annotated[float, typer.Option("--encoder-rate", min=0, help="That of what is pretrained.")] = 2e-4,
    warmup_steps: Annotated[int, typer.Option("--warmup-steps", min=0, help="Steps of rising rate.")] = 100,
    device: Annotated[
        Literal["auto", "cpu", "cuda"], typer.Option("--device", help="auto takes a GPU if there is one.")
    ] = "auto",
    seed: Annotated[int, typer.Option("--seed", help="Of the order of the data and the new weights.")] = 0,
    resume: Annotated[bool, typer.Option("--resume/--no-resume", help="Go on from the newest checkpoint.")] = True,
    save_steps: Annotated[int, typer.Option("--save-steps", min=1, help="Steps between checkpoints.")] = 200,
    evaluate_steps: Annotated[int, typer.Option("--evaluate-steps", min=1, help="Steps between measurements.")] = 400,
    patience: Annotated[
        int | None,
        typer.Option("--patience", min=1, help="Stop after so many measurements without a better one."),
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Keep so many examples (a rehearsal).")] = None,
) -> None:
    """Carries the options' names, types and defaults."""


def trains(model: str, steps: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command the shared options; it receives them as ``run``, a ``RunOptions``. ``steps`` is a starting
    point, not tuned."""

    def with_options(command: Callable[..., None]) -> Callable[..., None]:
        shared = inspect.signature(_shared).parameters
        own = {n: p for n, p in inspect.signature(command).parameters.items() if n != "run"}
        hints = {
            **get_type_hints(_shared, include_extras=True),
            **get_type_hints(command, include_extras=True, localns={"RunOptions": RunOptions}),
        }

        @wraps(command)
        def wrapped(**given: Any) -> None:
            line = command_line(model, given, {**own, **shared})
            options = {name: given.pop(name) for name in shared}
            command(run=_run(model, options | {"steps": options["steps"] or steps}, line), **given)

        names = {**own, **shared}
        wrapped.__signature__ = inspect.Signature(  # type: ignore[attr-defined]  # what typer reads
            [p.replace(annotation=hints[n], kind=inspect.Parameter.KEYWORD_ONLY) for n, p in names.items()]
        )
        wrapped.__annotations__ = {name: hints[name] for name in names}
        del wrapped.__wrapped__  # or typer would look at the command beneath
        return wrapped

    return with_options


def command_line(model: str, given: Mapping[str, Any], parameters: Mapping[str, inspect.Parameter]) -> str:
    """``colloquy train MODEL`` with the options that differ from their defaults; of paths the last name."""
    words = ["colloquy", "train", model]
    for name, parameter in parameters.items():
        value, option = given.get(name), f"--{name.replace('_', '-')}"
        if value == parameter.default or value is None:
            continue
        if isinstance(value, bool):
            words.append(option if value else f"--no-{option[2:]}")
        else:
            words += [option, _told(name, value)]
    return shlex.join(words)


def _told(name: str, value: object) -> str:
    """A hub name whole, of any other path the last name."""
    if not isinstance(value, Path):
        return str(value)
    is_hub_name = name in _MODELS and not value.exists() and not value.is_absolute()
    return str(value) if is_hub_name else value.name


def _run(model: str, given: Mapping[str, Any], line: str) -> RunOptions:
    folder = settings_for_command().data_dir / "training" / model
    from training.loop import LoopSettings  # after the cheap checks: this imports torch

    settings = LoopSettings(
        output=folder,
        new_rate=given["rate"],
        old_rate=given["encoder_rate"],
        **{
            name: given[name]
            for name in (
                "steps",
                "batch_size",
                "accumulate",
                "warmup_steps",
                "device",
                "seed",
                "save_steps",
                "evaluate_steps",
                "resume",
                "patience",
            )
        },
    )
    destination = given["output"] or Path("models") / model
    start = model_at(given["start"], given["revision"])
    return RunOptions(model, given["data"], destination, start, given["limit"], settings, line)
