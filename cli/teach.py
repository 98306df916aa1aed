"""``colloquy train``: the models that ship, trained again with the project's own commands."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.console import note, settings_for_command
from domain.errors import Misconfigured

STEPS = {"rewriter": 2400, "reader": 3000, "answerer": 3000}
"""Starting points, not tuned; `--steps` decides."""


def train(
    model: Annotated[Literal["rewriter", "reader", "answerer"], typer.Argument(help="What to train.")],
    data: Annotated[Path, typer.Option("--data", help="The folder of the training sets.", readable=False)],
    output: Annotated[Path | None, typer.Option("--output", help="Where the weights go [models/MODEL].")] = None,
    steps: Annotated[int | None, typer.Option("--steps", min=1, help="Optimiser steps.")] = None,
    batch_size: Annotated[int, typer.Option("--batch-size", min=1, help="Examples a step.")] = 32,
    device: Annotated[
        Literal["auto", "cpu", "cuda"], typer.Option("--device", help="auto takes a GPU if there is one.")
    ] = "auto",
    seed: Annotated[int, typer.Option("--seed", help="Of the order of the data and the new weights.")] = 0,
    resume: Annotated[bool, typer.Option("--resume/--no-resume", help="Go on from the newest checkpoint.")] = True,
    save_steps: Annotated[int, typer.Option("--save-steps", min=1, help="Steps between checkpoints.")] = 200,
    evaluate_steps: Annotated[int, typer.Option("--evaluate-steps", min=1, help="Steps between measurements.")] = 400,
    start: Annotated[
        Path | None, typer.Option("--start", help="Go on from the weights in this folder.", show_default=False)
    ] = None,
    rate: Annotated[float, typer.Option("--rate", help="Learning rate of the heads and the decoder.")] = 1e-3,
    encoder_rate: Annotated[float, typer.Option("--encoder-rate", help="That of the encoder.")] = 2e-4,
    warmup_steps: Annotated[int, typer.Option("--warmup-steps", min=0, help="Steps of rising rate.")] = 100,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Keep so many examples (a rehearsal).")] = None,
) -> None:
    """Train one of the models that ship; checkpoints go to training/MODEL in the data folder."""
    if not data.is_dir():
        raise Misconfigured(f"There is no folder “{data}”; give --data the folder that holds the training sets.")
    settings = settings_for_command()
    destination = output or Path("models") / model
    from training.loop import LoopSettings  # after the cheap checks: this imports torch

    loop = LoopSettings(
        output=settings.data_dir / "training" / model,
        steps=steps or STEPS[model],
        batch_size=batch_size,
        device=device,
        seed=seed,
        save_steps=save_steps,
        evaluate_steps=evaluate_steps,
        resume=resume,
        new_rate=rate,
        old_rate=encoder_rate,
        warmup_steps=warmup_steps,
    )
    getattr(import_module(f"training.{model}"), f"train_{model}")(data, loop, destination, limit, start)
    note(f"The weights are in {destination}.")
