"""Converted models in the cache: made once, whole or not at all, and anew for other weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from domain.errors import Misconfigured
from generation.ctranslate_conversion import Converted, digest, open_converted
from tests.bot.hub_cache import stored
from tests.training.tiny_models import tiny_bart, tiny_bert, tiny_t5


@pytest.fixture(scope="module")
def bart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bart(tmp_path_factory.mktemp("models") / "bart")


def opened(folder: Path, cache: Path, compute_type: str = "float32") -> Converted:
    return open_converted(folder, cache, compute_type=compute_type, device="cpu", threads=1)


def other_weights(folder: Path, into: Path) -> Path:
    shutil.copytree(folder, into)
    state = load_file(into / "model.safetensors")
    state["model.decoder.layers.0.fc1.bias"] += 1
    save_file(state, into / "model.safetensors", metadata={"format": "pt"})
    return into


def test_a_model_is_converted_once(bart: Path, tmp_path: Path) -> None:
    opened(bart, tmp_path)
    (made,) = tmp_path.iterdir()
    before = (made / "model.bin").stat().st_mtime_ns
    again = opened(bart, tmp_path)
    assert (made / "model.bin").stat().st_mtime_ns == before
    assert (again.forced, again.positions) == ((), 128)
    assert [made.name] == [f"bart-{digest(bart)[:16]}-float32"]


def test_positions_of_a_t5_have_no_bound(tmp_path: Path) -> None:
    assert opened(tiny_t5(tmp_path / "t5"), tmp_path / "cache").positions is None


def test_other_weights_and_another_precision_are_converted_beside(bart: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    opened(bart, cache)
    opened(bart, cache, "int8")
    opened(other_weights(bart, tmp_path / "other"), cache)
    assert len(list(cache.iterdir())) == 3
    sizes = {made.name.rpartition("-")[2]: (made / "model.bin").stat().st_size for made in cache.iterdir()}
    assert sizes["int8"] < sizes["float32"] / 2


@pytest.mark.parametrize("file", ["model.bin", "facts.json"])
def test_a_damaged_conversion_is_made_once_more(file: str, bart: Path, tmp_path: Path) -> None:
    opened(bart, tmp_path)
    (made,) = tmp_path.iterdir()
    whole = (made / file).read_bytes()
    (made / file).write_bytes(whole[: len(whole) // 2])
    opened(bart, tmp_path)
    assert (made / file).read_bytes() == whole


def test_the_hash_of_a_hub_snapshot_is_that_of_its_files(bart: Path, tmp_path: Path) -> None:
    commit = stored(tmp_path, "org/bart", bart)
    snapshot = tmp_path / "models--org--bart" / "snapshots" / commit
    assert digest(snapshot) == digest(bart) != digest(other_weights(bart, tmp_path / "other"))


def test_nothing_is_left_of_what_cannot_be_converted(bart: Path, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="is a 'bert'"):
        opened(tiny_bert(tmp_path / "bert"), tmp_path / "cache")
    with pytest.raises(Misconfigured, match=r"cannot convert .* to 'int3'.*pytorch runtime"):
        opened(bart, tmp_path / "cache", "int3")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_device_that_is_not_there_is_named(bart: Path, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"as 'float32' on 'nowhere'.*float32 on cpu"):
        open_converted(bart, tmp_path, compute_type="float32", device="nowhere", threads=1)
