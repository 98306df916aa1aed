"""The loop learns, resumes where it stopped, and writes its curve."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from domain.errors import Misconfigured
from training.curves import read_curve
from training.development import Development
from training.loop import LoopSettings, newest_checkpoint, train
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
    development = Development(lambda: {"slope": float(model.head.weight)}, "slope", "higher")
    train(model, EXAMPLES, collate, settings, lambda name: True, development)
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
        train(Line(), EXAMPLES, collate, stopped, lambda name: True, Development(die))
    resumed = Line()
    train(resumed, EXAMPLES, collate, partial, lambda name: True)
    assert torch.allclose(resumed.head.weight, whole.head.weight, atol=1e-6)
    assert torch.allclose(resumed.head.bias, whole.head.bias, atol=1e-6)


def test_the_best_weights_are_kept_not_the_last(tmp_path: Path) -> None:
    model = Line()
    figures = iter([0.1, 0.9, 0.4])
    seen: list[float] = []
    settings = LoopSettings(tmp_path, steps=30, batch_size=8, new_rate=0.05, warmup_steps=0, evaluate_steps=10)

    def measure() -> dict[str, float]:
        seen.append(float(model.head.weight))
        return {"figure": next(figures)}

    development = Development(measure, "figure", "higher")
    trained = train(model, EXAMPLES, collate, settings, lambda name: True, development)
    assert trained.best == {"step": 20, "figure": 0.9}
    assert float(model.head.weight) == seen[1] != seen[2]


def test_a_run_that_no_longer_gets_better_stops(tmp_path: Path) -> None:
    model = Line()
    settings = LoopSettings(
        tmp_path, steps=100, batch_size=8, warmup_steps=0, save_steps=10, evaluate_steps=10, patience=2
    )
    development = Development(lambda: {"dev_loss": 1.0})
    assert train(model, EXAMPLES, collate, settings, lambda name: True, development).steps == 30


def test_a_checkpoint_cut_short_is_passed_over(tmp_path: Path) -> None:
    for step, state in (("10", "{}"), ("100", '{"half'), ("20", "{}")):
        (tmp_path / f"checkpoint-{step}").mkdir()
        (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text(state)
    (tmp_path / "checkpoint-200").mkdir()
    assert newest_checkpoint(tmp_path) == tmp_path / "checkpoint-20"


def test_the_curve_is_drawn_as_a_picture(tmp_path: Path) -> None:
    run(tmp_path, 60, evaluate_steps=20)
    assert (tmp_path / "curve.png").read_bytes().startswith(b"\x89PNG")
    assert [step for step, _ in read_curve(tmp_path / "curve.csv")["slope"]] == [20, 40, 60]


@pytest.mark.skipif(torch.cuda.is_available(), reason="asks for a device that this machine has")
def test_a_device_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="--device"):
        run(tmp_path, 1, device="cuda")
