from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from bot.clarifying import Clarifier, ClarifyingOptions
from bot.telling_words import Statement, TellingWords
from domain.answer import Answer, AnswerKind, Candidate, Weighting
from domain.passage import Passage, RetrievedPassage

UK_FEE = "The moving fee is £20 in the UK."
IE_FEE = "The moving fee is €30 in Ireland."


def passage(
    name: str, text: str, region: str = "all", title: str = "", section: Sequence[str] = (), product: str = "all"
) -> Passage:
    metadata = {"region": region, "product": product}
    return Passage(name, name, title or name, text, f"{name}.md", (0, len(text)), tuple(section), metadata)


COLLECTION = [
    passage("uk1", f"{UK_FEE} Homes in the UK pay once. You pay £20, and the UK team calls.", "UK"),
    passage(
        "uk2", "Bills in the UK are due in 14 days. A UK customer pays £9 when late, and UK shops close at 5.", "UK"
    ),
    passage("ie1", f"{IE_FEE} Homes in Ireland pay €30, and an Irish customer gives the Eircode.", "IE"),
    passage("ie2", "Bills in Ireland are due in 18 days. An Irish customer pays €8, and Irish shops open at 9.", "IE"),
    passage("all1", "Ask for help in the UK or in Ireland. The team speaks Irish, and the Eircode is enough."),
]
TELLING = TellingWords(COLLECTION)


def proposed(*stated: tuple[str, float], confidence: float = 0.4) -> Answer:
    """An answer whose candidates have these likelihoods; the first is the chosen one."""
    candidates = tuple(
        Candidate(text, AnswerKind.QUOTED, f"quote {n}", p, p, math.log(p), chosen=n == 1)
        for n, (text, p) in enumerate(stated, start=1)
    )
    weighting = Weighting(0.2, "adaptive", candidates, {"margin": 0.1})
    return Answer(stated[0][0], AnswerKind.QUOTED, (), confidence, weighting)


def evidence(*passages: Passage) -> list[RetrievedPassage]:
    return [RetrievedPassage(one, -float(n), n) for n, one in enumerate(passages, start=1)]


UK, IE = COLLECTION[0], COLLECTION[2]
FEES = proposed((UK_FEE, 0.4), (IE_FEE, 0.35))


def asked(answer: Answer, found: Sequence[Passage], said: str, telling: TellingWords = TELLING) -> Answer | None:
    return Clarifier(telling).question(answer, evidence(*found), [said], said)


def test_two_regions_nearly_as_likely_are_asked_about() -> None:
    question = asked(FEES, (UK, IE), "what does moving cost")
    assert question is not None
    assert question.kind is AnswerKind.CLARIFYING
    assert question.options == ("In the UK", "In Ireland")
    assert question.text == "The answer depends on one thing: do you mean in the UK or in Ireland?"
    assert question.confidence == 0.4
    assert question.citations == ()


@pytest.mark.parametrize("said", ["what does moving cost in Ireland", "moving fee uk", "I have €30, is that enough"])
def test_nothing_is_asked_that_was_said(said: str) -> None:
    assert asked(FEES, (UK, IE), said) is None


def test_a_place_that_the_documents_do_not_know_is_an_answer_to_where() -> None:
    assert asked(FEES, (UK, IE), "what does moving cost, we live in Kilkenny") is None
    assert asked(FEES, (UK, IE), "what does moving cost in the team") is not None


def test_one_answer_that_stands_out_is_given() -> None:
    assert asked(proposed((UK_FEE, 0.6), (IE_FEE, 0.2)), (UK, IE), "what does moving cost") is None
    assert asked(proposed((UK_FEE, 0.6), (IE_FEE, 0.31)), (UK, IE), "what does moving cost") is not None


def test_how_near_is_near_is_a_setting() -> None:
    answer = proposed((UK_FEE, 0.6), (IE_FEE, 0.2))
    options = ClarifyingOptions(nearly_as_likely=0.3)
    assert Clarifier(TELLING, options).question(answer, evidence(UK, IE), [], "moving cost") is not None


