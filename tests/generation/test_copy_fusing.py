"""RAG-token and RAG-sequence over the copy distribution, against the mixture written out passage by passage."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import pytest
import torch
from torch import Tensor

from generation.copy_bart import CopyBart
from generation.copy_fusing import rag_sequence_search
from generation.decoding import Hypothesis, Step, beam_search
from tests.generation.test_copy_bart import mixture
from tests.generation.tiny import END, START, tiny_model, tiny_source

PRIOR = tuple(math.log(p) for p in (0.2, 0.5, 0.3))
SEEDS = range(3)


def case(seed: int) -> tuple[CopyBart, Tensor, Tensor]:
    return tiny_model(seed, sharp=3.0), *tiny_source(seed, rows=3)


def searched(mode: str, seed: int, beams: int, most: int = 6) -> Iterator[Step | tuple[Hypothesis, ...]]:
    search = {"rag-token": beam_search, "rag-sequence": rag_sequence_search}[mode]
    return search(*case(seed), beams=beams, max_tokens=most, log_prior=PRIOR)


def found(mode: str, seed: int, beams: int, most: int = 6) -> tuple[Hypothesis, ...]:
    *_, last = searched(mode, seed, beams, most)
    assert isinstance(last, tuple)
    return last


def under_each(seed: int, text: Sequence[int]) -> Tensor:
    """log p(y_t|x, z_i, y_<t) (N, T) by full forward passes over one passage each."""
    model, ids, mask = case(seed)
    targets = torch.tensor([list(text)])
    with torch.inference_mode():
        rows = [mixture(model, ids[:, i : i + 1], mask[:, i : i + 1], targets)[0] for i in range(3)]
    return torch.stack([row.gather(1, targets[0][:, None]).squeeze(1).log() for row in rows])


def said(one: Hypothesis) -> list[int]:
    return [*one.ids, *([END] if one.finished else [])]


@pytest.mark.parametrize("seed", SEEDS)
def test_rag_token_sums_the_mixture_of_every_token(seed: int) -> None:
    for one in found("rag-token", seed, 3):
        expected = (torch.tensor(PRIOR)[:, None] + under_each(seed, said(one))).logsumexp(0).sum()
        assert one.log_probability == pytest.approx(float(expected), abs=1e-3)


@pytest.mark.parametrize("seed", SEEDS)
def test_rag_sequence_mixes_whole_texts(seed: int) -> None:
    hypotheses = found("rag-sequence", seed, 3)
    for one in hypotheses:
        expected = (torch.tensor(PRIOR) + under_each(seed, said(one)).sum(1)).logsumexp(0)
        assert one.log_probability == pytest.approx(float(expected), abs=1e-3)
    scores = [one.log_probability for one in hypotheses]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_one_beam_of_rag_token_takes_the_likeliest_token_of_the_mixture(seed: int) -> None:
    model, ids, mask = case(seed)
    text: list[int] = []
    while len(text) < 6 and text[-1:] != [END]:
        with torch.inference_mode():
            targets = torch.tensor([[*text, START]])
            rows = [mixture(model, ids[:, i : i + 1], mask[:, i : i + 1], targets)[0, -1] for i in range(3)]
        text.append(int((torch.tensor(PRIOR).exp()[:, None] * torch.stack(rows)).sum(0).argmax()))
    (one,) = found("rag-token", seed, 1)
    assert said(one) == text


@pytest.mark.parametrize("mode", ["rag-token", "rag-sequence"])
def test_of_one_passage_both_are_plain_decoding(mode: str) -> None:
    model, (ids, mask) = tiny_model(1, sharp=3.0), tiny_source(1, rows=1)
    *_, plain = beam_search(model, ids, mask, beams=3, max_tokens=6)
    search = {"rag-token": beam_search, "rag-sequence": rag_sequence_search}[mode]
    *_, mixed = search(model, ids, mask, beams=3, max_tokens=6, log_prior=(0.0,))
    assert isinstance(plain, tuple)
    assert isinstance(mixed, tuple)
    assert {(one.ids, one.positions) for one in mixed} == {(one.ids, one.positions) for one in plain}
    assert sorted(one.log_probability for one in mixed) == pytest.approx(
        sorted(one.log_probability for one in plain), abs=1e-3
    )


@pytest.mark.parametrize("mode", ["rag-token", "rag-sequence"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_copied_place_holds_its_token_in_all_passages_counted_through(mode: str, seed: int) -> None:
    flat = tiny_source(seed, rows=3)[0].flatten().tolist()
    for step in searched(mode, seed, 3):
        for one in step if isinstance(step, tuple) else (step,):
            for token, place in zip(one.ids, one.positions, strict=True):
                assert place < 0 or flat[place] == token


def test_rag_sequence_shows_the_likeliest_passage_first_and_can_be_stopped_at_every_text() -> None:
    model, ids, mask = case(0)
    steps = list(searched("rag-sequence", 0, 2))
    alone = list(beam_search(model, ids[:, 1:2], mask[:, 1:2], beams=2, max_tokens=6))[:-1]
    assert alone
    assert [step.ids for step in steps[: len(alone)] if isinstance(step, Step)] == [
        step.ids for step in alone if isinstance(step, Step)
    ]
    assert all(step == steps[len(alone) - 1] for step in steps[len(alone) : -1])
    assert len(steps) - 1 > len(alone)
