from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import Misconfigured
from training.joint_towers import open_towers
from training.mining import open_encoder
from training.seq2seq import open_seq2seq
from training.starts import model_name, start_folder
from training.towers import TowerOptions, build_towers


@pytest.mark.parametrize(
    "opened",
    [open_seq2seq, open_towers, open_encoder, lambda name: build_towers(TowerOptions(name))],
    ids=["seq2seq", "joint towers", "mining", "towers"],
)
def test_nothing_is_opened_by_a_name_that_can_mean_other_weights_tomorrow(opened: object) -> None:
    assert callable(opened)
    with pytest.raises(Misconfigured, match="no folder here"):
        opened("org/some-model")


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    assert start_folder(str(tmp_path)) == tmp_path


def test_a_card_names_the_hub_model_and_its_commit(tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    assert model_name(tmp_path / "models--org--bart--base" / "snapshots" / commit) == "org/bart--base at 0123456789ab"
    assert model_name(tmp_path / "models--bert" / "snapshots" / commit) == "bert at 0123456789ab"
    assert model_name(tmp_path / "my-bart") == "my-bart"
