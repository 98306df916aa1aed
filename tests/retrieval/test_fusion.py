from __future__ import annotations

import pytest

from retrieval.fusion import reciprocal_rank_fusion


def test_scores_are_the_sums_of_the_papers_formula() -> None:
    scores = reciprocal_rank_fusion([["a", "b", "c"], ["c", "a"]])
    assert scores == pytest.approx({"a": 1 / 61 + 1 / 62, "b": 1 / 62, "c": 1 / 63 + 1 / 61})


def test_a_weight_scales_what_its_ranking_gives() -> None:
    scores = reciprocal_rank_fusion([["a"], ["b"]], k=9, weights=[1.0, 0.5])
    assert scores == pytest.approx({"a": 0.1, "b": 0.05})


def test_found_by_both_beats_first_in_one() -> None:
    scores = reciprocal_rank_fusion([["x", "both"], ["y", "both"]])
    assert max(scores, key=lambda item: scores[item]) == "both"


def test_no_rankings_and_empty_rankings_give_nothing() -> None:
    assert reciprocal_rank_fusion([]) == {}
    assert reciprocal_rank_fusion([[], []]) == {}


def test_a_ranking_that_repeats_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="twice"):
        reciprocal_rank_fusion([["a", "a"]])


def test_every_ranking_needs_its_weight() -> None:
    with pytest.raises(ValueError, match="shorter"):
        reciprocal_rank_fusion([["a"], ["b"]], weights=[1.0])
