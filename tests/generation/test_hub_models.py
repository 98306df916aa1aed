"""Opening BART and T5 folders, on tiny models built and saved here."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from domain.errors import Misconfigured
from generation.hub_models import check_folder, open_seq2seq, open_tokenizer
from tests.training.tiny_models import tiny_bart, tiny_bert, tiny_t5


@pytest.fixture(scope="module")
def bart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bart(tmp_path_factory.mktemp("models") / "bart")


def changed(folder: Path, into: Path, change: Callable[[Path], None]) -> Path:
    shutil.copytree(folder, into)
    change(into)
    return into


def test_the_family_is_told_without_reading_weights(bart: Path, tmp_path: Path) -> None:
    (tmp_path / "t5").mkdir()
    t5 = tiny_t5(tmp_path / "t5")
    (t5 / "model.safetensors").write_bytes(b"")
    assert [check_folder(bart), check_folder(t5)] == ["bart", "t5"]


def test_a_whole_model_opens_in_the_asked_precision_ready_to_run(bart: Path) -> None:
    model, tokenizer = open_seq2seq(bart, dtype="bfloat16")
    assert (model.dtype, model.training) == (torch.bfloat16, False)
    assert tokenizer.decode(tokenizer("late bill").input_ids, skip_special_tokens=True) == "late bill"


def test_an_encoder_alone_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"is a 'bert', which does not write.* give a bart or t5 model"):
        open_seq2seq(tiny_bert(tmp_path / "bert"))


def without(*names: str) -> Callable[[Path], None]:
    def changes(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return changes


def pickled(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def truncated(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])


def lacking(folder: Path) -> None:
    state = load_file(folder / "model.safetensors")
    state.pop("model.decoder.layers.0.fc1.weight")
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (pickled, "has no safetensors"),
        (without("tokenizer.json"), "has no tokenizer"),
        (without("config.json"), r"has no config\.json"),
        (lambda folder: (folder / "config.json").write_text("{"), r"has no config\.json that can be read"),
        (truncated, "cannot be opened"),
        (lacking, r"lack 1 tensors, first model\.decoder\.layers\.0\.fc1\.weight"),
        (lambda folder: (folder / "tokenizer.json").write_text("[]"), "cannot be opened"),
    ],
)
def test_what_is_not_whole_is_refused(change: Callable[[Path], None], said: str, bart: Path, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=said):
        open_seq2seq(changed(bart, tmp_path / "changed", change))


def test_code_that_comes_with_a_model_is_not_run(bart: Path, tmp_path: Path) -> None:
    def coded(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text("utf-8"))
        config["auto_map"] = {"AutoModelForSeq2SeqLM": "evil.Evil", "AutoConfig": "evil.EvilConfig"}
        (folder / "config.json").write_text(json.dumps(config), "utf-8")
        (folder / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n", "utf-8")

    model, _ = open_seq2seq(changed(bart, tmp_path / "changed", coded))
    assert type(model).__name__ == "BartForConditionalGeneration"
    assert not (tmp_path / "ran").exists()


def test_a_typed_end_token_is_text(bart: Path) -> None:
    tokenizer = open_tokenizer(bart)
    assert tokenizer("late </s> bill").input_ids.count(tokenizer.eos_token_id) == 1
