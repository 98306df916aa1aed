from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.answer import Answer, AnswerKind, Removal
from domain.conversation import Gate, Query, Turn
from domain.protocols import Draft
from generation.calibration import AnswerWeights, Logistic, Steps
from generation.weighting import BALANCE, CONFIDENCE, CandidateWeigher, WeightingOptions, adaptive_weight
from memory.codec import decode_turn, encode_turn
from retrieval.sentences import sentence_spans
from tests.generation.evidence import ToldReader, passage

MOVING = "Moving fibre costs £20. Tell us 14 days before the move. The fee does not apply to Basics customers."
ROUTER = "The router is free. Return the router within 30 days."
EVIDENCE = [passage(1, MOVING, "Moving"), passage(2, ROUTER, "Routers"), passage(3, "Voicemail is dialled with 1571.")]
QUESTION = Query("what does moving fibre cost", "what does moving fibre cost")
ADAPTIVE = WeightingOptions()
SCORES = {"£20": 0.9, "14 days": 0.5, "Basics": 0.4, "free": 0.6, "Return": 0.55, "1571": 0.6}


def weigher(options: WeightingOptions = ADAPTIVE, **relevance: float) -> CandidateWeigher:
    return CandidateWeigher(ToldReader({"p1": 0.9, "p2": 0.2, "p3": 0.05} | relevance, SCORES), sentence_spans, options)


def draft(text: str, per_token: float = 0.9, tokens: int = 10, origin: str = "beam 1") -> Draft:
    return Draft(text, tokens * math.log(per_token), tokens, origin)


def proposed(*drafts: Draft, options: WeightingOptions = ADAPTIVE, **relevance: float) -> Answer:
    answer = weigher(options, **relevance).propose(QUESTION, EVIDENCE, drafts)
    assert answer is not None
    return answer


def test_without_evidence_there_is_nothing_to_propose() -> None:
    assert weigher().propose(QUESTION, [], [draft("Moving fibre costs £20.")]) is None


def test_evidence_without_a_sentence_proposes_nothing() -> None:
    assert weigher().propose(QUESTION, [passage(1, "Fees:")], [draft("Moving fibre costs £20.")]) is None


def test_without_drafts_the_best_quote_answers() -> None:
    answer = proposed()
    assert (answer.text, answer.kind) == ("Moving fibre costs £20.", AnswerKind.QUOTED)
    (citation,) = answer.citations
    assert (citation.marker, citation.passage_id, citation.quote) == (1, "p1", "Moving fibre costs £20.")
    assert citation.sentence == (0, len(answer.text))


def test_an_unsupported_sentence_of_a_draft_is_dropped() -> None:
    told = "Moving fibre costs £20. Our team in Narnia dances on Sundays. The fee does not apply to Basics."
    answer = proposed(draft(told, 0.999))
    assert answer.weighting is not None
    (candidate,) = (one for one in answer.weighting.candidates if one.origin == "beam 1")
    assert candidate.text == "Moving fibre costs £20. The fee does not apply to Basics."


@pytest.mark.parametrize(
    "wrong",
    [
        "Moving fibre costs £25.",
        "Tell us 24 days before the move.",
        "The fee does apply to Basics customers.",
        "Voicemail is dialled with 1572.",
        "Something else altogether is said.",
        "The fee for moving fibre is £20.",
        "What does moving fibre cost?",
        "The Moving › fibre costs £20.",
        "Moving fibre",
        "",
    ],
)
def test_a_draft_that_changes_a_fact_or_says_nothing_is_no_candidate(wrong: str) -> None:
    answer = proposed(draft(wrong, 0.999))
    assert answer.weighting is not None
    assert {one.kind for one in answer.weighting.candidates} == {AnswerKind.QUOTED}


def test_a_draft_that_stammers_is_mended_and_the_trace_says_so() -> None:
    answer = proposed(draft("Moving fibre costs moving fibre costs £20.", 0.999))
    assert answer.weighting is not None
    assert (answer.text, answer.kind) == ("Moving fibre costs £20.", AnswerKind.GENERATED)
    stammer = Removal("Moving fibre costs moving fibre costs £20.", "it says words twice running", "beam 1")
    assert answer.weighting.removed == (stammer,)


