"""Every generator tells the probability of given tokens, and writes by the same distribution."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from generation.fusing import PADDING, log_p_rag_sequence
from tests.training.joint_toys import PASSAGES, copy_writer, plain_writer
from tests.training.tiny_models import tiny_bart, tiny_t5
from training.batches import pad
from training.joint_decoding import greedy, marginal_answers, written
from training.joint_writers import Memory, Writer, open_writer

Make = Callable[[Path], Writer]
KINDS: dict[str, Make] = {
    "bart": lambda folder: plain_writer(tiny_bart(folder)),
    "t5": lambda folder: plain_writer(tiny_t5(folder)),
    "copy": lambda folder: copy_writer(),
}


@pytest.fixture(params=KINDS)
def writer(request: pytest.FixtureRequest, tmp_path: Path) -> Writer:
    return KINDS[request.param](tmp_path / "start").eval()


def read(writer: Writer, passages: int = 3, question: str = "what is the card") -> Memory:
    return writer.read(writer.sources(question, PASSAGES[:passages]))


def labels_of(writer: Writer, *answers: str) -> Tensor:
    return pad([writer.labels(answer) for answer in answers], PADDING)


def test_the_tokens_told_one_by_one_have_the_probability_of_the_whole(writer: Writer) -> None:
    memory, labels = read(writer, 2), labels_of(writer, "green", "two pounds")
    with torch.no_grad():
        whole = writer.log_p_targets(memory, labels)
        following, tokens = writer.writing(memory), torch.full((2,), writer.start)
        for t in range(labels.shape[1]):
            log_p = following(tokens)
            assert torch.allclose(log_p.exp().sum(-1), torch.ones(2), atol=1e-4)
            tokens = labels[:, t].clamp(min=0)
            alive = labels[:, t] != PADDING
            found = log_p.gather(1, tokens[:, None]).squeeze(1)
            assert torch.allclose(found[alive], whole[alive, t], atol=1e-4)
    assert (whole[labels == PADDING] == 0).all()


def test_rows_beside_it_and_padding_change_nothing_of_a_row(writer: Writer) -> None:
    labels = labels_of(writer, "green")
    sources = writer.sources("what is the card", PASSAGES[:1])
    longer = writer.sources("what is the card and what is the router and the light", PASSAGES[1:2])
    with torch.no_grad():
        alone = writer.log_p_targets(writer.read(sources), labels)
        beside = writer.log_p_targets(writer.read([*sources, *longer]), labels.expand(2, -1))[:1]
    assert torch.allclose(alone, beside, atol=1e-4)


def test_greedy_texts_end_or_are_cut_off(writer: Writer) -> None:
    found = written(writer, read(writer), greedy, 5)
    assert len(found) == 3
    for text in found:
        assert 1 <= len(text) <= 5
        assert writer.end not in text[:-1]


def test_each_greedy_token_is_the_likeliest_one(writer: Writer) -> None:
    memory = read(writer, 1)
    (text,) = written(writer, memory, greedy, 4)
    following, before = writer.writing(memory), writer.start
    for token in text:
        with torch.no_grad():
            assert int(following(torch.tensor([before])).argmax()) == token
        before = token


def test_rag_sequence_takes_the_text_that_is_likeliest_under_all_passages(writer: Writer) -> None:
    memory, log_p_z = read(writer), torch.tensor([[0.2, 0.5, 0.3]]).log()
    texts = written(writer, memory, greedy, 4)
    (chosen,) = marginal_answers(writer, memory, log_p_z, "rag-sequence", 4)

    def score(text: list[int]) -> float:
        labels = torch.tensor([text] * 3)
        with torch.no_grad():
            log_p_y = writer.log_p_targets(memory, labels)[None]
        return float(log_p_rag_sequence(log_p_z, log_p_y, torch.ones(1, len(text))))

    assert chosen in texts
    assert score(chosen) == pytest.approx(max(score(text) for text in texts), abs=1e-4)


def test_rag_token_follows_the_mixture_and_of_one_certain_passage_that_passage(writer: Writer) -> None:
    memory, certain = read(writer), torch.tensor([[1e-9, 1 - 2e-9, 1e-9]]).log()
    (chosen,) = marginal_answers(writer, memory, certain, "rag-token", 4)
    assert chosen == written(writer, memory.rows(torch.tensor([1])), greedy, 4)[0]
    even = torch.full((1, 3), 1 / 3).log()
    (mixed,) = marginal_answers(writer, memory, even, "rag-token", 1)
    with torch.no_grad():
        first = writer.writing(memory)(torch.full((3,), writer.start)).exp().mean(0)
    assert mixed == [int(first.argmax())]


def test_a_frozen_encoder_gets_no_gradients_and_the_decoder_does() -> None:
    writer = copy_writer(frozen=True)
    writer.log_p_targets(read(writer), labels_of(writer, "green", "green", "green")).sum().backward()  # type: ignore[no-untyped-call]
    moved = {name for name, p in writer.named_parameters() if p.grad is not None}
    assert any("decoder" in name for name in moved)
    assert not [name for name in moved if ".encoder." in name or "shared" in name or "gate_head" in name]
    assert "_holder.inner.copy_head.key.weight" in moved


@pytest.mark.parametrize("make", [tiny_bart, tiny_t5])
def test_a_plain_writer_comes_back_as_it_was_written(make: Callable[[Path], Path], tmp_path: Path) -> None:
    writer = plain_writer(make(tmp_path / "start")).eval()
    for name in ("curve.csv", "curve.png"):
        (tmp_path / name).write_text("", "utf-8")
    writer.write(tmp_path / "made", tmp_path)
    again = open_writer(tmp_path / "made", window=48, reply=8, frozen=False).eval()
    labels = labels_of(writer, "green", "green", "green")
    with torch.no_grad():
        ours, theirs = (one.log_p_targets(read(one), labels) for one in (writer, again))
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_weights_that_are_tied_are_written_once(tmp_path: Path) -> None:
    writer = plain_writer(tiny_bart(tmp_path / "start"))
    state = writer.state_dict()
    assert len({value.data_ptr() for value in state.values()}) == len(state)
    assert not writer.load_state_dict(state).missing_keys
