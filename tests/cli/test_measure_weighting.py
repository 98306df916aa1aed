from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.assembly_models import MODELS
from cli.main import main
from evaluation.weighting_turns import ARTICLES, OPENED, fingerprint, kept
from settings import load_settings
from tests.evaluation.weighed import turn, turns


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of turns that were prepared already: nothing has to be read or searched."""
    monkeypatch.setenv("COLLOQUY_DATA_DIR", str(tmp_path / "home"))
    settings = load_settings(knowledge_base="harbourline")
    mark = fingerprint(settings.model_dump(mode="json", exclude={"redis_url", "data_dir"}), MODELS)
    told = {
        "questions": [turn(n) for n in range(101, 103)],
        "dev": turns(10),
        "openings": [replace(one, source=OPENED) for one in turns(4)],
        "articles": [replace(one, source=ARTICLES) for one in turns(6)],
        "public-7": turns(3),
    }
    for name, found in told.items():
        kept(tmp_path / "kept" / f"{name}-{mark}.jsonl", lambda found=found: iter(found))  # type: ignore[misc]
    return tmp_path / "kept"


def test_every_way_of_weighing_is_told_for_every_set(
    prepared: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report, weights = tmp_path / "told.md", tmp_path / "answers.json"
    articles = tmp_path / "articles.jsonl.xz"
    articles.touch()  # its questions were prepared already
    words = ["evaluate", "weighting", "--doc2dial", str(tmp_path), "--limit", "7", "--kept", str(prepared)]
    words += ["--articles", str(articles)]
    assert main([*words, "--output", str(report), "--fit", "--answers", str(weights)]) == 0
    told = capsys.readouterr().out
    assert [told.count(name) for name in ("quote only", "generation only", "fixed λ 0.5")] == [2] * 3
    assert told.count("adaptive λ") == 4
    for heading in (
        "development, cross-validated",
        "first messages, cross-validated",
        "small knowledge bases, cross-validated",
        "Doc2Dial, development documents",
    ):
        assert f"Weighting, {heading}" in report.read_text("utf-8")
    assert weights.is_file()
    assert not (tmp_path / "home" / "weighting").exists()


def test_what_is_not_there_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--doc2dial", "--articles"):
        assert main(["evaluate", "weighting", option, str(tmp_path / "absent")]) == 2
        assert "absent" in capsys.readouterr().err