def test_what_was_taken_out_of_a_draft_is_told_with_what_the_evidence_says() -> None:
    answer = proposed(draft("Moving fibre costs £25. Tell us 14 days before the move.", origin="beam 2"))
    assert answer.weighting is not None
    (removed,) = answer.weighting.removed
    assert removed == Removal("Moving fibre costs £25.", "the evidence says “£20”, not “£25”", "beam 2")


def test_a_draft_that_was_cut_off_loses_its_broken_end() -> None:
    cut = Draft("Moving fibre costs £20. Tell us 14 days before", -1.0, 10, "beam 1, cut off", finished=False)
    answer = proposed(cut)
    assert answer.weighting is not None
    assert answer.weighting.removed == (Removal("Tell us 14 days before", "it breaks off", "beam 1, cut off"),)


def test_the_weight_at_its_ends_lets_one_side_choose_alone() -> None:
    good_text_poor_source = draft("Return the router within 30 days.", 0.999)
    options = {0.0: AnswerKind.GENERATED, 1.0: AnswerKind.QUOTED}
    for weight, kind in options.items():
        answer = CandidateWeigher(
            ToldReader({"p1": 0.9, "p2": 0.2, "p3": 0.05}, SCORES | {"Return": 0.99, "£20": 0.6}),
            sentence_spans,
            WeightingOptions("fixed", weight),
        ).propose(QUESTION, EVIDENCE, [good_text_poor_source])
        assert answer is not None
        assert answer.weighting is not None
        assert answer.weighting.retrieval_weight == weight
        assert answer.kind is kind
        chosen = max(answer.weighting.candidates, key=lambda one: one.p_retrieval if weight else one.p_generation)
        assert chosen.chosen


def test_the_utility_is_that_of_the_formula_and_confidence_that_of_the_sentence() -> None:
    answer = proposed(draft("The fee for moving fibre is £20."), options=WeightingOptions("fixed", 0.3))
    assert answer.weighting is not None
    for one in answer.weighting.candidates:
        assert one.utility == pytest.approx(0.3 * math.log(one.p_retrieval) + 0.7 * math.log(one.p_generation))
    best = max(answer.weighting.candidates, key=lambda one: one.utility)
    assert best.chosen
    assert best.text == answer.text
    assert answer.confidence == pytest.approx(SCORES["£20"])
    assert sum(one.chosen for one in answer.weighting.candidates) == 1


def test_the_adaptive_weight_follows_certainty() -> None:
    assert adaptive_weight(0.95, 0.95) == pytest.approx(0.25)
    assert adaptive_weight(0.9, 0.7) == pytest.approx(0.5 * 0.8 / 1.2)
    assert adaptive_weight(0.05, 0.5) == pytest.approx(0.5 * 0.9 / 0.95)
    assert adaptive_weight(0.5, 0.5) == 0.25


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_nobody_loses_the_vote_altogether(p_retrieval: float, p_generation: float) -> None:
    weight = adaptive_weight(p_retrieval, p_generation)
    assert 0.02 < weight < 0.48
    assert weight == pytest.approx(0.5 - adaptive_weight(p_generation, p_retrieval))


def test_each_candidate_carries_its_own_adaptive_weight() -> None:
    answer = proposed()
    assert answer.weighting is not None
    chosen = next(one for one in answer.weighting.candidates if one.chosen)
    assert answer.weighting.mode == "adaptive"
    assert answer.weighting.retrieval_weight == adaptive_weight(chosen.p_retrieval, chosen.p_generation)


def test_markers_are_numbered_from_one_without_gaps_in_the_order_of_the_text() -> None:
    told = draft("Voicemail is dialled with 1571. Moving fibre costs £20. Tell us 14 days before the move.", 0.9999)
    answer = CandidateWeigher(
        ToldReader({"p1": 0.9, "p2": 0.2, "p3": 0.05}, dict.fromkeys(SCORES, 0.99)),
        sentence_spans,
        WeightingOptions("fixed", 0.0),
    ).propose(QUESTION, EVIDENCE, [told])
    assert answer is not None
    assert answer.text == told.text
    assert [(one.marker, one.passage_id) for one in answer.citations] == [(1, "p3"), (2, "p1"), (2, "p1")]
    assert answer.with_markers() == (
        "Voicemail is dialled with 1571 [1]. Moving fibre costs £20 [2]. Tell us 14 days before the move [2]."
    )


