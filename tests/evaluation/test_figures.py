from __future__ import annotations

import json

from evaluation.figures import Line, evenly, of_parity, percent, table
from evaluation.metrics import Estimate

NAN = float("nan")
LINES = [
    Line("one", 1200, {"F1": Estimate(0.5, 0.4, 0.6)}),
    Line("two", 3, {"AUROC": Estimate(NAN, NAN, NAN)}),
]


def test_a_cell_is_a_share_with_its_interval_a_dash_or_nothing() -> None:
    assert percent(Estimate(0.1234, 0.1, 0.15)) == "12.3 [10.0–15.0]"
    assert percent(Estimate(NAN, NAN, NAN)) == "–"
    assert percent(None) == ""


def test_lines_may_have_different_measures() -> None:
    made = table("T", LINES, {"commit": "abc"})
    assert made.columns == ("system", "F1", "AUROC", "n")
    assert made.rows == (("one", "50.0 [40.0–60.0]", "", "1,200"), ("two", "", "–", "3"))
    results = json.loads(made.as_json())["results"]
    assert results[0] == {"name": "one", "n": 1200, "F1": {"mean": 0.5, "low": 0.4, "high": 0.6}}
    assert results[1]["AUROC"]["mean"] is None


def test_a_sample_is_spread_evenly() -> None:
    assert evenly(range(10), 4) == [0, 2, 5, 7]
    assert evenly(range(3), 5) == [0, 1, 2]
    assert evenly(range(3), None) == [0, 1, 2]


def test_the_two_halves_never_share_a_group() -> None:
    words = ["ant", "bee", "axe", "cat", "bug", "dog"]
    even, odd = of_parity(words, "even", lambda word: word[0]), of_parity(words, "odd", lambda word: word[0])
    assert (even, odd) == (["ant", "axe", "cat"], ["bee", "bug", "dog"])
    assert of_parity(words, None, lambda word: word[0]) == words
