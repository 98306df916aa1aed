from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import Misconfigured
from generation.calibration import (
    NEVER,
    AnswerWeights,
    CurvePoint,
    Logistic,
    Steps,
    as_json,
    as_weights,
    open_answer_weights,
    sigmoid,
    threshold_for,
    wilson_lower,
)

STEPS = Steps((0.2, 0.6, 0.8), (0.1, 0.3, 0.9))
CURVE = (CurvePoint(0.9, 10, 10), CurvePoint(0.7, 20, 19), CurvePoint(0.6, 30, 25), CurvePoint(0.5, 40, 38))
WEIGHTS = AnswerWeights(
    retrieval=Logistic({"relevance": 1.0}, 0.0),
    writing=Logistic({"score": 2.0}, -1.0),
    balance=Logistic({"lead": 0.5}, 0.25),
    confidence=Logistic({"answered": 1.0}, 0.0),
    straightened=STEPS,
    curve=CURVE,
)


def test_a_logistic_is_that_of_its_formula() -> None:
    assert Logistic({"a": 2.0, "b": -1.0}, 0.5).probability({"a": 1.0, "b": 3.0, "c": 9.0}) == pytest.approx(
        1 / (1 + math.exp(0.5))
    )


def test_a_figure_that_is_not_given_is_an_error_and_no_zero() -> None:
    with pytest.raises(KeyError):
        Logistic({"a": 2.0}, 0.5).probability({"b": 1.0})


def test_no_figure_however_large_makes_certain_or_breaks_the_formula() -> None:
    assert 0 < sigmoid(-1e9) < 1e-12
    assert 1 - 1e-12 < sigmoid(1e9) < 1


@pytest.mark.parametrize(
    ("raw", "straight"), [(0.0, 0.1), (0.2, 0.1), (0.4, 0.2), (0.6, 0.3), (0.7, 0.6), (0.8, 0.9), (1.0, 0.9)]
)
def test_steps_are_straight_between_their_points_and_level_beyond(raw: float, straight: float) -> None:
    assert STEPS.at(raw) == pytest.approx(straight)


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_steps_never_turn_an_order_round(one: float, other: float) -> None:
    low, high = sorted([one, other])
    assert STEPS.at(low) <= STEPS.at(high) + 1e-12


def test_the_threshold_is_the_lowest_that_reaches_the_precision() -> None:
    assert threshold_for(CURVE, 0.95) == 0.5  # 38 of 40, although 25 of 30 do not
    assert threshold_for(CURVE[:3], 0.95) == 0.7
    assert threshold_for(CURVE[:3], 1.0) == 0.9


def test_caution_asks_the_precision_of_the_lower_bound() -> None:
    assert wilson_lower(10, 10) == pytest.approx(0.787, abs=1e-3)
    assert threshold_for(CURVE[:1], 0.95, cautious=True) == NEVER
    assert threshold_for(CURVE, 0.75, cautious=True) == 0.5


def test_a_precision_nothing_reaches_answers_nothing_but_the_certain() -> None:
    assert threshold_for((CurvePoint(0.5, 4, 2),), 0.9) == NEVER
    assert threshold_for((), 0.0) == NEVER
    assert wilson_lower(0, 0) == 0.0


def test_what_is_written_is_read_back_as_it_was() -> None:
    assert as_weights(json.loads(json.dumps(as_json(WEIGHTS)))) == WEIGHTS


def test_the_confidence_is_set_straight() -> None:
    assert WEIGHTS.sure({"answered": 0.0}) == pytest.approx(0.25)  # σ(0) = 0.5, three quarters from 0.1 to 0.3
    assert replace(WEIGHTS, straightened=None).sure({"answered": 0.0}) == pytest.approx(0.5)


def test_without_a_file_there_is_nothing_fitted(tmp_path: Path) -> None:
    assert open_answer_weights(tmp_path / "answers.json") is None


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.pop("writing"),
        lambda told: told.update(balance=[1]),
        lambda told: told.update(curve=[[0.5, "x", 1]]),
        lambda told: told.update(straightened={"x": [0.5, 0.2], "y": [0.1, 0.2]}),
        lambda told: told["confidence"].update(weights={"answered": "much"}),
    ],
)
def test_a_damaged_file_stops_the_start_with_its_name_and_the_remedy(tmp_path: Path, change: object) -> None:
    told = as_json(WEIGHTS)
    change(told)  # type: ignore[operator]
    file = tmp_path / "answers.json"
    file.write_text(json.dumps(told), "utf-8")
    with pytest.raises(Misconfigured, match=r"answers\.json are damaged .* git checkout -- models"):
        open_answer_weights(file)


def test_a_file_that_is_no_json_is_damaged(tmp_path: Path) -> None:
    (tmp_path / "answers.json").write_text("{", "utf-8")
    with pytest.raises(Misconfigured, match="damaged"):
        open_answer_weights(tmp_path / "answers.json")
