from __future__ import annotations

import pytest

from bot.pending import chosen, taken_up
from domain.answer import Answer, AnswerKind
from domain.conversation import Gate, Query, Turn

REGIONS = ("In the UK", "In Ireland")
HUBS = ("Harbour Hub 2", "Harbour Hub 3")


@pytest.mark.parametrize(
    ("message", "options", "at"),
    [
        ("In Ireland", REGIONS, 1),
        ("in the uk", REGIONS, 0),
        ("uk", REGIONS, 0),
        ("ireland pls", REGIONS, 1),
        ("I'm in Irelnd", REGIONS, 1),
        ("the second one", REGIONS, 1),
        ("the first please", REGIONS, 0),
        ("the latter", REGIONS, 1),
        ("last one", REGIONS, 1),
        ("2", REGIONS, 1),
        ("option 1", REGIONS, 0),
        ("hub 3 i think", HUBS, 1),
        ("2", HUBS, 0),  # the name before the place
        ("Harbour Hub 3", HUBS, 1),
    ],
)
def test_an_option_is_chosen_by_its_name_a_word_of_it_or_its_place(
    message: str, options: tuple[str, ...], at: int
) -> None:
    choice = chosen(message, options)
    assert choice is not None
    assert (choice.option, choice.text) == (at, options[at])


def test_what_else_the_answer_says_is_kept() -> None:
    choice = chosen("uk, sheffield", REGIONS)
    assert choice is not None
    assert (choice.option, choice.text) == (0, "uk, sheffield")


@pytest.mark.parametrize("message", ["wexford", "Swansea.", "just the one light on the front", "both"])
def test_a_short_answer_in_other_words_is_an_answer(message: str) -> None:
    choice = chosen(message, REGIONS)
    assert choice is not None
    assert (choice.option, choice.text) == (None, message)


@pytest.mark.parametrize(
    "message",
    [
        "what does Fibre 100 cost",
        "can you tell me the opening hours",
        "Ireland?",
        "I would rather know about the fees that you take when I move from Leeds to York next week",
        "!!",
    ],
)
def test_another_question_is_no_answer(message: str) -> None:
    assert chosen(message, REGIONS) is None


def test_the_pending_question_is_completed_and_says_why() -> None:
    asked = Query("Price of the static IP?", "static ip price", Gate.REWRITE, "", 0.9, ("before",))
    turn = Turn("t", "static ip price", asked, Answer("Which?", AnswerKind.CLARIFYING, options=REGIONS))
    choice = chosen("ireland pls", REGIONS)
    assert choice is not None
    query = taken_up("ireland pls", turn, choice)
    assert query.text == "Price of the static IP, in Ireland?"
    assert query.original == "ireland pls"
    assert (query.gate, query.context) == (Gate.REWRITE, ("before",))
    assert query.reason == "“ireland pls” answers what was asked back about “static ip price”"