def test_where_nothing_is_likely_there_is_nothing_to_ask_about() -> None:
    assert asked(proposed((UK_FEE, 0.4), (IE_FEE, 0.35), confidence=0.05), (UK, IE), "what does moving cost") is None


def test_two_regions_that_say_different_things_are_no_two_readings() -> None:
    late = "A UK customer pays £9 when late, and UK shops close at 5."
    assert asked(proposed((IE_FEE, 0.4), (late, 0.39)), (IE, COLLECTION[1]), "what does it cost") is None


def test_two_regions_that_say_the_same_need_no_question() -> None:
    text = "The moving fee is 20."
    one, other = passage("a", text, "UK"), passage("b", text, "IE")
    assert asked(proposed((text, 0.4), (text, 0.39)), (one, other), "what does moving cost") is None


def test_two_differences_at_once_are_too_many_to_ask_about() -> None:
    one = passage("a", UK_FEE, "UK", product="fibre")
    other = passage("b", IE_FEE, "IE", product="mobile")
    collection = [*COLLECTION, one, other]
    assert asked(FEES, (one, other), "what does moving cost", TellingWords(collection)) is None


def test_models_that_titles_tell_apart_are_asked_about_by_name() -> None:
    first, second = "A flashing amber light means an update.", "A flashing amber ring means pairing."
    hubs = (
        passage("h2", first, title="Harbour Hub 2 lights", section=("Amber light on the Harbour Hub 2",)),
        passage("h3", second, title="Harbour Hub 3 lights", section=("Amber ring on the Harbour Hub 3",)),
    )
    answer = proposed((first, 0.4), (second, 0.3))
    question = asked(answer, hubs, "router flashing amber")
    assert question is not None
    assert question.options == ("Harbour Hub 2", "Harbour Hub 3")
    assert asked(answer, hubs, "hub 3 flashing amber") is None


def test_titles_that_differ_in_more_than_a_name_are_two_subjects() -> None:
    first, second = "A flashing amber light means an update.", "A flashing amber dot means pairing."
    pages = (passage("h2", first, title="Harbour Hub 2 lights"), passage("d", second, title="Harbour Disc wifi mesh"))
    assert asked(proposed((first, 0.4), (second, 0.3)), pages, "router flashing amber") is None


def test_years_are_not_asked_about() -> None:
    old, new = "The fee was £35 in winter.", "The fee is £20 in winter."
    pages = (passage("a", old, title="Moving fee 2025"), passage("b", new, title="Moving fee 2026"))
    assert asked(proposed((new, 0.4), (old, 0.39)), pages, "moving fee") is None


def test_without_a_weighing_nothing_is_asked() -> None:
    assert asked(Answer(UK_FEE, AnswerKind.QUOTED, confidence=0.9), (UK, IE), "what does moving cost") is None


class OneTwin:
    """Says that Ireland has another fee, of whatever is stated."""

    key = "region"

    def values(self, statement: Statement, asked: str) -> list[str]:
        return ["uk", "ie"]


def test_another_place_that_was_not_found_is_asked_about_too() -> None:
    clarifier = Clarifier(TELLING, twins=OneTwin())
    alone = proposed((UK_FEE, 0.4))
    question = clarifier.question(alone, evidence(UK), ["what does moving cost"], "what does moving cost")
    assert question is not None
    assert question.options == ("In the UK", "In Ireland")
    assert clarifier.question(alone, evidence(UK), ["moving, in Ireland"], "moving") is None
    assert Clarifier(TELLING).question(alone, evidence(UK), ["moving"], "moving") is None


def test_single_quotes_are_read_where_a_joined_answer_leads() -> None:
    joined = Candidate(f"{UK_FEE}\n{IE_FEE}", AnswerKind.QUOTED, "quote 1 + 2", 0.9, 0.9, math.log(0.9), chosen=True)
    assert FEES.weighting is not None
    leading = Weighting(0.2, "adaptive", (joined, *FEES.weighting.candidates))
    question = asked(Answer(joined.text, AnswerKind.QUOTED, (), 0.4, leading), (UK, IE), "what does moving cost")
    assert question is not None
    assert question.options == ("In the UK", "In Ireland")
