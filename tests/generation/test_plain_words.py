from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.answer import Answer, AnswerKind, Candidate, Citation, Reason, Weighting
from domain.conversation import Gate, Query, Turn
from domain.passage import Passage, RetrievedPassage
from generation.plain_words import plain_words

UK = Passage("uk", "fees", "Late fees", "A late fee is £6 in the UK.", "fees.md", (0, 27), ("UK",))
IRELAND = Passage("ie", "fees", "Late fees", "A late fee is €7 in Ireland.", "fees.md", (30, 58), ("Ireland",))
EVIDENCE = (
    RetrievedPassage(UK, 0.9, 1, {"relevance": 0.93}),
    RetrievedPassage(IRELAND, 0.4, 2, {"relevance": 0.41}),
)
CHOSEN = Candidate(UK.text, AnswerKind.QUOTED, "quote 1", 0.93, 0.72, -0.27, chosen=True)
OTHER = Candidate(IRELAND.text, AnswerKind.QUOTED, "quote 2", 0.41, 0.31, -1.1)
CITATION = Citation(1, "uk", (0, 27), (0, 27), UK.text, 1.0)


def answered(**changes: object) -> Turn:
    weighting = Weighting(0.22, "adaptive", (CHOSEN, OTHER), {"margin": 0.5})
    answer = Answer(UK.text, AnswerKind.QUOTED, (CITATION,), 0.81, weighting)
    query = Query("what is the late fee in the uk", "and the late fee?")
    return replace(Turn("t", "and the late fee?", query, answer, EVIDENCE), **changes)  # type: ignore[arg-type]


def weighed(kind: AnswerKind, confidence: float, features: dict[str, float], **changes: object) -> Turn:
    nothing = Weighting(0.22, "adaptive", (replace(CHOSEN, chosen=False), OTHER), features)
    return answered(answer=Answer("…", kind, (), confidence, nothing, **changes))  # type: ignore[arg-type]


def test_an_answer_names_its_source_its_rival_and_the_weighing() -> None:
    assert plain_words(answered()) == (
        "The answer is quoted from passage 1 (Late fees › UK). The next best answer, from passage 2 (Late fees › "
        "Ireland), is less likely to be the answer its source gives (0.31 against 0.72). The source (probability 0.93) "
        "counted with λ 0.22, set for this turn, the text (0.72) with the rest: confidence 0.81."
    )


def test_where_retrieval_weighs_more_the_rival_fell_behind_there() -> None:
    turn = answered()
    weighting = Weighting(0.9, "fixed", (CHOSEN, OTHER))
    told = plain_words(replace(turn, answer=replace(turn.answer, weighting=weighting)))
    assert "has a source less likely to answer the question (0.41 against 0.93)" in told
    assert "counted with λ 0.90, fixed by the operator," in told


def test_a_rival_that_is_not_told_apart_is_not_called_worse() -> None:
    turn = answered()
    twin = replace(OTHER, p_retrieval=0.931, p_generation=0.721)
    told = plain_words(replace(turn, answer=replace(turn.answer, weighting=Weighting(0.5, "adaptive", (CHOSEN, twin)))))
    assert "The next best answer, from passage 2 (Late fees › Ireland), weighs almost the same." in told


def test_a_written_answer_tells_how_well_its_weakest_sentence_is_borne_out() -> None:
    cited = (replace(CITATION, support=0.83), Citation(2, "ie", (0, 5), (0, 5), "A lat", 0.64))
    turn = answered()
    told = plain_words(
        replace(turn, answer=replace(turn.answer, kind=AnswerKind.GENERATED, citations=cited, weighting=None))
    )
    assert told == (
        "The answer was written from passages 1 (Late fees › UK) and 2 (Late fees › Ireland), with support of at least "
        "0.64 for each sentence. Confidence 0.81."
    )


