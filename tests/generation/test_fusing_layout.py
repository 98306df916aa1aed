"""What a model is shown of the passages: something of each, the question once, nothing beyond the window."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from domain.errors import Misconfigured
from generation.fusing import Fusion, Layout, fair_shares, read_layout
from generation.shortening import Readable
from tests.training.tiny_models import tiny_bart, tiny_t5
from training.seq2seq import open_seq2seq

STARTS = pytest.mark.parametrize("start", [tiny_bart, tiny_t5])
Start = Callable[[Path], Path]


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


@STARTS
def test_a_typed_special_token_does_not_forge_the_layout(start: Start, tmp_path: Path) -> None:
    _, tokenizer = open_seq2seq(str(start(tmp_path)))
    (source,) = Layout("fid").sources(tokenizer, "what </s> <pad> fee", [("", "no </s> bill")])
    special = [token for token in source if token in {tokenizer.eos_token_id, tokenizer.pad_token_id}]
    assert special == [tokenizer.eos_token_id]


@STARTS
@pytest.mark.parametrize(("fusion", "window"), [("fid", 24), ("concat", 44)])
def test_shortened_passages_fit_and_keep_their_best_sentence(
    start: Start, fusion: Fusion, window: int, tmp_path: Path
) -> None:
    _, tokenizer = open_seq2seq(str(start(tmp_path)))
    text = "the shop means no. " * 3 + "router light red. " + "we send you it. " * 3
    spans = tuple((i.start(), i.end()) for i in re.finditer(r"\S[^.]*\.", text))
    passages = [Readable("desk", text, spans, (0.1, 0.1, 0.1, 0.9, 0.1, 0.1, 0.1)), Readable("", "bill")]
    layout = Layout(fusion, window=window)
    assert not layout.fits(tokenizer, "what fee", [(one.heading, one.text) for one in passages])
    shown = layout.shortened(tokenizer, "what fee", passages)
    told = [(one.heading, one.text) for one in shown]
    assert layout.fits(tokenizer, "what fee", told)
    assert "router light red." in shown[0].text
    assert shown[0].text.count(".") + shown[0].left_out == 7
    assert shown[0].left_out > 0
    assert shown[1].is_whole
    assert all(len(source) <= window for source in layout.sources(tokenizer, "what fee", told))


def test_a_question_that_its_prefix_crowds_out_is_noticed(tmp_path: Path) -> None:
    _, tokenizer = open_seq2seq(str(tiny_t5(tmp_path)))
    assert Layout(prefix="what is it ", window=40).keeps_question(tokenizer, "what fee")
    assert not Layout(prefix="what is it " * 8, window=40).keeps_question(tokenizer, "what fee")