SENTENCES = st.sampled_from(
    [
        "Moving fibre costs £20.",
        "The fee for moving fibre is £20.",
        "Return the router within 30 days.",
        "Voicemail is dialled with 1571.",
        "Nobody ever said this at all.",
        "The router is free and costs £99.",
        "Well.",
    ]
)


@settings(deadline=None)
@given(st.lists(st.lists(SENTENCES, max_size=4), max_size=3), st.sampled_from(["fixed", "adaptive"]), st.floats(0, 1))
def test_every_sentence_is_cited_and_every_citation_stands_where_it_says(
    texts: list[list[str]], mode: str, weight: float
) -> None:
    drafts = [draft(" ".join(text), 0.99, origin=f"beam {n}") for n, text in enumerate(texts)]
    answer = proposed(*drafts, options=WeightingOptions(mode, weight))
    known = {one.passage.id: one.passage.text for one in EVIDENCE}
    assert all(known[c.passage_id][slice(*c.quote_span)] == c.quote for c in answer.citations)
    assert sorted({c.marker for c in answer.citations}) == list(
        range(1, len({c.passage_id for c in answer.citations}) + 1)
    )
    cited = "".join(answer.text[slice(*c.sentence)] for c in answer.citations)
    assert cited.replace(" ", "") == answer.text.replace(" ", "")
    assert 0.0 <= answer.confidence <= 1.0


def test_a_passage_that_lacks_what_the_question_insists_on_is_trusted_less() -> None:
    def trust(question: str) -> float:
        answer = weigher().propose(Query(question, question), EVIDENCE[:1], [])
        assert answer is not None
        assert answer.weighting is not None
        return answer.weighting.candidates[0].p_retrieval

    assert trust("what does moving fibre cost in Ireland") < 0.5 * trust("what does moving fibre cost")


@pytest.mark.parametrize(("asked", "confidence", "told"), [("on", 0.8, 0.0), ("off", 0.2, 1.0)])
def test_who_tells_the_opposite_of_what_was_asked_is_hardly_believed(
    asked: str, confidence: float, told: float
) -> None:
    question = Query(f"how is the alarm turned {asked}", f"how is the alarm turned {asked}")
    reader = ToldReader({"p1": 0.9}, {"alarm": 0.8})
    answer = CandidateWeigher(reader, sentence_spans).propose(question, [passage(1, "Turn on the alarm.")], [])
    assert answer is not None
    assert answer.weighting is not None
    assert answer.confidence == pytest.approx(confidence)
    assert answer.weighting.features["reversed"] == told


def test_a_draft_that_says_what_a_quote_says_is_one_candidate() -> None:
    answer = proposed(draft("Moving fibre costs £20."))
    assert answer.weighting is not None
    assert [one.text for one in answer.weighting.candidates].count("Moving fibre costs £20.") == 1


def test_only_whole_supported_sentences_of_a_growing_draft_are_shown() -> None:
    shown = weigher().presentable
    assert shown("Moving fibre costs", EVIDENCE) == ""
    assert shown("Moving fibre costs £20.", EVIDENCE) == ""  # "£20.50" may still follow
    assert shown("Moving fibre costs £20. Tell", EVIDENCE) == "Moving fibre costs £20."
    assert shown("Moving fibre costs £21. Tell us 14 days before the move. And", EVIDENCE) == ""
    assert shown("Moving fibre costs £20. It is mad. Tell us 14 days before the move. So", EVIDENCE) == (
        "Moving fibre costs £20."
    )
    assert shown("Moving fibre costs £20. Tell", []) == ""


def fitted(**changes: Logistic) -> AnswerWeights:
    """p_r follows relevance, p_g the sentence, λ is one half, confidence half of what is answered."""
    plain = AnswerWeights(
        retrieval=Logistic({"relevance": 1.0}, 0.0),
        writing=Logistic({"score": 1.0}, 0.0),
        balance=Logistic({"lead": 0.0}, 0.0),
        confidence=Logistic({"answered": 0.0}, -1.0),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]  # every change is a Logistic of its name


