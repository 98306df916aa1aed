from __future__ import annotations

from corpora.doc2dial import GoldTurn, GroundedTurn
from domain.passage import Passage, RetrievedPassage
from evaluation.fit_fusion import Example, cross_validated, example, figures, fit, report
from retrieval.fusion_weights import FEATURES


def examples(count: int, telling: str = "bm25_score", other: str = "dense_score") -> list[Example]:
    """In each the answer is third by ``other`` and best by ``telling``."""
    found = []
    for n in range(count):
        rows = tuple({other: 0.5 - 0.01 * place, telling: 9.0 if place == 2 else 1.0 + n % 3} for place in range(5))
        found.append(Example(f"doc{n % 6}", tuple(f"{n}#{place}" for place in range(5)), rows, frozenset({f"{n}#2"})))
    return found


def test_the_signal_that_tells_gets_the_weight() -> None:
    weights = dict(zip(FEATURES, fit(examples(12)).weights, strict=True))
    assert weights["bm25_score"] > 1
    assert weights["dense_place"] == weights["bm25_place"] == 0.0


def test_fitted_weights_put_the_answer_first() -> None:
    given = examples(12)
    weights = fit(given)
    assert [one.ranked(weights)[0] for one in given] == [f"{n}#2" for n in range(12)]
    assert [one.ranked(None)[0] for one in given] == [f"{n}#0" for n in range(12)]


def test_turns_whose_lists_hold_no_answer_teach_nothing() -> None:
    lost = [Example("d", ("a#1",), ({"dense_score": 0.5},), frozenset({"b#1"}))]
    assert fit(lost).weights == (0.0,) * len(FEATURES)
    assert fit([*examples(4), *lost]) == fit(examples(4))


def test_each_document_is_ordered_by_weights_that_did_not_see_it() -> None:
    """All that one document teaches is the opposite of the others: held out, it is ordered wrongly."""
    usual = [one for one in examples(12) if one.document != "doc0"]
    odd = [one for one in examples(12, telling="dense_score", other="bm25_score") if one.document == "doc0"]
    ranked = cross_validated([*usual, *odd])
    assert all(ids[0].endswith("#2") for ids in ranked[: len(usual)])
    assert not any(ids[0].endswith("#2") for ids in ranked[len(usual) :])


def test_figures_are_in_per_cent() -> None:
    given = examples(2)
    assert figures([one.ranked(None) for one in given], given) == {"R@1": 0.0, "R@5": 100.0, "R@10": 100.0, "MRR": 33.3}


def test_the_report_says_what_the_weights_are_worth_and_on_what() -> None:
    told = report(examples(12))
    assert told["fitted_on"] == "12 turns about 6 training documents"
    assert told["cross_validated"] == {"R@1": 100.0, "R@5": 100.0, "R@10": 100.0, "MRR": 100.0}
    assert told["reciprocal_rank_fusion"] == {"R@1": 0.0, "R@5": 100.0, "R@10": 100.0, "MRR": 33.3}


def test_an_example_keeps_what_the_lists_hold_in_their_order() -> None:
    turn = GoldTurn(GroundedTurn("t1", "q", (), "d9", "f", "g", 0), frozenset({"b#1"}))
    lists = [
        RetrievedPassage(Passage(id_, "d", "", "", "", (0, 1)), 1.0, n, {"x": n})
        for n, id_ in enumerate(("b#1", "a#1"), 1)
    ]
    assert example(turn, lists) == Example("d9", ("b#1", "a#1"), ({"x": 1}, {"x": 2}), frozenset({"b#1"}))
