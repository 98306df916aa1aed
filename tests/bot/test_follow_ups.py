"""What could be asked next comes from the documents, is answered there, and has not been asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from bot.follow_ups import FollowUps
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
        "Moving home: what about fees?",
        "Moving home: can you tell me when the fee is due?",
    )


def test_what_the_reader_does_not_believe_in_is_not_offered() -> None:
    assert suggested(asked("how much notice?", NOTICE), relevance={"Fees": 0.49, "Who pays": 0.5}) == (
        "Moving home: who pays?",
    )


def test_what_was_answered_or_asked_before_is_not_offered_again() -> None:
    turns = asked("moving home: who pays", WHO, cited=0), asked("fees?", FEE), asked("how much notice?", NOTICE)
    assert suggested(*turns) == ("Moving home: can you tell me when the fee is due?",)


def test_passages_that_were_found_and_not_used_lead_on_too() -> None:
    assert "Router: what about red light?" in suggested(asked("how much notice?", NOTICE, LIGHTS))
    assert "Router: what about red light?" not in suggested(asked("how much notice?", NOTICE))


def test_after_an_abstention_the_nearest_sections_are_offered() -> None:
    turn = asked("a unicorn?", LIGHTS, cited=0, kind=AnswerKind.ABSTAINED)
    assert suggested(turn) == ("Router: what about red light?",)


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


def test_a_heading_too_long_for_a_button_is_left_out() -> None:
    long = replace(FEE, section=("Fees " * 30,))
    found = FollowUps(Believing({"Fees " * 30: 1.0}), lambda *_: [long])
    assert found.suggest(Conversation("c", "me", turns=(asked("notice?", NOTICE),))) == ()
