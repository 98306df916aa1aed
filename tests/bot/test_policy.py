from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.clarifying import Clarifier
from bot.handing_off import HandingOff, Where
from bot.policy import MAX_MESSAGE_CHARACTERS, Policy, PolicySettings, accept
from bot.telling_words import TellingWords
from domain.answer import Answer, AnswerKind, Candidate, Reason, Weighting
from domain.conversation import Query, Turn
from domain.errors import QuestionRejected
from domain.passage import Passage, RetrievedPassage
from domain.protocols import Draft
from memory.hand_off_queue import InMemoryHandOffDesk
from tests.bot.fakes import FullStopWeigher, found

QUERY = Query("how much", "how much")
DRAFT = Draft("It is £4.", -1.0, 4, "beam 1")


def test_a_message_is_trimmed_and_freed_of_control_characters() -> None:
    assert accept("  How much?\x00\x1b[31m\u202e\r\n ") == "How much?  [31m"
    assert accept("two\nlines\tand a tab") == "two\nlines\tand a tab"


def test_letters_marks_and_emoji_of_every_script_stay() -> None:
    for text in ("قیمت می\u200cشود؟", "👩\u200d👩\u200d👧 plan?", "किराया कितना है?", "cafe\u0301", "套餐多少钱？"):
        assert accept(text) == text


@pytest.mark.parametrize("message", ["", "   \n\t", "\x00\x07", "\u200b\u2060", "\u200d\u200c"])
def test_an_empty_message_is_rejected_in_words_for_the_person(message: str) -> None:
    with pytest.raises(QuestionRejected, match="Please type a question"):
        accept(message)


def test_the_longest_message_passes_and_one_character_more_does_not() -> None:
    assert len(accept("x" * MAX_MESSAGE_CHARACTERS)) == MAX_MESSAGE_CHARACTERS
    with pytest.raises(QuestionRejected, match=r"4,001 characters"):
        accept("x" * (MAX_MESSAGE_CHARACTERS + 1))


@given(st.text(max_size=50))
def test_accepting_twice_changes_nothing_more(message: str) -> None:
    try:
        once = accept(message)
    except QuestionRejected:
        return
    assert accept(once) == once


def test_a_confident_answer_is_given_as_proposed() -> None:
    weigher = FullStopWeigher(0.5)
    answer = Policy(weigher, PolicySettings(0.5)).choose(QUERY, [found(1)], [DRAFT])
    assert answer == weigher.propose(QUERY, [found(1)], [DRAFT])


def test_below_the_threshold_it_says_that_it_does_not_know() -> None:
    answer = Policy(FullStopWeigher(0.49), PolicySettings(0.5), subject="the handbook").choose(
        QUERY, [found(1)], [DRAFT]
    )
    assert answer.kind is AnswerKind.ABSTAINED
    assert answer.text == "I could not find a sure answer to this in the handbook."
    assert answer.citations == ()
    assert answer.confidence == 0.49


def test_with_nothing_found_it_says_so() -> None:
    answer = Policy(FullStopWeigher(), subject="the handbook").choose(QUERY, [], [])
    assert (answer.kind, answer.text) == (AnswerKind.ABSTAINED, "I could not find this in the handbook.")
    assert answer.confidence == 0.0


class WeighingWeigher(FullStopWeigher):
    """Proposes with the whole weighing attached."""

    def propose(self, query: Query, evidence: Sequence[RetrievedPassage], drafts: Sequence[Draft]) -> Answer | None:
        candidate = Candidate("It is £4.", AnswerKind.GENERATED, "beam 1", 0.2, 0.2, -1.6, chosen=True)
        return Answer("It is £4.", AnswerKind.GENERATED, (), 0.2, Weighting(0.5, "adaptive", (candidate,)))


def test_an_abstention_keeps_the_weighing_with_nothing_chosen() -> None:
    answer = Policy(WeighingWeigher(), PolicySettings(0.5)).choose(QUERY, [found(1)], [DRAFT])
    assert answer.weighting is not None
    assert [one.text for one in answer.weighting.candidates] == ["It is £4."]
    assert not answer.weighting.candidates[0].chosen


def test_what_may_be_shown_early_is_the_weighers_word() -> None:
    assert Policy(FullStopWeigher()).presentable("It is £4. And", [found(1)]) == "It is £4."


def abstained_before(reason: Reason = Reason.UNSURE) -> Turn:
    return Turn("t", "and why?", QUERY, Answer("I do not know.", AnswerKind.ABSTAINED, reason=reason))


def test_an_abstention_says_why_and_offers_nobody_without_a_queue() -> None:
    answer = Policy(FullStopWeigher(0.1)).choose(QUERY, [found(1)], [DRAFT])
    assert (answer.reason, answer.offers_person) == (Reason.UNSURE, False)
    assert Policy(FullStopWeigher()).choose(QUERY, [], []).reason is Reason.NOTHING_FOUND


def test_with_a_queue_an_abstention_offers_a_person_and_the_second_in_a_row_in_words() -> None:
    policy = Policy(FullStopWeigher(0.1), handing_off=HandingOff(InMemoryHandOffDesk()))
    first = policy.choose(QUERY, [found(1)], [DRAFT])
    second = policy.choose(QUERY, [found(1)], [DRAFT], [abstained_before()])
    after_chatter = policy.choose(QUERY, [found(1)], [DRAFT], [abstained_before(Reason.FOREIGN)])
    assert first.offers_person
    assert second.offers_person
    assert "person" not in first.text + after_chatter.text
    assert second.text.endswith("Would you like a person to look at it?")


