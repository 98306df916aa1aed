from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.policy import MAX_MESSAGE_CHARACTERS, Policy, PolicySettings, accept
from domain.answer import Answer, AnswerKind, Candidate, Weighting
from domain.conversation import Query
from domain.errors import QuestionRejected
from domain.passage import RetrievedPassage
from domain.protocols import Draft
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


SMALL_TALK = [
    "no worries, ta for your help",
    "Thanks a million anyway",
    "Thank you, you have been most patient with an old man.",
    "evening all",
    "Hi there, is this a robot or a person.",
    "no bother, talk soon",
    "hi", "Hello!", "hey there", "Good morning.", "good evening everyone", "thanks", "Thank you so much!!", "ta",
    "ok, thanks", "great thank you, bye", "no thanks", "Thanks, that's all.", "cheers", "many thanks for your help",
    "bye", "Goodbye.", "see you later", "have a nice day", "ok", "OK great", "got it", "I see.", "perfect!",
    "who are you?", "are you a robot?", "are you a real person", "what can you do?", "help", "how are you today?",
    "hi, can you help me?", "thanks 😊", "Hello 👋",
]  # fmt: skip
QUESTIONS = [
    "thanks, my router light is red",
    "thank you but how much is it",
    "cheers. and in Ireland",
    "ta, 30 days then",
    "thanks, but how do I cancel?", "hi, how much is Fibre 100?", "ok so what is the fee", "help me cancel",
    "hello kitty phone cases", "thank you notes", "good broadband?", "what are your prices", "who are you owned by",
    "how are you going to fix my line", "bye-laws", "right to cancel", "see you tomorrow about the engineer",
    "no", "great, and in Ireland?", "are you open on Sundays", "can you help me cancel", "perfect plan for gaming",
    "high", "okta login", "tax", "thanks for nothing, my router is broken", "what can you do about my bill",
]  # fmt: skip


@pytest.mark.parametrize("message", SMALL_TALK)
def test_small_talk_gets_a_friendly_reply(message: str) -> None:
    reply = Policy(FullStopWeigher(), subject="the handbook").small_talk(message)
    assert reply is not None
    assert reply.kind is AnswerKind.SMALL_TALK
    assert reply.confidence == 0.0
    assert "{" not in reply.text


@pytest.mark.parametrize("message", QUESTIONS)
def test_a_question_is_never_taken_for_small_talk(message: str) -> None:
    assert Policy(FullStopWeigher()).small_talk(message) is None


def test_the_reply_names_what_can_be_asked_about() -> None:
    reply = Policy(FullStopWeigher(), subject="the handbook").small_talk("hello")
    assert reply is not None
    assert "the handbook" in reply.text


@settings(deadline=None)
@given(st.lists(st.sampled_from(["ok", "thanks", "great", "no", " ", ",", "!", "bye", "that", "x"]), max_size=300))
def test_small_talk_is_told_quickly_whatever_is_typed(parts: list[str]) -> None:
    since = time.perf_counter()
    Policy(FullStopWeigher()).small_talk("".join(parts))
    assert time.perf_counter() - since < 1


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
