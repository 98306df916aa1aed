from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.small_talk import small_talk_reply

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
    reply = small_talk_reply(message, "the handbook")
    assert reply
    assert "{" not in reply


@pytest.mark.parametrize("message", QUESTIONS)
def test_a_question_is_never_taken_for_small_talk(message: str) -> None:
    assert small_talk_reply(message, "the handbook") is None


def test_the_reply_names_what_can_be_asked_about() -> None:
    assert "the handbook" in str(small_talk_reply("hello", "the handbook"))


@settings(deadline=None)
@given(st.lists(st.sampled_from(["ok", "thanks", "great", "no", " ", ",", "!", "bye", "that", "x"]), max_size=300))
def test_small_talk_is_told_quickly_whatever_is_typed(parts: list[str]) -> None:
    since = time.perf_counter()
    small_talk_reply("".join(parts), "the handbook")
    assert time.perf_counter() - since < 1
