"""Several passages read by BART and T5: against plain encoding, and nothing lost on the way."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_model, save_model
from torch import Tensor

from domain.errors import Misconfigured
from tests.training.tiny_models import tiny_bart, tiny_t5
from training.fusing import FusionInDecoder, Layout, fair_shares, read_layout
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


@STARTS
@pytest.mark.parametrize("window", [30, 40, 120])
def test_concat_shows_some_of_every_passage(start: Start, window: int, tmp_path: Path) -> None:
    _, tokenizer = open_seq2seq(str(start(tmp_path)))
    long = [("", f"{word} " * 40) for word in ("router", "bill", "desk", "sunday")]
    (source,) = Layout("concat", window=window).sources(tokenizer, "what is the fee", long)
    assert len(source) <= window
    text = tokenizer.decode(source)
    counts = [text.count(word) for word in ("router", "bill", "desk", "sunday")]
    assert min(counts) >= 1
    assert max(counts) - min(counts) <= 1


@STARTS
def test_fid_keeps_the_question_and_cuts_the_passage(start: Start, tmp_path: Path) -> None:
    _, tokenizer = open_seq2seq(str(start(tmp_path)))
    sources = Layout("fid", window=24).sources(tokenizer, "what is the fee", [("", "router " * 40), ("", "bill")])
    assert [len(source) for source in sources] == [24, len(sources[1])]
    assert all(tokenizer.decode(source).count("what is the fee") == 1 for source in sources)
    assert "bill" in tokenizer.decode(sources[1])
    assert all(source[-1] == tokenizer.eos_token_id for source in sources)


@STARTS
def test_a_long_question_leaves_half_the_window(start: Start, tmp_path: Path) -> None:
    _, tokenizer = open_seq2seq(str(start(tmp_path)))
    (source,) = Layout("fid", window=40).sources(tokenizer, "what " * 90, [("", "router " * 90)], ["light " * 90])
    assert 17 <= tokenizer.decode(source).count("router") <= 20


def test_history_follows_the_question_and_the_prefix_leads(tmp_path: Path) -> None:
    _, tokenizer = open_seq2seq(str(tiny_t5(tmp_path)))
    (source,) = Layout(prefix="answer the ").sources(tokenizer, "what fee", [("", "no")], ["the card", "the bill"])
    assert tokenizer.decode(source).startswith("answer the question: what fee the card the bill context: no")


def test_a_window_without_room_is_refused(tmp_path: Path) -> None:
    _, tokenizer = open_seq2seq(str(tiny_t5(tmp_path)))
    with pytest.raises(Misconfigured, match="--window"):
        Layout("concat", window=12).sources(tokenizer, "what is the fee", [("", "no")] * 12)


def test_shares_are_those_of_pouring_token_by_token() -> None:
    rng = random.Random(0)
    for lengths, room in product(([], [0], [5], [1, 9, 4], [3, 3, 3], [7, 0, 2, 8, 8]), range(0, 30)):
        rng.shuffle(lengths)
        poured = [0] * len(lengths)
        for _ in range(room):
            open_ones = [i for i, length in enumerate(lengths) if poured[i] < length]
            if open_ones:
                poured[min(open_ones, key=lambda i: poured[i])] += 1
        assert sorted(fair_shares(lengths, room)) == sorted(poured)
        assert all(share <= length for share, length in zip(fair_shares(lengths, room), lengths, strict=True))


def test_the_layout_is_read_back(tmp_path: Path) -> None:
    layout = Layout("concat", "answer: ", 99, 11)
    layout.write(tmp_path)
    assert read_layout(tmp_path) == layout
    (tmp_path / "colloquy.json").write_text("{")
    with pytest.raises(Misconfigured, match=r"colloquy\.json"):
        read_layout(tmp_path)
