"""What noise keeps, how much it takes, and that a seed decides it."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from domain.errors import Misconfigured
from training.noise import corrupt_spans, infill, permute

MASK = -1
FIRST = 10_000  # sentinels count down from here, far above any token


def is_subsequence(part: list[int], whole: list[int]) -> bool:
    rest = iter(whole)
    return all(token in rest for token in part)


@pytest.mark.parametrize("length", [0, 1, 2, 3, 7, 50, 301])
@pytest.mark.parametrize("rate", [0.0, 0.3, 0.9])
def test_what_is_not_infilled_survives_in_order(length: int, rate: float) -> None:
    tokens = list(range(length))
    for seed in range(50):
        noised = infill(tokens, random.Random(seed), MASK, rate)
        assert is_subsequence([token for token in noised if token != MASK], tokens)


def test_infilling_masks_the_rate_on_average() -> None:
    taken = [
        101 - sum(token != MASK for token in infill(range(101), random.Random(seed), MASK, 0.3)) for seed in range(2000)
    ]
    assert sum(taken) / len(taken) == pytest.approx(30.3, abs=0.05)
    assert set(taken) == {30, 31}


def test_every_span_is_one_mask_and_masks_never_touch() -> None:
    for seed in range(200):
        noised = infill(range(200), random.Random(seed), MASK)
        assert all((left, right) != (MASK, MASK) for left, right in pairwise(noised))


def test_spans_are_three_tokens_long_on_average_and_some_hide_nothing() -> None:
    hidden: list[int] = []
    for seed in range(400):
        kept = [-1, *(-2 if t == MASK else t for t in infill(range(300), random.Random(seed), MASK)), 300]
        hidden += [kept[i + 1] - kept[i - 1] - 1 for i, token in enumerate(kept) if token == -2]
    assert sum(hidden) / len(hidden) == pytest.approx(3, abs=0.15)  # the last span of each text is cut short
    assert hidden.count(0) / len(hidden) == pytest.approx(0.05, abs=0.01)  # e⁻³


@pytest.mark.parametrize("length", [0, 1, 2, 3, 7, 50, 301])
@pytest.mark.parametrize("rate", [0.0, 0.15, 0.5, 0.9])
def test_source_and_target_of_corruption_make_up_the_text(length: int, rate: float) -> None:
    tokens = list(range(length))
    for seed in range(50):
        source, target = corrupt_spans(tokens, random.Random(seed), FIRST, rate)
        assert restored(source, target) == tokens


def restored(source: list[int], target: list[int]) -> list[int]:
    """The source with each sentinel replaced by what the target says it hides."""
    hidden: dict[int, list[int]] = {}
    for token in target:
        if token > FIRST - 200:
            hidden[token] = []
            last = token
        else:
            hidden[last].append(token)
    return [found for token in source for found in hidden.get(token, [token])]


def test_sentinels_count_down_and_the_target_ends_with_one_more() -> None:
    source, target = corrupt_spans(range(100), random.Random(0), FIRST)
    wanted = [FIRST - i for i in range(5)]  # 15 tokens in 5 spans
    assert [token for token in source if token > FIRST - 200] == wanted
    assert [token for token in target if token > FIRST - 200] == [*wanted, FIRST - 5]
    assert target[-1] == FIRST - 5


def test_there_are_never_more_spans_than_sentinels() -> None:
    source, target = corrupt_spans(range(400), random.Random(0), FIRST, rate=0.5, mean_span=1, sentinels=20)
    assert sum(token > FIRST - 200 for token in source) == 19
    assert restored(source, target) == list(range(400))


def test_corruption_takes_the_rate_on_average() -> None:
    taken = [
        90 - sum(token < 90 for token in corrupt_spans(range(90), random.Random(seed), FIRST)[0])
        for seed in range(2000)
    ]
    assert sum(taken) / len(taken) == pytest.approx(13.5, abs=0.05)


def test_sentences_are_permuted_whole() -> None:
    sentences = [[1, 2], [3], [4, 5, 6]]
    found = {tuple(permute(sentences, random.Random(seed))) for seed in range(100)}
    assert len(found) == 6
    assert (4, 5, 6, 1, 2, 3) in found


def test_a_seed_decides_the_noise() -> None:
    for make in (lambda rng: infill(range(90), rng, MASK), lambda rng: corrupt_spans(range(90), rng, FIRST)):
        assert make(random.Random(5)) == make(random.Random(5))
        assert make(random.Random(5)) != make(random.Random(6))


def test_noise_that_cannot_be_made_is_refused() -> None:
    with pytest.raises(Misconfigured, match="rate 1"):
        infill([1, 2], random.Random(0), MASK, rate=1)
    with pytest.raises(Misconfigured, match="spans of 0"):
        corrupt_spans([1, 2], random.Random(0), FIRST, mean_span=0)
