"""``colloquy train`` end to end at toy scale: real command, real start weights, real ``kill -9``.

What is not about the death of a process is typed in this one: importing PyTorch anew takes longer than the training.
"""

from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from cli.main import main
from tests.training.toy_data import write_toy_data

ROOT = Path(__file__).parents[2]
STEPS, SAVE_STEPS = 4, 2


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_toy_data(tmp_path_factory.mktemp("sets"))


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Sums taken in another order would differ in the last digits."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def command(model: str, data: Path, home: Path, *more: str) -> list[str]:
    words = ["train", model, "--data", str(data), "--output", str(home / "weights"), "--limit", "8"]
    words += ["--batch-size", "2", "--device", "cpu", "--save-steps", str(SAVE_STEPS), "--evaluate-steps", "3"]
    return [*words, "--warmup-steps", "1", *more]


def finish(model: str, data: Path, home: Path, *more: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLLOQUY_DATA_DIR", str(home))
        assert main(command(model, data, home, "--steps", str(STEPS), *more)) == 0


def kill_after_a_checkpoint(model: str, data: Path, home: Path) -> None:
    """Starts the command and kills it, unasked, as soon as one checkpoint is whole."""
    running = subprocess.Popen(
        [sys.executable, "-m", "cli.main", *command(model, data, home, "--steps", str(STEPS))],
        cwd=ROOT,
        env={**os.environ, "COLLOQUY_DATA_DIR": str(home), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    state = home / "training" / model / f"checkpoint-{SAVE_STEPS}" / "trainer_state.json"
    deadline = time.monotonic() + 120
    while not state.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL, "the run ended before it could be killed"


def curve(home: Path) -> list[tuple[str, str]]:
    """(step, figures) of the learning curve, without how long it took."""
    with (home / "weights" / "curve.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    timed = ("runtime", "per_second", "flos")
    return [
        (row["step"], "; ".join(f"{k}={v}" for k, v in row.items() if v and not k.endswith(timed)))
        for row in rows
        if not row["train_runtime"]
    ]


def test_a_killed_run_goes_on_to_the_same_weights_and_the_same_curve(data: Path, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    finish("rewriter", data, whole)
    kill_after_a_checkpoint("rewriter", data, broken)
    finish("rewriter", data, broken)
    assert curve(broken) == curve(whole)
    assert (broken / "weights" / "model.safetensors").read_bytes() == (
        whole / "weights" / "model.safetensors"
    ).read_bytes()


@pytest.mark.parametrize("model", ["reader", "answerer"])
def test_the_command_trains_and_leaves_weights_curves_and_a_card(model: str, data: Path, tmp_path: Path) -> None:
    finish(model, data, tmp_path, *(["--start", str(ROOT / "models" / "answerer")] if model == "answerer" else []))
    made = tmp_path / "weights"
    assert {path.name for path in made.iterdir()} >= {"model.safetensors", "config.json", "curve.csv", "curve.png"}
    card = (made / "README.md").read_text("utf-8")
    assert f"# Model card: {model}" in card
    assert "Doc2Dial (CC BY 3.0)" in card
    assert "--limit 8" in card
    assert str(tmp_path) not in card


def test_a_folder_that_is_not_there_is_one_clear_sentence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(command("rewriter", tmp_path / "nowhere", tmp_path)) == 2
    told = capfd.readouterr().err
    assert "--data" in told
    assert told.count("\n") == 1
