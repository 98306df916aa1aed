from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from generation.copy_bart import CopyBart
from generation.decoding import Hypothesis, Step, _next_tokens, _positions, _Source, beam_search
from tests.generation.test_copy_bart import mixture
from tests.generation.tiny import END, START, tiny_model, tiny_source

SEEDS = range(8)


def decoded(model: CopyBart, ids: Tensor, mask: Tensor, beams: int, max_tokens: int) -> tuple[Hypothesis, ...]:
    *_, last = beam_search(model, ids, mask, beams=beams, max_tokens=max_tokens)
    assert isinstance(last, tuple)
    return last


def greedy(model: CopyBart, ids: Tensor, mask: Tensor, max_tokens: int) -> tuple[tuple[int, ...], float, bool]:
    """The likeliest token at every step, by a full forward pass over the explicit mixture."""
    said: list[int] = []
    total = 0.0
    for _ in range(max_tokens):
        with torch.inference_mode():
            step = mixture(model, ids, mask, torch.tensor([[*said, START]]))[0, -1]
        token = int(step.argmax())
        total += math.log(float(step[token]))
        if token == END:
            return tuple(said), total, True
        said.append(token)
    return tuple(said), total, False


@pytest.mark.parametrize("seed", SEEDS)
def test_step_by_step_the_mixture_is_that_of_the_full_forward_pass(seed: int) -> None:
    model, (ids, mask) = tiny_model(seed), tiny_source(seed)
    said = torch.randint(3, 64, (3, 6), generator=torch.Generator().manual_seed(seed))
    with torch.inference_mode():
        source = _Source(model, ids, mask)
        cache: list[tuple[Tensor, Tensor] | None] = [None] * len(model.model.decoder.layers)
        so_far = torch.full((3, 1), START)
        for length in range(6):
            tokens, step, _ = _next_tokens(model, source, so_far, cache, 4)
            whole = torch.cat([mixture(model, ids, mask, said[k : k + 1, : length + 1])[:, -1] for k in range(3)])
            counted = torch.zeros_like(whole).scatter_add_(1, tokens, step)  # a candidate met twice counts once
            assert torch.allclose(counted.topk(4).values, whole.topk(4).values, atol=1e-4)
            assert torch.allclose(counted[counted > 0], whole[counted > 0], atol=1e-4)
            so_far = torch.cat([so_far, said[:, length : length + 1]], 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_one_beam_is_greedy_decoding(seed: int) -> None:
    model, (ids, mask) = tiny_model(seed), tiny_source(seed)
    (found,) = decoded(model, ids, mask, 1, 8)
    said, total, finished = greedy(model, ids, mask, 8)
    assert (found.ids, found.finished) == (said, finished)
    assert found.log_probability == pytest.approx(total, abs=1e-3)


@pytest.mark.parametrize("seed", SEEDS)
def test_enough_beams_find_the_best_of_all_texts(seed: int) -> None:
    words, longest = 8, 2
    model, (ids, mask) = tiny_model(seed, words, sharp=3.0), tiny_source(seed, vocabulary=words)
    found = decoded(model, ids, mask, words ** (longest + 1), longest + 1)
    best: dict[tuple[int, ...], float] = {}
    tokens = [token for token in range(words) if token != END]
    for said in itertools.chain.from_iterable(itertools.product(tokens, repeat=n) for n in range(longest + 1)):
        targets = torch.tensor([[*said, END]])
        with torch.inference_mode():
            each = mixture(model, ids, mask, targets)[0].gather(1, targets[0][:, None])
        best[said] = float(each.log().sum()) / (len(said) + 1)
    likeliest = max(best, key=lambda said: best[said])
    assert found[0].score == pytest.approx(best[likeliest], abs=1e-3)
    assert found[0].ids == likeliest


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("beams", [2, 4, 7])
def test_hypotheses_are_distinct_sorted_and_at_most_as_many_as_beams(seed: int, beams: int) -> None:
    model, (ids, mask) = tiny_model(seed, sharp=3.0), tiny_source(seed)
    found = decoded(model, ids, mask, beams, 10)
    assert 1 <= len(found) <= beams
    assert len({one.ids for one in found}) == len(found)
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert all(len(one.ids) == len(one.positions) <= 10 for one in found)
    assert all(END not in one.ids for one in found)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_hypothesis_carries_the_log_probability_the_formula_gives_it(seed: int) -> None:
    model, (ids, mask) = tiny_model(seed, sharp=3.0), tiny_source(seed)
    for one in decoded(model, ids, mask, 4, 6):
        targets = torch.tensor([[*one.ids, END]] if one.finished else [list(one.ids)])
        with torch.inference_mode():
            each = mixture(model, ids, mask, targets)[0].gather(1, targets[0][:, None])
        assert one.log_probability == pytest.approx(float(each.log().sum()), abs=1e-3)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_copied_place_holds_its_token(seed: int) -> None:
    model, (ids, mask) = tiny_model(seed), tiny_source(seed)
    flat = ids.flatten().tolist()
    for step in beam_search(model, ids, mask, beams=4, max_tokens=10):
        for one in step if isinstance(step, tuple) else (step,):
            for token, place in zip(one.ids, one.positions, strict=True):
                assert token not in flat if place < 0 else flat[place] == token


def always_copying(model: CopyBart) -> CopyBart:
    with torch.no_grad():
        model.copy_head.gate.weight.zero_()
        model.copy_head.gate.bias.fill_(-30.0)
    return model


def test_a_model_that_only_copies_writes_only_what_the_source_holds() -> None:
    model, (ids, mask) = always_copying(tiny_model(3)), tiny_source(3)
    allowed = set(ids.flatten().tolist()) - {0, START, END}
    for one in decoded(model, ids, mask, 3, 6):
        assert set(one.ids) <= allowed
        assert all(place >= 0 for place in one.positions)


def test_a_running_quotation_goes_on_at_the_next_place_though_the_word_stands_elsewhere_too() -> None:
    source = torch.tensor([START, 9, 5, 7, 5, END])
    attention = torch.tensor([[0.0, 0.0, 0.1, 0.0, 0.9, 0.0]])
    five = torch.tensor([5])
    assert _positions(source, five, attention, torch.tensor([1])).tolist() == [2]
    assert _positions(source, five, attention, torch.tensor([-1])).tolist() == [4]
    assert _positions(source, torch.tensor([8]), attention, torch.tensor([1])).tolist() == [-1]


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_called_certain_grows_and_is_never_taken_back(seed: int) -> None:
    model, (ids, mask) = tiny_model(seed), tiny_source(seed)
    certain: tuple[int, ...] = ()
    for step in beam_search(model, ids, mask, beams=3, max_tokens=12):
        if isinstance(step, Step):
            assert step.ids[: len(certain)] == certain
            assert len(step.ids) > len(certain)
            certain = step.ids


def test_the_length_limit_cuts_off_and_says_so() -> None:
    model, (ids, mask) = always_copying(tiny_model(5)), tiny_source(5)  # the end token is never copied
    for limit in (1, 4):
        found = decoded(model, ids, mask, 2, limit)
        assert all(len(one.ids) == limit and not one.finished for one in found)


def test_closing_the_iterator_stops_the_work() -> None:
    model, (ids, mask) = always_copying(tiny_model(6)), tiny_source(6)
    steps = 0

    def counted(*_: object) -> None:
        nonlocal steps
        steps += 1

    model.copy_head.register_forward_hook(counted)
    stream = beam_search(model, ids, mask, beams=1, max_tokens=30)
    next(stream)
    next(stream)
    assert hasattr(stream, "close")
    stream.close()
    assert steps == 2
    assert list(stream) == []


def test_decoding_leaves_gradients_as_they_were_for_its_caller() -> None:
    model, (ids, mask) = tiny_model(7), tiny_source(7)
    for _ in beam_search(model, ids, mask, beams=2, max_tokens=3):
        assert torch.is_grad_enabled()