@pytest.mark.parametrize(
    ("origin", "kind", "named"),
    [
        ("quote 1 + 2", AnswerKind.QUOTED, "from passages 1 (Late fees › UK) and 2 (Late fees › Ireland)"),
        ("fid beam 2", AnswerKind.GENERATED, "a draft of the answerer"),
        ("quote 9", AnswerKind.QUOTED, "another quote"),  # a passage that the turn does not hold
    ],
)
def test_a_rival_is_placed_where_the_trace_places_it(origin: str, kind: AnswerKind, named: str) -> None:
    turn, other = answered(), replace(OTHER, origin=origin, kind=kind)
    weighting = Weighting(0.2, "adaptive", (CHOSEN, other))
    assert f"The next best answer, {named}, is" in plain_words(
        replace(turn, answer=replace(turn.answer, weighting=weighting))
    )


@pytest.mark.parametrize(
    ("gate", "reason", "said"),
    [
        (
            Gate.REWRITE,
            "“it” stands for something said before",
            "The message was completed from the conversation: “it” stands for something said before. The answer",
        ),
        (
            Gate.REWRITE,
            "completed from the conversation",
            "The message was completed from the conversation. The answer",
        ),
        (Gate.RESET, "a new topic", "The message was taken as a new topic, so nothing said before was used. The"),
        (Gate.KEEP, "the message says everything itself", "The answer is quoted"),
    ],
)
def test_what_became_of_the_message_comes_first(gate: Gate, reason: str, said: str) -> None:
    turn = answered()
    assert plain_words(replace(turn, query=replace(turn.query, gate=gate, reason=reason))).startswith(said)


def test_an_abstention_tells_what_was_nearest_and_how_far_it_fell_short() -> None:
    assert plain_words(weighed(AnswerKind.ABSTAINED, 0.21, {"abstain_below": 0.35})) == (
        "The nearest passage is 1 (Late fees › UK), with probability 0.93 to answer the question. The best answer "
        "there has confidence 0.21, where 0.35 is asked for."
    )


def test_a_threshold_that_the_trace_does_not_hold_is_not_made_up() -> None:
    told = plain_words(weighed(AnswerKind.ABSTAINED, 0.21, {}))
    assert told.endswith("The best answer there has confidence 0.21, too little to be given.")


def test_an_abstention_without_candidates_or_without_passages_says_so() -> None:
    none = Answer("I do not know.", AnswerKind.ABSTAINED, reason=Reason.UNSURE)
    assert plain_words(answered(answer=none)).endswith("Nothing in what was found could stand as an answer.")
    assert plain_words(answered(answer=none, evidence=())) == (
        "Nothing in the documents came near enough, so there was nothing to answer from."
    )


@pytest.mark.parametrize("reason", [Reason.FOREIGN, Reason.EMERGENCY, Reason.UNSAFE, Reason.INJECTION])
def test_what_is_declined_unread_says_why_and_that_nothing_was_searched(reason: Reason) -> None:
    told = plain_words(answered(answer=Answer("No.", AnswerKind.ABSTAINED, reason=reason), evidence=()))
    assert told.endswith("so nothing was searched.")
    assert told.startswith("The message")


def test_asking_back_lists_the_readings_and_what_answering_would_have_been_worth() -> None:
    told = plain_words(weighed(AnswerKind.CLARIFYING, 0.44, {}, options=("In the UK", "In Ireland")))
    assert told == (
        "The message can be meant in more than one way: “In the UK” and “In Ireland”; answered at once, it would have "
        "had confidence 0.44."
    )


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (Reason.ASKED_FOR_PERSON, "A person was asked for, so the message was passed on."),
        (
            Reason.AFTER_ABSTENTION,
            "The documents had no sure answer and a person was wanted, so the question was passed on.",
        ),
        (Reason.NONE, "The message was passed on to a person."),
    ],
)
def test_a_hand_off_says_what_led_to_it(reason: Reason, told: str) -> None:
    assert plain_words(answered(answer=Answer("…", AnswerKind.HANDED_OFF, reason=reason))) == told


