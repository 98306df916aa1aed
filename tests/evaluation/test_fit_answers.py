from __future__ import annotations

import random
from dataclasses import replace

import pytest

from domain.answer import AnswerKind
from evaluation.fit_answers import (
    FOLDS,
    Outcome,
    System,
    answered,
    as_served,
    believed,
    cross_answered,
    cross_scored,
    cross_straightened,
    example,
    fit_all,
    fit_balance,
    fit_logistic,
    folds,
    isotonic,
    precision_curve,
    straightened,
    straightest,
)
from evaluation.metrics import calibration_error
from evaluation.weighting_turns import ARTICLES, OPENED, Wanted
from generation.calibration import AnswerWeights, CurvePoint, Logistic
from generation.weighting import WeightingOptions, chosen
from tests.evaluation.weighed import by_evidence, turn, turns

TURNS = turns(30)
EXAMPLES = [example(one, one.prepared.scored(by_evidence)) for one in TURNS]


def overconfident(count: int = 400) -> list[tuple[float, bool]]:
    """Says 0.9 and 0.6, is right 60 and 30 times of 100."""
    draw = random.Random(1)
    said = [draw.choice([0.9, 0.6]) for _ in range(count)]
    return [(p, draw.random() < p - 0.3) for p in said]


def test_candidates_are_judged_by_the_facts_of_the_turn() -> None:
    one = example(turn(7), turn(7).prepared.scored(by_evidence))
    assert {made.text: right for made, right in zip(one.made, one.right, strict=True)} == {
        "Plan 7 costs £7 a month.": True,
        "Harbour 7 opens for £5000.": False,
        "Plan 7 costs £7.": True,
    }
    none = example(turn(7, answerable=False), turn(7).prepared.scored(by_evidence))
    assert not any(none.right)


def test_passages_and_keys_decide_where_there_are_no_facts() -> None:
    assert Wanted("", passages=frozenset({"a"})).is_met_by("x", ["b", "a"])
    assert not Wanted("", passages=frozenset({"a"})).is_met_by("x", ["b"])
    assert Wanted("", keys=("assword", "x")).is_met_by("The Password.", [])
    assert not Wanted("").is_met_by("anything", ["a"])


def test_turns_of_one_conversation_share_a_fold() -> None:
    told = {one.group: fold for one, fold in zip(TURNS, folds(TURNS), strict=True)}
    assert [told[one.group] for one in TURNS] == folds(TURNS)
    assert set(folds(TURNS)) == set(range(FOLDS))


def test_logistic_weights_point_where_the_truth_lies() -> None:
    draw = random.Random(0)
    rows = [({"a": draw.gauss(0, 1), "b": draw.gauss(0, 1)}, False) for _ in range(300)]
    rows = [(figures, figures["a"] > draw.gauss(0, 0.5)) for figures, _ in rows]
    held, free = fit_logistic(rows, ("a", "b")), fit_logistic(rows, ("a", "b"), ("a",))
    assert 0 < held.weights["a"] < free.weights["a"]
    assert abs(held.weights["b"]) < 0.2 * held.weights["a"]
    assert fit_logistic(rows[:1], ("a", "b")).probability({"a": 3.0, "b": 0.0}) == 0.5


def test_sure_turns_come_out_more_confident_than_unsure_ones() -> None:
    weights = fit_all(EXAMPLES)
    told = [one.pair[0] for one in answered(EXAMPLES, System("all"), weights)]
    assert min(told[0::2]) > max(told[1::2])


def test_the_balance_leans_to_the_side_that_tells_right_from_wrong() -> None:
    misleading, telling = Logistic({"rank": 8.0}, -4.0), Logistic({"score": 1.0}, 0.0)  # the first passage is right
    blank = Logistic({}, 0.0)
    text_knows = fit_balance(EXAMPLES, AnswerWeights(misleading, telling, blank, blank))
    source_knows = fit_balance(EXAMPLES, AnswerWeights(telling, misleading, blank, blank))
    first = chosen(EXAMPLES[0].found, EXAMPLES[0].made, WeightingOptions())
    assert first is not None
    assert first.weighting is not None
    figures = {name: first.weighting.features[f"turn_{name}"] for name in text_knows.weights}
    assert text_knows.probability(figures) < 0.45
    assert source_knows.probability(figures) > 0.55
    assert fit_balance([], AnswerWeights(misleading, telling, blank, blank)).probability(figures) == 0.5


