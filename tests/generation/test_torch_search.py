"""Beam search against the plain list of all texts."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from generation.torch_search import Beams

END, VOCABULARY = 0, 4
SEEDS = range(6)


def language(seed: int) -> Callable[[tuple[int, ...]], Tensor]:
    """log p(v|beginning) (V,), another one for every beginning."""

    def next_token(beginning: tuple[int, ...]) -> Tensor:
        drawn = torch.Generator().manual_seed(hash((seed, beginning)) % 2**31)  # of ints: the same in every run
        return (3 * torch.randn(VOCABULARY, generator=drawn)).log_softmax(0)

    return next_token


def searched(seed: int, width: int, longest: int) -> Beams:
    *_, beams = steps(seed, width, longest)
    return beams


def steps(seed: int, width: int, longest: int) -> Iterator[Beams]:
    says, beams = language(seed), Beams(width, frozenset([END]))
    for left in reversed(range(longest)):
        beams.advance(torch.stack([says(ids) for ids in beams.live]), last=not left)
        yield beams
        if beams.is_over:
            return


def log_p(seed: int, ids: tuple[int, ...]) -> float:
    says = language(seed)
    return sum(float(says(ids[:i])[token]) for i, token in enumerate(ids))


@pytest.mark.parametrize("seed", SEEDS)
def test_enough_beams_find_the_best_of_all_texts(seed: int) -> None:
    tokens = [token for token in range(VOCABULARY) if token != END]
    ended = [(*said, END) for n in range(3) for said in itertools.product(tokens, repeat=n)]
    cut = list(itertools.product(tokens, repeat=3))
    best = max(ended + cut, key=lambda ids: log_p(seed, ids) / len(ids))
    found = searched(seed, VOCABULARY**3, 3).done[0]
    assert (*found.ids, *([END] if found.finished else [])) == best
    assert found.log_probability == pytest.approx(log_p(seed, best), abs=1e-4)


@pytest.mark.parametrize("seed", SEEDS)
def test_one_beam_takes_the_likeliest_token_until_that_is_the_end(seed: int) -> None:
    says, said = language(seed), list[int]()
    while len(said) < 6 and (not said or said[-1] != END):
        said.append(int(says(tuple(said)).argmax()))
    (found,) = searched(seed, 1, 6).done
    assert [*found.ids, *([END] if found.finished else [])] == said


@pytest.mark.parametrize("seed", SEEDS)
def test_hypotheses_are_distinct_best_first_and_at_most_as_many_as_beams(seed: int) -> None:
    done = searched(seed, 3, 6).done
    assert 1 <= len(done) <= 3
    assert len({one.ids for one in done}) == len(done)
    assert [one.score for one in done] == sorted((one.score for one in done), reverse=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_certain_grows_and_begins_every_live_beam(seed: int) -> None:
    before: tuple[int, ...] = ()
    for beams in steps(seed, 3, 7):
        if beams.live:
            certain = beams.certain()
            assert certain[: len(before)] == before
            assert all(ids[: len(certain)] == certain for ids in beams.live)
            assert len({ids[len(certain) : len(certain) + 1] for ids in beams.live}) > 1 or len(beams.live) == 1
            before = certain


def test_the_limit_cuts_off_and_says_so() -> None:
    beams = Beams(2, frozenset([END]))
    beams.advance(torch.tensor([[0.1, 0.6, 0.3, 0.0]]).log(), last=True)
    assert beams.is_over
    assert [(one.ids, one.finished) for one in beams.done] == [((1,), False), ((2,), False)]


def test_an_impossible_token_is_never_taken() -> None:
    beams = Beams(3, frozenset([END]))
    beams.advance(torch.tensor([[0.0, 1.0, 0.0, 0.0]]).log())
    assert beams.live == [(1,)]


def test_a_forced_beginning_counts_as_certain() -> None:
    beams = Beams(1, frozenset([END]), (2,))
    beams.advance(torch.tensor([[0.5, 0.2, 0.2, 0.1]]).log())
    assert [(one.ids, one.finished) for one in beams.done] == [((2,), True)]
    assert beams.done[0].log_probability == pytest.approx(math.log(0.5))
    assert beams.done[0].score == pytest.approx(math.log(0.5) / 2)


def test_the_search_ends_when_no_live_beam_can_be_among_the_results() -> None:
    beams = Beams(2, frozenset([END]))
    beams.advance(torch.tensor([[0.5, 0.5, 0.0, 0.0]]).log())
    assert not beams.is_over  # one text has ended, two are wanted
    beams.advance(torch.tensor([[0.9, 0.05, 0.05, 0.0]]).log())
    assert [one.ids for one in beams.done] == [(1,), ()]
    assert beams.is_over
