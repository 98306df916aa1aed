"""Noise to learn from: text infilling and sentence permutation (BART), span corruption (T5). Pure functions of tokens.

Each is decided by the random generator it is given alone.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence

from domain.errors import Misconfigured


def infill(
    tokens: Sequence[int], rng: random.Random, mask_id: int, rate: float = 0.3, mean_span: float = 3.0
) -> list[int]:
    """Text infilling (Lewis et al. 2020): spans of Poisson(``mean_span``) length each become one ``mask_id``.

    ``rate`` of the tokens is masked (the fraction of a token by chance, so that the mean is exact). A span of length 0
    puts a mask where nothing is missing. Spans never touch, so that each mask stands for one span; all placements
    are equally likely.
    """
    _check(rate, mean_span)
    budget = int(rate * len(tokens) + rng.random())
    spans = _poisson_lengths(budget, mean_span, rng)
    kept = len(tokens) - sum(spans)
    gaps = dict(zip(rng.sample(range(kept + 1), min(len(spans), kept + 1)), _merged(spans, kept + 1), strict=True))
    noised: list[int] = []
    at = 0
    for gap in range(kept + 1):
        if gap in gaps:
            noised.append(mask_id)
            at += gaps[gap]
        if gap < kept:
            noised.append(tokens[at])
            at += 1
    return noised


def corrupt_spans(
    tokens: Sequence[int],
    rng: random.Random,
    first_sentinel: int,
    rate: float = 0.15,
    mean_span: float = 3.0,
    sentinels: int = 100,
) -> tuple[list[int], list[int]]:
    """Span corruption (Raffel et al. 2020): the source with a sentinel for each span, the target with what it hides.

    Sentinels count down from ``first_sentinel`` as T5's ids do, ``sentinels`` of them at most; the target ends with
    one more. About ``rate`` of the tokens go, in spans of ``mean_span`` on average; kept and hidden stretches are
    never empty, and the source begins with a kept one.
    """
    _check(rate, mean_span)
    hidden = min(int(rate * len(tokens) + rng.random()), len(tokens) - 1)
    if hidden < 1:
        return list(tokens), [first_sentinel]
    count = min(max(1, round(hidden / mean_span)), hidden, len(tokens) - hidden, sentinels - 1)
    source: list[int] = []
    target: list[int] = []
    at = 0
    for i, (keep, hide) in enumerate(
        zip(_parts(len(tokens) - hidden, count, rng), _parts(hidden, count, rng), strict=True)
    ):
        source += [*tokens[at : at + keep], first_sentinel - i]
        target += [first_sentinel - i, *tokens[at + keep : at + keep + hide]]
        at += keep + hide
    return source, [*target, first_sentinel - count]


def permute(sentences: Sequence[Sequence[int]], rng: random.Random) -> list[int]:
    """Sentence permutation (Lewis et al. 2020): the sentences in random order, as one run of tokens."""
    return [token for sentence in rng.sample(sentences, len(sentences)) for token in sentence]


def _poisson_lengths(budget: int, mean: float, rng: random.Random) -> list[int]:
    """Lengths drawn from Poisson(``mean``) until they make up ``budget``; the last is cut to fit."""
    lengths: list[int] = []
    left = budget
    while left > 0:
        lengths.append(min(_poisson(mean, rng), left))
        left -= lengths[-1]
    return lengths


def _poisson(mean: float, rng: random.Random) -> int:
    """Knuth's product of uniforms (1969): quick for small means."""
    floor, product, count = math.exp(-mean), rng.random(), 0
    while product > floor:
        product *= rng.random()
        count += 1
    return count


def _merged(spans: list[int], most: int) -> list[int]:
    """At most ``most`` spans: what is too many for the gaps is added to the last."""
    return spans if len(spans) <= most else [*spans[: most - 1], sum(spans[most - 1 :])]


def _parts(total: int, count: int, rng: random.Random) -> list[int]:
    """``total`` cut into ``count`` positive whole numbers, all ways equally likely."""
    cuts = [0, *sorted(rng.sample(range(1, total), count - 1)), total]
    return [right - left for left, right in itertools.pairwise(cuts)]


def _check(rate: float, mean_span: float) -> None:
    if not 0 <= rate < 1 or mean_span <= 0:
        raise Misconfigured(
            f"Noise of rate {rate} in spans of {mean_span} tokens cannot be made; give a rate from 0 to below 1 and "
            "spans above 0."
        )
