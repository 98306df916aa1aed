from __future__ import annotations

import pytest

from retrieval.fusion import min_max, reciprocal_rank_fusion, weighted_sum, z_scores


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


def test_min_max_puts_a_list_between_nothing_and_one() -> None:
    assert min_max({"a": 7.0, "b": 4.0, "c": 3.0}) == pytest.approx({"a": 1.0, "b": 0.25, "c": 0.0})


def test_with_the_theoretical_minimum_the_worst_of_a_list_keeps_what_it_is_worth() -> None:
    assert min_max({"a": 0.6, "b": 0.2}, least=-1.0) == pytest.approx({"a": 1.0, "b": 0.75})
    assert min_max({"a": 8.0, "b": 6.0}, least=0.0) == pytest.approx({"a": 1.0, "b": 0.75})


def test_a_list_of_equals_is_all_found_equally_well() -> None:
    assert min_max({"a": 3.0, "b": 3.0}) == {"a": 1.0, "b": 1.0}
    assert min_max({"a": 3.0}, least=0.0) == {"a": 1.0}
    assert min_max({"a": 0.0}, least=0.0) == {"a": 0.0}
    assert min_max({}) == {}


def test_z_scores_count_deviations_from_the_mean_of_the_list() -> None:
    assert z_scores({"a": 8.0, "b": 4.0, "c": 6.0, "d": 6.0}) == pytest.approx(
        {"a": 2**0.5, "b": -(2**0.5), "c": 0.0, "d": 0.0}
    )
    assert z_scores({"a": 5.0, "b": 5.0}) == {"a": 0.0, "b": 0.0}
    assert z_scores({}) == {}


def test_a_sum_of_two_lists_is_their_convex_combination() -> None:
    scores = weighted_sum([{"a": 1.0, "b": 0.5}, {"b": 1.0, "c": 0.2}], [0.8, 0.2])
    assert scores == pytest.approx({"a": 0.8, "b": 0.6, "c": 0.04})


def test_weights_matter_only_beside_each_other() -> None:
    lists = [{"a": 1.0, "b": 0.5}, {"b": 1.0}]
    assert weighted_sum(lists, [4.0, 1.0]) == pytest.approx(weighted_sum(lists, [0.8, 0.2]))


def test_what_a_list_lacks_would_have_been_below_it() -> None:
    assert weighted_sum([{"a": 1.0, "b": -1.0}, {"c": 0.5}], [1.0, 1.0]) == pytest.approx(
        {"a": 0.5, "b": -0.5, "c": -0.25}
    )


def test_every_list_of_a_sum_needs_its_weight() -> None:
    with pytest.raises(ValueError, match="shorter"):
        weighted_sum([{"a": 1.0}, {"b": 1.0}], [1.0])
