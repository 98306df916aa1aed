"""The loop learns, resumes where it stopped, and writes its curve."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from domain.errors import Misconfigured
from training.loop import LoopSettings, train
from training.reader import ObjectiveOutput


class Line(nn.Module):
    """y = w·x with a squared loss: small enough to check by eye."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.Linear(1, 1)

    def forward(self, x: Tensor, y: Tensor) -> ObjectiveOutput:
        return ObjectiveOutput(((self.head(x) - y) ** 2).mean())


EXAMPLES = [{"input_ids": [0] * (i % 5 + 1), "x": i / 10, "y": 3 * i / 10 + 1} for i in range(40)]


def collate(batch: list[dict[str, Any]]) -> dict[str, Tensor]:
    return {name: torch.tensor([[row[name]] for row in batch]) for name in ("x", "y")}


def run(folder: Path, steps: int, model: Line | None = None, **more: Any) -> Line:
    model = model or Line()
    settings = LoopSettings(folder, steps=steps, batch_size=8, new_rate=0.05, warmup_steps=0, save_steps=10, **more)
    train(model, EXAMPLES, collate, settings, lambda name: True, lambda: {"slope": float(model.head.weight)})
    return model


def test_training_lowers_the_loss_and_writes_the_curve(tmp_path: Path) -> None:
    run(tmp_path, 60, evaluate_steps=20)
    with (tmp_path / "curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    losses = [float(row["loss"]) for row in rows if row["loss"]]
    slopes = [float(row["slope"]) for row in rows if row["slope"]]
    assert losses[-1] < losses[0] / 2
    assert len(slopes) == 3


def test_a_run_that_was_broken_off_ends_like_an_unbroken_one(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole", 30)
    (tmp_path / "parts").mkdir()
    (tmp_path / "whole" / "checkpoint-30").rename(tmp_path / "kept")
    partial = LoopSettings(tmp_path / "parts", steps=30, batch_size=8, new_rate=0.05, warmup_steps=0, save_steps=10)

    class Killed(Exception):
        pass

    def die() -> dict[str, float]:
        raise Killed

    stopped = LoopSettings(**{**{f: getattr(partial, f) for f in partial.__slots__}, "evaluate_steps": 25})
    with pytest.raises(Killed):
        train(Line(), EXAMPLES, collate, stopped, lambda name: True, die)
    resumed = Line()
    train(resumed, EXAMPLES, collate, partial, lambda name: True)
    assert torch.allclose(resumed.head.weight, whole.head.weight, atol=1e-6)
    assert torch.allclose(resumed.head.bias, whole.head.bias, atol=1e-6)


@pytest.mark.skipif(torch.cuda.is_available(), reason="asks for a device that this machine has")
def test_a_device_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="--device"):
        run(tmp_path, 1, device="cuda")
