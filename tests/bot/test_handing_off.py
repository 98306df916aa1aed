from __future__ import annotations

from collections.abc import Sequence

import pytest

from bot.handing_off import HandingOff, Where, handed_over, person_wanted, repeated_abstention
from domain.answer import Answer, AnswerKind, Reason
from domain.conversation import Query, Turn
from domain.errors import PartUnavailable
from domain.hand_off import Delivery, HandOff, HandOffState
from memory.hand_off_queue import InMemoryHandOffDesk
from tests.bot.fakes import found
from web.rendering import ASK_A_PERSON

WHERE = Where("ann's cookie", "c1", "harbourline")


def abstained(question: str = "Where is the shop?", reason: Reason = Reason.UNSURE, *, offers: bool = True) -> Turn:
    answer = Answer("I do not know.", AnswerKind.ABSTAINED, reason=reason, offers_person=offers)
    return Turn("t1", question, Query(f"{question} In Hull.", question), answer, (found(1), found(2)))


@pytest.mark.parametrize(
    "message",
    [
        ASK_A_PERSON, "agent please", "can i talk to someone", "i want to complain to a person", "human",
        "REAL PERSON!!",
        "I'd like to speak to a real person please", "put me through to an agent", "let me talk to somebody",
        "get me a manager", "can you connect me to an advisor", "could I speak with someone about this please",
        "I need to speak to a human being", "transfer me to a representative", "i don’t want a bot", "operator",
        "is there a person i can talk to", "pass this on to a person please", "hi, can i speak to an agent please",
        "can someone call me back",
    ],
)  # fmt: skip
def test_who_asks_for_a_person_gets_one(message: str) -> None:
    wanted = person_wanted(message, [])
    assert wanted is not None
    assert (wanted.question, wanted.reason) == (message, Reason.ASKED_FOR_PERSON)


@pytest.mark.parametrize(
    "message",
    [
        "who do i ring", "can an agent unlock my account", "is this a robot or a person",
        "which agent handles complaints",
        "can one of your people not just unlock it now", "what number do I call to talk to an agent",
        "yes", "yes please",
        "can I speak to someone in Irish?", "how do I let another person manage my account",
        "can I talk to the engineer before he comes", "i want to complain about my bill", "who do I complain to",
        "can i ask someone else to collect the phone", "how many agents do you have",
    ],
)  # fmt: skip
def test_a_question_about_people_is_a_question(message: str) -> None:
    assert person_wanted(message, []) is None


@pytest.mark.parametrize("message", [ASK_A_PERSON, "yes please", "ok do that", "agent"])
def test_after_an_abstention_it_is_the_unanswered_question_that_is_passed_on(message: str) -> None:
    wanted = person_wanted(message, [abstained()])
    assert wanted is not None
    assert wanted.question == "Where is the shop?"
    assert wanted.query.text == "Where is the shop? In Hull."
    assert len(wanted.evidence) == 2
    assert wanted.reason is Reason.AFTER_ABSTENTION


def test_a_yes_is_only_a_request_where_a_person_was_offered() -> None:
    assert person_wanted("yes please", [abstained(offers=False)]) is None


def test_an_emergency_is_marked_as_one() -> None:
    wanted = person_wanted("yes", [abstained("i want to die", Reason.EMERGENCY)])
    assert wanted is not None
    assert wanted.reason is Reason.EMERGENCY


def test_a_second_abstention_in_a_row_counts_and_a_declined_message_does_not() -> None:
    assert repeated_abstention([abstained()])
    assert not repeated_abstention([])
    assert not repeated_abstention([abstained(reason=Reason.FOREIGN)])


def wanted_now(history: Sequence[Turn] = ()) -> HandOff:
    desk = InMemoryHandOffDesk()
    wanted = person_wanted("agent", list(history))
    assert wanted is not None
    item = HandingOff(desk, now=lambda: 12.5).hand_over(WHERE, wanted)
    assert desk.get(item.id) == item
    return item


def test_the_entry_holds_what_the_person_needs_and_does_not_name_the_owner() -> None:
    item = wanted_now([abstained()])
    assert (item.question, item.query) == ("Where is the shop?", "Where is the shop? In Hull.")
    assert [place.passage_id for place in item.sources] == ["p1", "p2"]
    assert (item.conversation_id, item.knowledge_base, item.created_at) == ("c1", "harbourline", 12.5)
    assert (item.state, item.delivery) == (HandOffState.OPEN, Delivery.NOT_WANTED)
    assert "ann" not in item.owner_hash
    assert len(item.owner_hash) == 64


def test_the_reply_names_the_entry() -> None:
    item = wanted_now()
    answer = handed_over(item)
    assert item.id[:8] in answer.text
    assert (answer.kind, answer.reason) == (AnswerKind.HANDED_OFF, Reason.ASKED_FOR_PERSON)


def test_a_full_queue_is_told_to_the_caller() -> None:
    desk = InMemoryHandOffDesk(1)
    wanted = person_wanted("agent", [])
    assert wanted is not None
    handing_off = HandingOff(desk)
    handing_off.hand_over(WHERE, wanted)
    with pytest.raises(PartUnavailable):
        handing_off.hand_over(WHERE, wanted)
