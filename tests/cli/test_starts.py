"""What ``--start``, ``--towers`` and ``--model`` may name: a folder, or a hub name with its commit."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from cli.main import main
from cli.run_options import command_line
from cli.starts import model_at
from domain.errors import Misconfigured

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def _offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLOQUY_DATA_DIR", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_a_folder_needs_no_commit(tmp_path: Path) -> None:
    assert model_at(tmp_path, None) == tmp_path
    assert model_at(None, None) is None


@pytest.mark.parametrize("revision", [None, "main", COMMIT[:12]])
def test_a_hub_name_without_its_commit_is_refused(revision: str | None) -> None:
    with pytest.raises(Misconfigured, match="40 hexadecimal digits"):
        model_at(Path("facebook/bart-base"), revision)


def test_a_commit_without_a_name_is_refused() -> None:
    with pytest.raises(Misconfigured, match="--towers"):
        model_at(None, COMMIT, "--towers")


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (["answerer", "--data", "."], "--start"),
        (["denoising", "--data", "."], "--start"),
        (["bi-encoder", "--train", "rows.jsonl"], "--start"),
        (["cross-encoder", "--train", "rows.jsonl"], "--start"),
        (["joint"], "--start"),
        (["joint"], "--towers"),
        (["mine-negatives", "--rows", "rows.jsonl", "--output", "mined.jsonl"], "--model"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_every_command_wants_the_commit(words: list[str], option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *words, option, "org/some-model"]) == 2
    told = capsys.readouterr().err
    assert "org/some-model" in told
    assert "40 hexadecimal digits" in told


def test_a_card_tells_the_hub_name_whole() -> None:
    def command(start: Path | None = None, output: Path | None = None) -> None: ...

    given = {"start": Path("facebook/bart-base"), "output": Path("secret/folder/made")}
    line = command_line("answerer", given, inspect.signature(command).parameters)
    assert line == "colloquy train answerer --start facebook/bart-base --output made"