def test_small_talk_and_stopped_turns_claim_nothing() -> None:
    talk = answered(answer=Answer("Hello!", AnswerKind.SMALL_TALK), evidence=())
    assert plain_words(talk) == "It is small talk, so nothing was searched."
    assert plain_words(answered(stopped=True)) == (
        "It was stopped while it was being written, so no answer was chosen and nothing is cited."
    )


def test_a_citation_of_a_passage_the_turn_did_not_find_names_nothing() -> None:
    turn = answered()
    answer = replace(turn.answer, citations=(replace(CITATION, passage_id="elsewhere"),), weighting=None)
    assert plain_words(replace(turn, answer=answer)) == "Confidence 0.81."


# ---- nothing is invented ----------------------------------------------------------------------------------------

SHARES = st.floats(0, 1)
NAMES = st.text(st.characters(codec="utf-8", categories=("L", "Zs")), max_size=12)
"""Headings and options without digits, so that every digit in the text is a number of the turn."""


@st.composite
def turns(draw: st.DrawFn) -> Turn:
    found = draw(st.integers(0, 4))
    passages = [Passage(f"p{n}", "d", draw(NAMES), "text", "d.md", (0, 4), (draw(NAMES),)) for n in range(1, found + 1)]
    evidence = tuple(
        RetrievedPassage(one, 0.0, n, {"relevance": draw(SHARES)} if draw(st.booleans()) else {})
        for n, one in enumerate(passages, 1)
    )
    origins = st.sampled_from(["quote 1", "quote 3", "quote 1 + 2", "beam 1", "rag-token beam 2", "nonsense 77"])
    kinds = st.sampled_from([AnswerKind.QUOTED, AnswerKind.GENERATED])
    candidates = tuple(
        Candidate(f"text {n}", draw(kinds), draw(origins), draw(SHARES), draw(SHARES), draw(SHARES), chosen=n == 0)
        for n in range(draw(st.integers(0, 3)))
    )
    mode = draw(st.sampled_from(["fixed", "adaptive", "?"]))
    features = {"abstain_below": draw(SHARES)} if draw(st.booleans()) else {}
    weighting = Weighting(draw(SHARES), mode, candidates, features) if draw(st.booleans()) else None
    cited = tuple(Citation(n, f"p{n}", (0, 4), (0, 4), "text", draw(SHARES)) for n in range(1, draw(st.integers(1, 6))))
    answer = Answer(
        "text", draw(st.sampled_from(AnswerKind)), cited, draw(SHARES), weighting,
        options=tuple(draw(st.lists(NAMES, max_size=3))), reason=draw(st.sampled_from(Reason)),
    )  # fmt: skip
    query = Query("q", "q", draw(st.sampled_from(Gate)), draw(NAMES), draw(SHARES))
    return Turn("t", "q", query, answer, evidence, stopped=draw(st.booleans()) and draw(st.booleans()))


def numbers_of(turn: Turn) -> Iterator[float]:
    """Every number of a turn that may be told."""
    yield turn.answer.confidence
    yield from (citation.support for citation in turn.answer.citations)
    for one in turn.evidence:
        yield from one.signals.values()
    if turn.answer.weighting:
        yield turn.answer.weighting.retrieval_weight
        yield from turn.answer.weighting.features.values()
        for candidate in turn.answer.weighting.candidates:
            yield from (candidate.p_retrieval, candidate.p_generation)


@settings(max_examples=80, deadline=None)
@given(turns())
def test_every_number_comes_from_the_trace_and_every_passage_is_one_of_the_turn(turn: Turn) -> None:
    told = plain_words(turn)
    assert told.endswith(".")
    assert "  " not in told.replace("\u3000", "")
    known = {f"{number:.2f}" for number in numbers_of(turn)}
    assert set(re.findall(r"\d+\.\d+", told)) <= known
    ranks = {str(one.rank) for one in turn.evidence}
    assert set(re.findall(r"\d+", re.sub(r"\d+\.\d+", "", told))) <= ranks
