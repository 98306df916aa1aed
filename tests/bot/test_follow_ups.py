"""What could be asked next comes from the documents, is answered there, and has not been asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bot.follow_ups import FollowUps, worded
from bot.telling_words import TellingWords
from domain.answer import Answer, AnswerKind, Citation
from domain.conversation import Conversation, Query, Turn
from domain.passage import Passage, RetrievedPassage
from domain.protocols import Evidence


def passage(document: str, section: str, text: str = "the fee is due", title: str = "Moving home") -> Passage:
    path = (section,) if section else ()
    return Passage(f"{document}#{section}", document, title, text, f"{document}.md", (0, len(text)), path)


NOTICE, FEE = passage("moving", "Notice period"), passage("moving", "Fees", "the fees are due")
WHEN, WHO = passage("moving", "When the fee is due"), passage("moving", "Who pays")
LIGHTS = passage("router", "Red light", "the light is red", "Router")
BASE = (NOTICE, FEE, WHEN, WHO, LIGHTS)


class Believing:
    """Believes in the passages whose section is in ``relevance``, so much."""

    def __init__(self, relevance: dict[str, float]) -> None:
        self.relevance = relevance
        self.asked: list[str] = []

    def read(self, query: str, passages: Sequence[Passage]) -> Sequence[Evidence]:
        self.asked.append(query)
        return [Evidence(self.relevance.get(one.section[-1] if one.section else one.title, 0.0)) for one in passages]


ALL = {"Notice period": 0.9, "Fees": 0.7, "When the fee is due": 0.6, "Who pays": 0.95, "Red light": 0.8}


def passages_of(_: str, documents: Sequence[str]) -> Sequence[Passage]:
    return [one for name in documents for one in BASE if one.document_id == name]


def asked(question: str, *found: Passage, cited: int = 1, kind: AnswerKind = AnswerKind.GENERATED) -> Turn:
    citations = tuple(Citation(n, one.id, (0, 3), (0, 3), "the", 0.9) for n, one in enumerate(found[:cited], 1))
    evidence = tuple(RetrievedPassage(one, 1.0, n) for n, one in enumerate(found, 1))
    return Turn(question, question, Query(question, question), Answer("the", kind, citations), evidence)


def suggested(*turns: Turn, relevance: dict[str, float] = ALL) -> tuple[str, ...]:
    return FollowUps(Believing(relevance), passages_of).suggest(Conversation("c", "me", turns=turns))


def test_the_best_believed_neighbours_of_the_cited_section_are_offered_and_stand_alone() -> None:
    assert suggested(asked("how much notice?", NOTICE)) == (
        "Moving home: who pays?",
        "Moving home: what are the fees?",
        "Moving home: can you tell me when the fee is due?",
    )


def test_what_the_reader_does_not_believe_in_is_not_offered() -> None:
    assert suggested(asked("how much notice?", NOTICE), relevance={"Fees": 0.49, "Who pays": 0.5}) == (
        "Moving home: who pays?",
    )


def test_what_was_answered_or_asked_before_is_not_offered_again() -> None:
    turns = asked("moving home: who pays", WHO, cited=0), asked("fees?", FEE), asked("how much notice?", NOTICE)
    assert suggested(*turns) == ("Moving home: can you tell me when the fee is due?",)


def test_another_section_of_the_page_asked_about_is_not_taken_for_the_same_question() -> None:
    title = "Fibre 100 in Ireland"
    price, included = (passage("f", name, title=title) for name in ("Price in Ireland", "What is included in Ireland"))
    reader = Believing({"What is included in Ireland": 0.9})
    found = FollowUps(reader, lambda *_: [price, included])
    turns = (asked("How much is Fibre 100 in Ireland?", price),)
    assert found.suggest(Conversation("c", "me", turns=turns)) == (
        "Fibre 100 in Ireland: what is included in Ireland?",
    )


def test_the_document_that_is_cited_first_leads_on_first() -> None:
    turn = asked("how much notice?", LIGHTS, NOTICE, cited=2)
    swapped = replace(turn, answer=replace(turn.answer, citations=turn.answer.citations[::-1]))
    other = replace(LIGHTS, id="router#Blue", section=("Blue light",))
    reader = Believing({"Blue light": 0.99, "Fees": 0.6})
    found = FollowUps(reader, lambda _, names: [one for n in names for one in (*BASE, other) if one.document_id == n])
    first, second = "Moving home: what are the fees?", "Router: what about the blue light?"
    assert found.suggest(Conversation("c", "me", turns=(swapped,))) == (first, second)
    assert found.suggest(Conversation("c", "me", turns=(turn,))) == (second, first)


def test_passages_that_were_found_and_not_used_lead_on_too() -> None:
    few = {"Fees": 0.7, "Red light": 0.8}
    turn = asked("how much notice?", NOTICE, LIGHTS)
    assert suggested(turn, relevance=few) == ("Moving home: what are the fees?", "Router: what about the red light?")
    assert suggested(asked("how much notice?", NOTICE), relevance=few) == ("Moving home: what are the fees?",)


def test_what_was_found_and_has_nothing_to_do_with_the_question_leads_nowhere() -> None:
    turn = asked("how much notice?", NOTICE, LIGHTS)
    far = replace(turn.evidence[1], signals={"relevance": 0.09})
    assert "Router: what about the red light?" not in suggested(replace(turn, evidence=(turn.evidence[0], far)))


def test_after_an_abstention_the_nearest_sections_are_offered() -> None:
    turn = asked("a unicorn?", LIGHTS, cited=0, kind=AnswerKind.ABSTAINED)
    assert suggested(turn) == ("Router: what about the red light?",)


@pytest.mark.parametrize("kind", [AnswerKind.SMALL_TALK, AnswerKind.CLARIFYING, AnswerKind.HANDED_OFF])
def test_nothing_is_offered_where_nothing_was_looked_up_or_an_answer_is_awaited(kind: AnswerKind) -> None:
    assert suggested(asked("hello", NOTICE, kind=kind)) == ()


def test_an_empty_conversation_leads_nowhere() -> None:
    assert suggested() == ()


def test_a_document_that_is_a_question_is_asked_as_it_is_and_pages_are_no_headings() -> None:
    faq = passage("faq", "", title="Can I pay by card?")
    pdf = passage("file", "page 3", title="A paper")
    reader = Believing({"Can I pay by card?": 0.9, "page 3": 0.9})
    turn = asked("something else", faq, pdf, cited=0)
    found = FollowUps(reader, lambda *_: [faq, pdf]).suggest(Conversation("c", "me", turns=(turn,)))
    assert found == ("Can I pay by card?",)


def test_a_large_document_costs_no_more_than_six_readings() -> None:
    many = [passage("moving", f"Section {word}") for word in "abcdefghijklmnopqrst"]
    reader = Believing({})
    FollowUps(reader, lambda *_: many).suggest(Conversation("c", "me", turns=(asked("notice?", NOTICE, cited=0),)))
    assert len(reader.asked) == 6


UK = {"region": "UK", "audience": "customer"}
IE = {"region": "IE", "audience": "customer"}


def scoped(document: str, section: str, metadata: dict[str, str], text: str) -> Passage:
    return replace(passage(document, section, text, f"Moving in {metadata['region']}"), metadata=metadata)


PLACES = (
    *(scoped("uk", name, UK, "Move in the UK, from the UK, within the UK.") for name in ("Fees", "Notice period")),
    *(scoped("ie", name, IE, "Move in Ireland, from Ireland, across Ireland.") for name in ("Fees", "Notice period")),
    scoped("all", "Deposit", {"region": "all"}, "You get the deposit back."),
    scoped("staff", "Records", {"region": "all", "audience": "agent"}, "Write it down."),
)


def next_after(turn: Turn, *before: Turn) -> tuple[str, ...]:
    """What is offered by who believes in everything."""
    reader = Believing(dict.fromkeys(("Fees", "Notice period", "Deposit", "Records"), 0.9))
    telling = TellingWords(PLACES)
    found = FollowUps(reader, lambda _, names: [one for one in PLACES if one.document_id in names], telling)
    return found.suggest(Conversation("c", "me", turns=(*before, turn)))


def test_another_region_than_the_one_that_was_asked_about_is_not_offered() -> None:
    turn = asked("What does it cost to move in Ireland?", PLACES[2], PLACES[0], PLACES[4])
    assert next_after(turn) == ("Moving in IE: what is the notice period?", "Moving in all: what is the deposit?")


def test_where_nobody_names_a_region_the_cited_one_holds() -> None:
    turn = asked("what does it cost?", PLACES[0], PLACES[2])
    assert next_after(turn) == ("Moving in UK: what is the notice period?",)


def test_where_nothing_is_cited_the_region_of_the_conversation_holds() -> None:
    before = asked("What does it cost to move in Ireland?", PLACES[2])
    turn = asked("and a piano?", PLACES[0], PLACES[2], cited=0, kind=AnswerKind.ABSTAINED)
    assert next_after(turn, before) == ()
    assert next_after(turn) != ()


def test_two_regions_in_one_answer_lead_on_in_both() -> None:
    turn = asked("what does it cost?", PLACES[0], PLACES[2], cited=2)
    assert next_after(turn) == ("Moving in UK: what is the notice period?", "Moving in IE: what is the notice period?")


def test_what_is_written_for_staff_is_offered_only_after_an_answer_from_it() -> None:
    records, deposit = PLACES[5], PLACES[4]
    more = replace(records, id="staff#more", section=("Tone",))
    reader = Believing({"Tone": 0.9, "Records": 0.9})
    found = FollowUps(reader, lambda *_: [deposit, records, more])

    def after(turn: Turn) -> tuple[str, ...]:
        return found.suggest(Conversation("c", "me", turns=(turn,)))

    assert after(asked("what do I get back?", deposit, records)) == ()
    assert after(asked("what do I write?", records, deposit)) == ("Moving in all: what about tone?",)


def test_after_an_abstention_only_the_nearest_document_leads_on() -> None:
    turn = asked("a unicorn?", LIGHTS, NOTICE, cited=0, kind=AnswerKind.ABSTAINED)
    assert suggested(turn) == ("Router: what about the red light?",)


def test_where_a_place_is_all_that_heading_and_title_share_the_title_is_said() -> None:
    here = replace(passage("f", "What is included in Ireland", title="Fibre 100 in Ireland"), id="f#1")
    assert worded(here) == "Fibre 100 in Ireland: what is included in Ireland?"


def test_a_heading_too_long_for_a_button_is_left_out() -> None:
    long = replace(FEE, section=("Fees " * 30,))
    found = FollowUps(Believing({"Fees " * 30: 1.0}), lambda *_: [long])
    assert found.suggest(Conversation("c", "me", turns=(asked("notice?", NOTICE),))) == ()
