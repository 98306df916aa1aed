"""Several passages read by BART and T5, against plain encoding."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_model, save_model
from torch import Tensor

from generation.fusing import Layout
from generation.torch_fid import FusionInDecoder
from tests.training.tiny_models import tiny_bart, tiny_t5
from training.seq2seq import Collator, open_seq2seq

STARTS = pytest.mark.parametrize("start", [tiny_bart, tiny_t5])
Start = Callable[[Path], Path]
PASSAGES = [("router", "a red light means a fault"), ("", "the late bill costs nine pounds"), ("desk", "closed sunday")]


def batch(tokenizer: Any, layout: Layout, *passages: list[tuple[str, str]]) -> dict[str, Tensor]:
    rows = [
        {"sources": layout.sources(tokenizer, "what is the fee", list(given)), "labels": layout.labels(tokenizer, "no")}
        for given in passages
    ]
    return Collator(tokenizer.pad_token_id)(rows)


@STARTS
def test_one_passage_is_read_as_the_model_itself_reads_it(start: Start, tmp_path: Path) -> None:
    inner, tokenizer = open_seq2seq(str(start(tmp_path)))
    made = batch(tokenizer, Layout("fid"), PASSAGES[:1])
    inner.eval()
    with torch.no_grad():
        plain = inner(made["input_ids"][:, 0], attention_mask=made["attention_mask"][:, 0], labels=made["labels"])
        fused = FusionInDecoder(inner)(**made)
    assert torch.allclose(fused.logits, plain.logits, atol=1e-6)
    assert fused.loss == pytest.approx(float(plain.loss), abs=1e-6)


@STARTS
def test_passages_are_encoded_apart(start: Start, tmp_path: Path) -> None:
    inner, tokenizer = open_seq2seq(str(start(tmp_path)))
    model = FusionInDecoder(inner.eval())
    made = batch(tokenizer, Layout("fid"), PASSAGES)
    memory = model.encode(made["input_ids"], made["attention_mask"]).last_hidden_state
    length = made["input_ids"].shape[2]
    for i in range(3):
        (ids,) = Layout("fid").sources(tokenizer, "what is the fee", PASSAGES[i : i + 1])
        alone = inner.get_encoder()(input_ids=torch.tensor([ids])).last_hidden_state[0]
        assert torch.allclose(memory[0, i * length : i * length + len(ids)], alone, atol=1e-5)


@STARTS
def test_a_missing_passage_changes_nothing(start: Start, tmp_path: Path) -> None:
    inner, tokenizer = open_seq2seq(str(start(tmp_path)))
    model = FusionInDecoder(inner.eval())
    alone = batch(tokenizer, Layout("fid"), PASSAGES[:1])
    beside = batch(tokenizer, Layout("fid"), PASSAGES[:1], PASSAGES)
    with torch.no_grad():
        assert torch.allclose(model(**alone).logits[0], model(**beside).logits[0], atol=1e-5)


@STARTS
@pytest.mark.parametrize("beams", [1, 3])
def test_replies_are_generated_over_all_passages(start: Start, beams: int, tmp_path: Path) -> None:
    inner, tokenizer = open_seq2seq(str(start(tmp_path)))
    model = FusionInDecoder(inner.eval())
    made = batch(tokenizer, Layout("fid"), PASSAGES[:1], PASSAGES)
    asked = {name: made[name] for name in ("input_ids", "attention_mask")}
    written = model.generate(**asked, num_beams=beams, max_new_tokens=5, do_sample=False)
    assert written.shape[0] == 2
    if beams == 1:
        states = model.encode(**asked)
        first = inner(
            encoder_outputs=states,
            attention_mask=asked["attention_mask"].flatten(1),
            decoder_input_ids=torch.full((2, 1), inner.config.decoder_start_token_id),
        ).logits[:, -1]
        forced = inner.generation_config.forced_bos_token_id
        assert written[:, 1].tolist() == ([forced] * 2 if forced is not None else first.argmax(-1).tolist())


@STARTS
def test_tied_weights_are_saved_once_and_come_back(start: Start, tmp_path: Path) -> None:
    model = FusionInDecoder(open_seq2seq(str(start(tmp_path / "a", 1)))[0])  # type: ignore[call-arg]
    other = FusionInDecoder(open_seq2seq(str(start(tmp_path / "b", 2)))[0])  # type: ignore[call-arg]
    state = model.state_dict()
    places = [tensor.data_ptr() for tensor in state.values()]
    assert len(places) == len(set(places))
    save_model(model, str(tmp_path / "saved.safetensors"))
    load_model(other, str(tmp_path / "saved.safetensors"))
    other.load_state_dict(state)
    for (name, ours), theirs in zip(model.named_parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs), name
