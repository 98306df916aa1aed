from __future__ import annotations

import math
import random

import ir_measures
import pytest
from ir_measures import RR, Success

from evaluation.metrics import (
    accuracy_at_coverage,
    area_under_risk,
    best_threshold,
    bootstrap,
    bootstrap_clusters,
    bootstrap_statistic,
    calibration_error,
    coverage_at_precision,
    f1_at,
    hit,
    percentile,
    reciprocal_rank,
    reliability,
    risk_coverage,
)


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


def test_an_interval_over_clusters_is_wide_when_clusters_differ() -> None:
    clusters = [n // 10 for n in range(400)]
    alike = [float(n % 2) for n in range(400)]
    apart = [float(n // 10 % 2) for n in range(400)]
    narrow, wide = bootstrap_clusters(alike, clusters), bootstrap_clusters(apart, clusters)
    assert narrow.mean == wide.mean == 0.5
    assert (narrow.low, narrow.high) == (0.5, 0.5)
    width = 1.96 * math.sqrt(0.25 / 40)
    assert [wide.low, wide.high] == pytest.approx([0.5 - width, 0.5 + width], abs=0.03)


def test_clusters_of_one_are_a_plain_bootstrap() -> None:
    values = [float(n % 3 == 0) for n in range(300)]
    plain, clustered = bootstrap(values), bootstrap_clusters(values, range(300))
    assert clustered.mean == plain.mean
    assert [clustered.low, clustered.high] == pytest.approx([plain.low, plain.high], abs=0.01)
    assert math.isnan(bootstrap_clusters([], []).mean)


def test_the_interval_of_any_statistic_draws_whole_groups() -> None:
    found = bootstrap_statistic([[1.0, 1.0], [0.0]], lambda values: sum(values) / len(values))
    assert found.mean == pytest.approx(2 / 3)
    assert (found.low, found.high) == (0.0, 1.0)
    assert math.isnan(bootstrap_statistic([], lambda values: float("nan")).mean)


def test_the_best_threshold_is_that_of_trying_all() -> None:
    draw = random.Random(4)
    for _ in range(50):
        pairs = [(draw.randint(0, 5) / 5, draw.random() < 0.4) for _ in range(draw.randint(1, 12))]
        tried = {score: naive_f1(pairs, score) for score, _ in pairs}
        chosen = best_threshold(pairs)
        assert f1_at(pairs, chosen) == pytest.approx(naive_f1(pairs, chosen))
        assert naive_f1(pairs, chosen) == pytest.approx(max(tried.values()))


def naive_f1(pairs: list[tuple[float, bool]], threshold: float) -> float:
    right = sum(truth for score, truth in pairs if score >= threshold)
    wrong = sum(not truth for score, truth in pairs if score >= threshold)
    missed = sum(truth for score, truth in pairs if score < threshold)
    return 2 * right / (2 * right + wrong + missed) if right + wrong + missed else 0.0


def test_the_calibration_error_of_two_bins_by_hand() -> None:
    pairs = [(0.9, True), (0.7, False), (0.2, False), (0.4, True), (0.5, True)]
    # (0, 0.5]: confidence 1.1 of 3, right 2 of 3; (0.5, 1]: confidence 1.6 of 2, right 1 of 2
    assert calibration_error(pairs, bins=2) == pytest.approx((abs(2 - 1.1) + abs(1 - 1.6)) / 5)
    assert calibration_error([(1.0, True), (0.0, False)]) == 0.0
    assert math.isnan(calibration_error([]))


def test_accuracy_rises_where_the_surest_are_right() -> None:
    pairs = [(0.9, True), (0.1, False), (0.8, True), (0.5, False)]
    assert [accuracy_at_coverage(pairs, share) for share in (0.25, 0.5, 0.75, 1.0)] == [1.0, 1.0, 2 / 3, 0.5]
    assert accuracy_at_coverage(pairs, 0.01) == 1.0


PAIRS = [(0.9, True), (0.8, True), (0.8, False), (0.3, True), (0.1, False)]


def test_the_bars_of_a_reliability_diagram_hold_counts_means_and_shares() -> None:
    told = [(b.low, b.high, b.count, round(b.confidence, 3), round(b.accuracy, 3)) for b in reliability(PAIRS, 5)]
    assert told == [(0.0, 0.2, 1, 0.1, 0.0), (0.2, 0.4, 1, 0.3, 1.0), (0.6, 0.8, 2, 0.8, 0.5), (0.8, 1.0, 1, 0.9, 1.0)]
    assert reliability([(0.0, False)], 5)[0].low == 0.0


def test_the_gaps_of_the_bars_add_up_to_the_calibration_error() -> None:
    bars = reliability(PAIRS, 15)
    assert sum(b.count * abs(b.accuracy - b.confidence) for b in bars) / len(PAIRS) == pytest.approx(
        calibration_error(PAIRS, 15)
    )


def test_risk_is_told_for_each_distinct_confidence() -> None:
    assert risk_coverage(PAIRS) == [
        (0.2, 0.0),
        (0.6, pytest.approx(1 / 3)),
        (0.8, pytest.approx(1 / 4)),
        (1.0, pytest.approx(2 / 5)),
    ]
    assert risk_coverage([]) == []


def test_the_area_under_risk_is_the_mean_over_all_coverages_ties_shared() -> None:
    expected = (0 + 0.5 / 2 + 1 / 3 + 1 / 4 + 2 / 5) / 5
    assert area_under_risk(PAIRS) == pytest.approx(expected)
    assert area_under_risk([(0.9, True), (0.2, False)]) == pytest.approx(0.25)
    assert area_under_risk([(0.2, True), (0.9, False)]) == pytest.approx(0.75)
    assert math.isnan(area_under_risk([]))


def test_the_area_does_not_depend_on_the_order_of_equals() -> None:
    draw = random.Random(3)
    pairs = [(draw.choice([0.2, 0.5, 0.7]), draw.random() < 0.6) for _ in range(40)]
    shuffled = draw.sample(pairs, len(pairs))
    assert area_under_risk(pairs) == pytest.approx(area_under_risk(shuffled))


def test_coverage_at_a_precision_is_the_largest_that_one_threshold_gives() -> None:
    assert coverage_at_precision(PAIRS, 0.95) == 0.2
    assert coverage_at_precision(PAIRS, 0.75) == 0.8  # 2 of 3 were too few, 3 of 4 are enough again
    assert coverage_at_precision(PAIRS, 0.6) == 1.0
    assert coverage_at_precision([(0.9, False)], 0.5) == 0.0
    assert coverage_at_precision([(1 - n / 100, n != 7) for n in range(20)], 0.95) == 1.0  # 19 of 20, whatever rounding
    assert math.isnan(coverage_at_precision([], 0.5))