def test_a_system_takes_its_own_candidates_only() -> None:
    drafts = System("drafts", WeightingOptions("fixed", 0.5), frozenset({AnswerKind.GENERATED}))
    told = cross_answered(EXAMPLES, folds(TURNS), drafts)
    assert {one.answer.kind for one in told if one.answer} == {AnswerKind.GENERATED}
    assert len(told) == len(TURNS)
    nothing = Outcome(System("none", kinds=frozenset()).candidates(EXAMPLES[0]), None)
    assert nothing.pair == (0.0, False)


def test_no_turn_is_scored_by_its_own_fold() -> None:
    scored = cross_scored(TURNS, folds(TURNS))
    assert [one.turn for one in scored] == TURNS
    changed = [turn(1, sure=0.9, right=False), *TURNS[1:]]
    again = cross_scored(changed, folds(changed))
    assert again[0].found.readings == scored[0].found.readings  # its own label changed nothing


def test_isotonic_pools_what_falls() -> None:
    steps = isotonic([(0.1, False), (0.2, True), (0.3, False), (0.9, True)])
    assert steps.x == pytest.approx((0.1, 0.25, 0.9))
    assert steps.y == (0.0, 0.5, 1.0)
    assert isotonic([(0.5, True), (0.5, False), (0.7, True)]).y == (0.5, 1.0)  # equals are one step


@pytest.mark.parametrize("how", ["platt", "isotonic"])
def test_an_overconfident_assistant_is_set_straight(how: str) -> None:
    pairs = overconfident()
    own = [n % FOLDS for n in range(len(pairs))]
    straight = cross_straightened("platt" if how == "platt" else "isotonic", pairs, own)
    assert calibration_error(pairs, 10) > 0.25
    assert calibration_error(straight, 10) < 0.06
    assert straightest(pairs, own)[0] != "none"


def test_setting_straight_is_part_of_what_ships() -> None:
    weights, pairs = fit_all(EXAMPLES), overconfident()
    plain = weights.sure(figures := dict.fromkeys(weights.confidence.weights, 0.5))
    assert straightened(weights, "none", pairs).sure(figures) == pytest.approx(plain, abs=1e-3)
    assert straightened(weights, "isotonic", pairs).straightened == isotonic(pairs)
    assert straightened(weights, "platt", pairs).confidence != weights.confidence


def test_the_curve_counts_from_the_surest() -> None:
    assert precision_curve([(0.5, False), (0.9, True), (0.5, True)]) == (CurvePoint(0.9, 1, 1), CurvePoint(0.5, 3, 2))


def test_figures_are_about_conversations_and_confidence_also_about_first_messages_and_small_bases() -> None:
    first, small, easy = (replace(turn(1), source=source) for source in (OPENED, ARTICLES, "questions"))
    every = [*TURNS, first, small, easy]
    assert as_served(every, lambda one: one) == TURNS
    assert believed(every, lambda one: one) == [*TURNS, first, small]


def test_first_messages_teach_the_confidence_and_nothing_else() -> None:
    wrong = [replace(turn(n, sure=0.9, right=False), source=OPENED) for n in range(1, 41)]
    without, taught = (
        fit_all(EXAMPLES),
        fit_all([*EXAMPLES, *(example(one, one.prepared.scored(by_evidence)) for one in wrong)]),
    )
    assert (taught.retrieval, taught.writing, taught.balance) == (without.retrieval, without.writing, without.balance)
    sure = chosen(EXAMPLES[0].found, EXAMPLES[0].made, WeightingOptions(), without)
    doubted = chosen(EXAMPLES[0].found, EXAMPLES[0].made, WeightingOptions(), taught)
    assert sure is not None
    assert doubted is not None
    assert doubted.confidence < sure.confidence - 0.1
