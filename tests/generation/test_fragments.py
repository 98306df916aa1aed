from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.fragments import completed, is_fragment
from generation.invariants import words_of

BEFORE = "How much is Fibre 100 in the UK?"


@pytest.mark.parametrize(
    ("fragment", "question"),
    [
        ("and in Ireland?", "How much is Fibre 100 in Ireland?"),
        ("In Northern Ireland?", "How much is Fibre 100 In Northern Ireland?"),
        ("what about fibre 500?", "How much is Fibre 500 in the UK?"),
        ("How about Fibre-500", "How much is Fibre 500 in the UK?"),
        ("And for business customers?", "How much is Fibre 100 in the UK? And for business customers?"),
        ("what about roaming?", "How much is Fibre 100 in the UK? What about roaming?"),
        ("why not?", "How much is Fibre 100 in the UK? Why not?"),
    ],
)
def test_a_fragment_takes_its_counterparts_place_or_follows_the_question(fragment: str, question: str) -> None:
    assert completed(fragment, BEFORE) == question


def test_only_the_last_phrase_of_the_preposition_is_exchanged() -> None:
    asked = "Can I use data in a hotel in Spain for work?"
    assert completed("and in Turkey?", asked) == "Can I use data in a hotel in Turkey for work?"
    assert completed("and for fun?", asked) == "Can I use data in a hotel in Spain for fun?"


def test_a_question_joined_before_does_not_grow_without_end() -> None:
    first = completed("what about roaming?", BEFORE)
    assert completed("what about voicemail?", first) == f"{BEFORE} What about voicemail?"


def test_a_place_that_was_left_out_follows_the_question() -> None:
    assert completed("uk, sheffield", "what if i miss the visit") == "what if i miss the visit? Uk, sheffield"


def test_a_question_without_its_mark_gets_one() -> None:
    assert completed("and eSIM?", "cost of a SIM") == "cost of a SIM? And eSIM?"


@pytest.mark.parametrize(
    "message",
    [
        "and in Ireland?",
        "in Ireland",
        "what about fibre 500",
        "or by letter?",
        "why?",
        "Ok, and on Sundays?",
        "how much?",
        "uk",
        "uk, sheffield",
        "Swansea.",
    ],
)
def test_fragments_are_told(message: str) -> None:
    assert is_fragment(message)


@pytest.mark.parametrize(
    "message",
    [
        "And does it work in Spain?",
        "How much is Fibre 100?",
        "What is eSIM?",
        "roaming charges Turkey",
        "Restocking fee?",
        "In Ireland, how do I cancel?",
        "So I moved house last week",
        "and please send me the bill",
        "For business customers there should be another price list somewhere",
        "",
        "?",
        "and",
    ],
)
def test_sentences_and_search_words_are_no_fragments(message: str) -> None:
    assert not is_fragment(message)


LETTERS = st.characters(max_codepoint=0x7E)


@settings(deadline=None)
@given(st.text(LETTERS, max_size=40), st.text(LETTERS, min_size=1, max_size=60))
def test_nothing_is_said_that_the_person_did_not_say(fragment: str, previous: str) -> None:
    assert set(words_of(completed(fragment, previous))) <= {*words_of(fragment), *words_of(previous)}
