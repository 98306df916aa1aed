from __future__ import annotations

import math
import random

import ir_measures
import pytest
from ir_measures import RR, Success

from evaluation.metrics import bootstrap, hit, percentile, reciprocal_rank


def test_measures_agree_with_ir_measures_on_random_rankings() -> None:
    draw = random.Random(0)
    items = [f"p{n}" for n in range(30)]
    for _ in range(50):
        ranked = draw.sample(items, draw.randint(0, 20))
        relevant = frozenset(draw.sample(items, draw.randint(1, 3)))
        run = [ir_measures.ScoredDoc("q", item, -float(rank)) for rank, item in enumerate(ranked)]
        qrels = [ir_measures.Qrel("q", item, 1) for item in relevant]
        names = [Success @ 1, Success @ 5, Success @ 10, RR]
        told = ir_measures.calc_aggregate(names, qrels, run or [ir_measures.ScoredDoc("q", "none", 0.0)])
        assert [hit(ranked, relevant, k) for k in (1, 5, 10)] == [told[Success @ k] for k in (1, 5, 10)]
        assert reciprocal_rank(ranked, relevant) == pytest.approx(told[RR])


def test_the_interval_of_a_share_is_the_binomial_one() -> None:
    estimate = bootstrap([1.0] * 300 + [0.0] * 700)
    width = 1.96 * math.sqrt(0.3 * 0.7 / 1000)
    assert estimate.mean == pytest.approx(0.3)
    assert estimate.low == pytest.approx(0.3 - width, abs=0.004)
    assert estimate.high == pytest.approx(0.3 + width, abs=0.004)


def test_the_interval_is_the_same_every_time_and_nothing_without_spread() -> None:
    values = [0.0, 1.0, 0.5, 0.25]
    assert bootstrap(values, seed=3) == bootstrap(values, seed=3)
    certain = bootstrap([0.5] * 10)
    assert (certain.low, certain.mean, certain.high) == (0.5, 0.5, 0.5)


def test_no_values_give_no_numbers() -> None:
    assert math.isnan(bootstrap([]).mean)
    assert math.isnan(percentile([], 0.5))


def test_percentiles_lie_between_neighbours() -> None:
    assert percentile([4.0, 1.0, 2.0, 3.0], 0.5) == 2.5
    assert percentile([1.0, 2.0], 0.95) == pytest.approx(1.95)