def fitted_answer(weights: AnswerWeights, options: WeightingOptions = ADAPTIVE) -> Answer:
    reader = ToldReader({"p1": 0.9, "p2": 0.2, "p3": 0.05}, SCORES)
    answer = CandidateWeigher(reader, sentence_spans, options, fitted=weights).propose(QUESTION, EVIDENCE, [])
    assert answer is not None
    assert answer.weighting is not None
    return answer


def test_what_was_fitted_takes_the_place_of_the_rules() -> None:
    answer = fitted_answer(fitted())
    assert answer.weighting is not None
    chosen = next(one for one in answer.weighting.candidates if one.chosen)
    assert chosen.p_retrieval == pytest.approx(0.9)
    assert chosen.p_generation == pytest.approx(0.9)
    assert answer.weighting.retrieval_weight == 0.5
    assert answer.confidence == pytest.approx(1 / (1 + math.e))


def test_the_predicted_weight_is_one_for_the_whole_turn_and_follows_its_figures() -> None:
    answer = fitted_answer(fitted(balance=Logistic({"lead": 2.0, "drafts": 9.0}, 0.0)))
    assert answer.weighting is not None
    assert answer.weighting.retrieval_weight == pytest.approx(1 / (1 + math.exp(-2 * 0.7)))  # 0.9 leads 0.2
    for one in answer.weighting.candidates:
        weight = answer.weighting.retrieval_weight
        expected = weight * math.log(one.p_retrieval) + (1 - weight) * math.log(one.p_generation)
        assert one.utility == pytest.approx(expected)


def test_an_operator_who_fixes_the_weight_is_obeyed_whatever_was_fitted() -> None:
    answer = fitted_answer(fitted(balance=Logistic({"lead": 9.0}, 0.0)), WeightingOptions("fixed", 0.2))
    assert answer.weighting is not None
    assert (answer.weighting.retrieval_weight, answer.weighting.mode) == (0.2, "fixed")


def test_every_further_part_costs_as_much_as_by_the_rule_told_or_not() -> None:
    answer = fitted_answer(fitted())
    assert answer.weighting is not None
    by_parts = {one.text.count("\n"): one.p_generation for one in answer.weighting.candidates if "£20" in one.text}
    assert by_parts[1] == pytest.approx(0.9 * 0.9 * by_parts[0])  # three were joined, two are told


def test_confidence_is_set_straight() -> None:
    weights = replace(fitted(), straightened=Steps((0.2, 0.4), (0.0, 1.0)))
    assert fitted_answer(weights).confidence == pytest.approx((1 / (1 + math.e) - 0.2) / 0.2)


def test_every_figure_of_the_confidence_and_of_the_weight_is_in_the_trace_and_survives_the_store() -> None:
    answer = fitted_answer(fitted())
    assert answer.weighting is not None
    assert {*CONFIDENCE, "p_retrieval", "p_generation"} <= answer.weighting.features.keys()
    assert {f"turn_{name}" for name in BALANCE} <= answer.weighting.features.keys()
    assert all(isinstance(value, float) for value in answer.weighting.features.values())
    turn = Turn("t", "q", QUESTION, answer, tuple(EVIDENCE))
    assert decode_turn(encode_turn(turn)) == turn


def test_the_gap_is_to_the_best_candidate_of_other_sentences() -> None:
    answer = fitted_answer(fitted())
    assert answer.weighting is not None
    utilities = {one.text: one.utility for one in answer.weighting.candidates}
    others = [value for text, value in utilities.items() if "£20" not in text]
    assert answer.weighting.features["gap"] == pytest.approx(utilities[answer.text] - max(others))


def test_a_lone_candidate_is_far_ahead_of_nothing() -> None:
    answer = weigher().propose(QUESTION, [passage(1, "Moving fibre costs £20.")], [])
    assert answer is not None
    assert answer.weighting is not None
    assert answer.weighting.features["gap"] == 3.0


def test_a_rewritten_follow_up_is_known_as_one() -> None:
    query = Query("what does moving fibre cost", "and that?", Gate.REWRITE, "", 0.7, ("I have fibre.",))
    answer = weigher().propose(query, EVIDENCE, [])
    assert answer is not None
    assert answer.weighting is not None
    figures = answer.weighting.features
    assert [figures[name] for name in ("rewritten", "gate", "follow_up", "reset")] == [1.0, 0.7, 1.0, 0.0]
