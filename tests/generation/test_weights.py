from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from domain.errors import Misconfigured
from generation.copy_bart import CopyBart
from generation.weights import open_copy_bart, open_to_serve, read_weights
from tests.generation.tiny import tiny_config, tiny_model, tiny_source

TABLE = "embeddings.word_embeddings.weight"


@pytest.fixture
def shipped(tmp_path: Path) -> tuple[Path, Path, CopyBart]:
    """A tiny model the way ``models/`` ships one, fp16 and without the word embeddings, which another folder holds."""
    model = tiny_model(11)
    folder, minilm = tmp_path / "model", tmp_path / "minilm"
    folder.mkdir()
    minilm.mkdir()
    shared = {"model.shared.weight", "lm_head.weight"}
    state = {n: v for n, v in model.state_dict().items() if n not in shared and "embed_tokens" not in n}
    save_file({name: value.half().contiguous() for name, value in state.items()}, folder / "model.safetensors")
    save_file({TABLE: model.model.shared.weight.detach().clone()}, minilm / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(tiny_config().to_diff_dict()), "utf-8")
    return folder, minilm, model


def test_an_opened_model_says_what_the_saved_one_said(shipped: tuple[Path, Path, CopyBart]) -> None:
    folder, minilm, model = shipped
    opened = open_copy_bart(folder, minilm)
    ids, mask = tiny_source(11)
    targets = torch.tensor([[5, 9, 2]])
    with torch.inference_mode():
        expected, found = model(ids, mask, targets).loss, opened(ids, mask, targets).loss
    assert found.item() == pytest.approx(expected.item(), abs=0.02)  # fp16 keeps three digits
    assert next(opened.parameters()).dtype == torch.float32
    assert not opened.training


def test_all_embeddings_are_the_one_table_of_minilm(shipped: tuple[Path, Path, CopyBart]) -> None:
    folder, minilm, _ = shipped
    opened = open_copy_bart(folder, minilm)
    table = load_file(minilm / "model.safetensors")[TABLE]
    for module in (opened.model.shared, opened.model.encoder.embed_tokens, opened.model.decoder.embed_tokens):
        assert torch.equal(module.weight, table)
    assert torch.equal(opened.lm_head.weight, table)


def test_a_missing_file_is_named_with_its_remedy(shipped: tuple[Path, Path, CopyBart]) -> None:
    folder, minilm, _ = shipped
    (folder / "model.safetensors").unlink()
    with pytest.raises(Misconfigured, match=r"model\.safetensors are missing.*git checkout"):
        open_copy_bart(folder, minilm)
    (folder / "config.json").unlink()
    with pytest.raises(Misconfigured, match=r"no config\.json.*git checkout"):
        open_copy_bart(folder, minilm)


@pytest.mark.parametrize("kept", [0, 7, 5000])
def test_a_truncated_file_is_called_damaged(shipped: tuple[Path, Path, CopyBart], kept: int) -> None:
    folder, minilm, _ = shipped
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:kept])
    with pytest.raises(Misconfigured, match="damaged"):
        open_copy_bart(folder, minilm)


def test_a_broken_configuration_is_called_damaged(shipped: tuple[Path, Path, CopyBart]) -> None:
    folder, minilm, _ = shipped
    (folder / "config.json").write_text('{"d_model": 32, ', "utf-8")
    with pytest.raises(Misconfigured, match=r"config\.json"):
        open_copy_bart(folder, minilm)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda state: state.pop("copy_head.gate.weight"), r"1 missing, 0 unexpected.*copy_head\.gate\.weight"),
        (lambda state: state.update(extra=torch.zeros(1)), r"0 missing, 1 unexpected.*extra"),
        (lambda state: state.update({"copy_head.gate.weight": torch.zeros(1, 3)}), r"copy_head\.gate\.weight"),
    ],
)
def test_weights_of_another_architecture_are_refused(
    shipped: tuple[Path, Path, CopyBart], change: object, complaint: str
) -> None:
    folder, minilm, _ = shipped
    state = load_file(folder / "model.safetensors")
    assert callable(change)
    change(state)
    save_file(state, folder / "model.safetensors")
    with pytest.raises(Misconfigured, match=complaint):
        open_copy_bart(folder, minilm)


def test_a_model_opened_to_serve_holds_int8_and_says_nearly_the_same(shipped: tuple[Path, Path, CopyBart]) -> None:
    folder, minilm, model = shipped
    opened = open_to_serve(folder, minilm)
    ids, mask = tiny_source(11)
    targets = torch.tensor([[5, 9, 2]])
    with torch.inference_mode():
        expected, found = model(ids, mask, targets).loss, opened(ids, mask, targets).loss
    assert "DynamicQuantizedLinear" in str(opened.copy_head.key)
    assert found.item() == pytest.approx(expected.item(), abs=0.1)


def test_an_encoder_without_the_table_is_refused(shipped: tuple[Path, Path, CopyBart]) -> None:
    folder, minilm, _ = shipped
    save_file({"other": torch.zeros(1)}, minilm / "model.safetensors")
    with pytest.raises(Misconfigured, match="word_embeddings"):
        open_copy_bart(folder, minilm)


def test_tensors_come_back_as_written(tmp_path: Path) -> None:
    save_file({"a": torch.arange(6).reshape(2, 3)}, tmp_path / "some.safetensors")
    assert read_weights(tmp_path / "some.safetensors")["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
