"""Temperature against a brute-force grid, calibration error against numbers worked out by hand."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from training.calibration import COLDEST, HOTTEST, expected_calibration_error, fit_temperature, negative_log_likelihood


@pytest.mark.parametrize("seed", range(4))
def test_temperature_is_that_of_a_fine_grid(seed: int) -> None:
    rng = random.Random(seed)
    true = 0.4 * 2**seed
    logits = np.array([rng.gauss(0, 3) for _ in range(300)])
    labels = [int(rng.random() < 1 / (1 + math.exp(-s / true))) for s in logits]
    grid = np.exp(np.linspace(math.log(COLDEST), math.log(HOTTEST), 5_001))
    best = min(grid, key=lambda t: negative_log_likelihood(logits / t, labels))
    assert fit_temperature(logits.tolist(), labels) == pytest.approx(best, rel=2e-3)


def test_logits_that_separate_are_sharpened_to_the_bound_alone() -> None:
    assert fit_temperature([-1.0, 1.0], [0, 1]) == pytest.approx(COLDEST, rel=1e-6)
    assert fit_temperature([-1.0, 1.0], [1, 0]) == pytest.approx(HOTTEST, rel=1e-6)


def test_the_likelihood_is_that_of_the_sigmoid() -> None:
    by_hand = -(math.log(1 / (1 + math.exp(-2))) + math.log(1 - 1 / (1 + math.exp(1)))) / 2
    assert negative_log_likelihood([2.0, -1.0], [1, 0]) == pytest.approx(by_hand)


def test_calibration_error_by_hand() -> None:
    # two bins: (0, .5] holds .2, .4 and .5 with one label of three, (.5, 1] holds .9 and 1 with two of two
    # 3/5 · |1/3 − 1.1/3| + 2/5 · |1 − .95| = .02 + .02
    error = expected_calibration_error([0.2, 0.4, 0.5, 0.9, 1.0], [0, 0, 1, 1, 1], bins=2)
    assert error == pytest.approx(0.04)


def test_probabilities_of_nought_and_one_have_bins() -> None:
    assert expected_calibration_error([0.0, 1.0], [0, 1]) == 0
    assert expected_calibration_error([0.0, 1.0], [1, 0]) == 1


def test_calibration_error_of_nothing_is_no_number() -> None:
    assert math.isnan(expected_calibration_error([], []))