def test_danger_comes_before_everything_and_names_a_person_only_where_there_is_one() -> None:
    alone = Policy(FullStopWeigher()).without_search("thanks, i want to die", [], None)
    with_queue = Policy(FullStopWeigher(), handing_off=HandingOff(InMemoryHandOffDesk())).without_search(
        "i want to die", [], None
    )
    assert alone is not None
    assert with_queue is not None
    assert (alone[0].reason, alone[0].offers_person) == (Reason.EMERGENCY, False)
    assert "person here" not in alone[0].text
    assert "A person here can talk with you" in with_queue[0].text
    assert with_queue[1] == "emergency: nothing is searched"


def test_a_topic_of_the_documents_is_not_declined() -> None:
    policy = Policy(FullStopWeigher(), subject_words=frozenset({"weather"}))
    assert policy.without_search("what's the weather like", [], None) is None


def test_without_a_queue_a_request_for_a_person_is_looked_up() -> None:
    assert Policy(FullStopWeigher()).without_search("agent please", [], None) is None


def test_a_person_is_called_only_for_somebody() -> None:
    desk = InMemoryHandOffDesk()
    policy = Policy(FullStopWeigher(), handing_off=HandingOff(desk))
    replayed = policy.without_search("agent please", [], None)
    assert replayed is not None
    assert replayed[0].kind is AnswerKind.HANDED_OFF
    assert list(desk.list()) == []
    policy.without_search("agent please", [], Where("ann", "c1", "kb"))
    assert len(desk.list()) == 1


def test_a_queue_that_takes_no_more_is_admitted() -> None:
    policy = Policy(FullStopWeigher(), handing_off=HandingOff(InMemoryHandOffDesk(1)))
    policy.without_search("agent please", [], Where("ann", "c1", "kb"))
    reply = policy.without_search("agent please", [], Where("ann", "c1", "kb"))
    assert reply is not None
    assert (reply[0].kind, reply[0].reason) == (AnswerKind.ABSTAINED, Reason.ASKED_FOR_PERSON)
    assert reply[0].offers_person
    assert "could not pass your question on" in reply[0].text


class RivalWeigher(FullStopWeigher):
    """Proposes the UK's fee, with Ireland's nearly as likely."""

    def propose(self, query: Query, evidence: Sequence[RetrievedPassage], drafts: Sequence[Draft]) -> Answer | None:
        candidates = tuple(
            Candidate(one.passage.text, AnswerKind.QUOTED, f"quote {n}", 0.5, 0.5, -0.7, chosen=n == 1)
            for n, one in enumerate(evidence, start=1)
        )
        weighting = Weighting(0.5, "adaptive", candidates)
        return Answer(candidates[0].text, AnswerKind.QUOTED, (), self.confidence, weighting)


def region(number: int, name: str, text: str) -> RetrievedPassage:
    return RetrievedPassage(
        Passage(f"p{number}", name, "Fee", text, "", (0, len(text)), (), {"region": name}), 1.0, number
    )


FEES = [region(1, "UK", "The fee is £20 in the UK."), region(2, "IE", "The fee is €30 in Ireland.")]
ASKING = Policy(RivalWeigher(0.9), clarifier=Clarifier(TellingWords([one.passage for one in FEES])))


def test_two_readings_are_asked_about_even_where_the_answer_is_sure() -> None:
    answer = ASKING.choose(QUERY, FEES, [])
    assert (answer.kind, answer.options) == (AnswerKind.CLARIFYING, ("In the UK", "IE"))
    assert answer.weighting is not None
    assert not any(one.chosen for one in answer.weighting.candidates)


def test_it_never_asks_back_twice_in_a_row() -> None:
    asked = Turn("t", "how much", QUERY, ASKING.choose(QUERY, FEES, []))
    assert ASKING.choose(QUERY, FEES, [], [asked]).kind is AnswerKind.QUOTED


def test_the_same_choice_is_put_once_in_a_conversation() -> None:
    asked = Turn("t", "how much", QUERY, ASKING.choose(QUERY, FEES, []))
    answered = Turn("t", "kerry", QUERY, Answer("It is £20.", AnswerKind.QUOTED))
    assert ASKING.choose(QUERY, FEES, [], [asked, answered]).kind is AnswerKind.QUOTED
    assert ASKING.choose(QUERY, FEES, [], [answered]).kind is AnswerKind.CLARIFYING


def test_what_the_person_said_before_is_not_asked_again() -> None:
    earlier = Turn("t", "I am in the UK", QUERY, Answer("Fine.", AnswerKind.QUOTED))
    assert ASKING.choose(QUERY, FEES, [], [earlier]).kind is AnswerKind.QUOTED


def test_an_answer_to_what_was_asked_back_completes_the_question() -> None:
    asked = Turn("t", "how much", QUERY, ASKING.choose(QUERY, FEES, []))
    query = ASKING.taken_up("ie", [asked])
    assert query is not None
    assert query.text == "how much, IE?"
    assert ASKING.taken_up("what is the notice period?", [asked]) is None
    assert ASKING.taken_up("ie", []) is None
    assert ASKING.taken_up("ie", [abstained_before()]) is None
