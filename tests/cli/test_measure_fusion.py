from __future__ import annotations

from pathlib import Path

import pytest

from cli.main import main
from cli.measure_answers import writing_by
from generation.seq2seq import FusionMode
from generation.seq2seq_answering import Seq2SeqAnswerer
from settings import load_settings
from tests.generation.evidence import passage
from tests.training.tiny_models import tiny_t5


def test_a_model_of_ones_own_writes_by_every_mode(tmp_path: Path) -> None:
    settings = load_settings(data_dir=tmp_path / "data", generation={"max_tokens": 8})
    folder = tiny_t5(tmp_path / "t5")
    for mode in FusionMode:
        generator = writing_by(mode, settings, folder)
        assert isinstance(generator, Seq2SeqAnswerer)
        *_, drafts = generator.stream("what is the fee", (), [passage(1, "the fee is nine pounds")])
        assert all(one.origin.startswith(mode.value) for one in drafts if not isinstance(one, str))


def test_a_hub_name_without_its_commit_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "fusion", "--answerer", "org/some-model"]) == 2
    assert "40 hexadecimal digits" in capsys.readouterr().err
