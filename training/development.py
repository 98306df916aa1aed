"""Figures on a development set during training: recorded, watched, and the best weights kept."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from safetensors.torch import load_model, save_model
from torch import nn
from transformers import TrainerCallback

if TYPE_CHECKING:
    from training.loop import LoopSettings

_log = logging.getLogger(__name__)
Better = Literal["lower", "higher"]


class Development:
    """Measures every ``settings.evaluate_steps`` steps and at the end; keeps the weights of the best measurement.

    ``measure`` returns figures by name; ``watch`` names the one that decides, ``better`` which way. The best weights
    lie in the run's folder, so that they outlive a crash; which they were is read from the trainer's own log, so
    that a resumed run decides as an unbroken one would.
    """

    def __init__(self, measure: Callable[[], dict[str, float]], watch: str = "dev_loss", better: Better = "lower"):
        self._measure, self._watch = measure, watch
        self._sign = 1.0 if better == "higher" else -1.0
        self._folder: Path | None = None

    def attach(self, trainer: Any, settings: LoopSettings) -> None:
        """Hooks the measurements into ``trainer``."""
        self._folder = settings.output
        trainer.add_callback(_Measurements(self, settings))

    def restore_best(self, model: nn.Module) -> dict[str, float]:
        """Puts the best weights into ``model``; their figures, {} when there was no measurement."""
        if self._folder is None or not (self._folder / "best.json").is_file():
            return {}
        load_model(model, str(self._folder / "best.safetensors"))
        figures: dict[str, float] = json.loads((self._folder / "best.json").read_text("utf-8"))
        return figures

    @torch.no_grad()
    def measured(self, model: nn.Module, state: Any) -> None:
        """Takes the figures of ``model`` into the trainer's log, and its weights when they are the best so far."""
        training = model.training
        model.eval()
        figures = {"step": state.global_step, **self._measure()}
        model.train(training)
        _log.info("%s", figures)
        before = self._scores(state)
        state.log_history.append(figures)
        if (
            self._folder is not None
            and state.is_world_process_zero
            and figures[self._watch] * self._sign > max(before, default=float("-inf"))
        ):
            _replace(self._folder / "best.safetensors", lambda path: save_model(model, str(path)))
            _replace(self._folder / "best.json", lambda path: path.write_text(json.dumps(figures), "utf-8"))

    def since_best(self, state: Any) -> int:
        """How many measurements have passed since the best."""
        scores = self._scores(state)
        return len(scores) - 1 - scores.index(max(scores)) if scores else 0

    def _scores(self, state: Any) -> list[float]:
        return [row[self._watch] * self._sign for row in state.log_history if self._watch in row]


class _Measurements(TrainerCallback):  # type: ignore[misc]  # transformers ships no types for it
    """Calls ``Development`` at the right steps, and stops a run that has lost its way."""

    def __init__(self, development: Development, settings: LoopSettings) -> None:
        self.development, self.every, self.patience = development, settings.evaluate_steps, settings.patience

    def on_step_end(self, args: Any, state: Any, control: Any, model: nn.Module | None = None, **_: Any) -> None:
        if model is None or (state.global_step % self.every and state.global_step != args.max_steps):
            return
        self.development.measured(model, state)
        if self.patience is not None and self.development.since_best(state) >= self.patience:
            control.should_training_stop = True


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Writes beside ``path`` and renames: a crash leaves the old file or the new one."""
    scratch = path.with_name(f".{path.name}")
    write(scratch)
    scratch.replace(path)
