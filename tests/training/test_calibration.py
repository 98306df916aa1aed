"""Platt scaling and AUROC against plain definitions."""

from __future__ import annotations

import math
import random

import pytest

from training.calibration import fit_platt, roc_auc


def test_platt_finds_the_slope_that_made_the_labels() -> None:
    rng = random.Random(0)
    scores = [rng.gauss(0, 1) for _ in range(4000)]
    labels = [int(rng.random() < 1 / (1 + math.exp(-(2 * s - 1)))) for s in scores]
    a, b = fit_platt(scores, labels)
    assert a == pytest.approx(2, abs=0.2)
    assert b == pytest.approx(-1, abs=0.2)


def test_separable_scores_do_not_give_an_infinite_slope() -> None:
    a, _ = fit_platt([-1.0, -2.0, 1.0, 2.0], [0, 0, 1, 1])
    assert 0 < a < 20


@pytest.mark.parametrize("seed", range(5))
def test_auroc_is_the_share_of_pairs_in_the_right_order(seed: int) -> None:
    rng = random.Random(seed)
    scores = [float(rng.randint(0, 5)) for _ in range(40)]
    labels = [rng.randint(0, 1) for _ in scores]
    pairs = [
        (p, n)
        for p, yes in zip(scores, labels, strict=True)
        if yes
        for n, no in zip(scores, labels, strict=True)
        if not no
    ]
    plain = sum((p > n) + 0.5 * (p == n) for p, n in pairs) / len(pairs)
    assert roc_auc(scores, labels) == pytest.approx(plain)


def test_auroc_of_one_class_is_no_number() -> None:
    assert math.isnan(roc_auc([1.0, 2.0], [1, 1]))
