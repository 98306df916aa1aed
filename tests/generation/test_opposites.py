"""Answers that tell the opposite of what was asked for: which are seen through, and which are left alone."""

from __future__ import annotations

import pytest

from generation.opposites import reversed_actions


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("how do i turn the network filter off", "Turn on the filter in your account under Safety."),
        ("how do i turn on the network filter", "Turn the filter off in your account."),
        ("how do i disable the filter", "Switch on the filter in your account."),
        ("How is the filter activated?", "Turning the filter off takes a minute."),
        ("How do I add a line?", "Remove a line in your account."),
        ("How do I remove a line?", "Adding a line takes a day."),
        ("how do I stop the service", "Start the service with the green button."),
        ("how do I start the service", "The service is ended by a text."),
        ("how do I cancel my plan", "You can renew the plan every year."),
        ("how do I renew my plan", "You can cancel the plan at any time."),
        ("do I pay before the move", "You pay after the move."),
        ("do I pay after the move", "You pay before the move."),
        ("what is it without a contract", "It costs £10 with a contract."),
        ("what is it with a contract", "It costs £10 without a contract."),
        ("how do I sign out of my account", "Sign in to your account with a code."),
        ("how do I opt out of letters", "Opt in to letters by e-mail."),
        ("how do I turn it off?", "Turn it on in your account."),
    ],
)
def test_a_sentence_that_tells_the_opposite_of_the_action_asked_about_is_seen_through(
    question: str, sentence: str
) -> None:
    assert reversed_actions(question, [sentence]) == 1


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("how do i turn the filter off", "Turn the filter on or off in your account."),
        ("how do i turn the filter off", "The filter is turned on and turned off under Safety."),
        ("how do I remove a line?", "Add or remove a line in your account."),
        ("do I pay before the move", "You pay before the move or after the move."),
    ],
)
def test_a_sentence_that_names_both_is_left_alone(question: str, sentence: str) -> None:
    assert reversed_actions(question, [sentence]) == 0


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("how do i turn the filter off", "Disable the filter under Safety."),  # in other words
        ("how do i turn the lock off", "Remove the lock, then turn it on again."),
        ("how do i stop calls", "Turn on the filter to stop calls."),
        ("how do i stop spam calls", "Turn on the filter for spam calls."),  # by turning something else on
        ("how do i turn the filter off", "Turn on the kettle."),  # of another thing
        ("how do i turn the filter off", "You cannot turn the filter on again."),  # denied
        ("how do I add or remove a line", "Add a line in your account."),  # both asked about
        ("how do I avoid renewing the plan", "Cancel the plan in your account."),  # turned round by the question
        ("is the phone locked", "Every phone is unlocked."),  # yes and no answer it alike
        ("can I move without a contract", "Choose a plan with care."),  # with something else
        ("£5 off the bill", "The bill goes on."),
        ("where can I buy a router", "We sell the router in our shops."),  # the same, from the other side
        ("what is the fee", "Turn the filter on."),
        ("", ""),
    ],
)
def test_what_is_no_opposite_is_left_alone(question: str, sentence: str) -> None:
    assert reversed_actions(question, [sentence]) == 0


def test_the_nearest_level_that_names_the_action_or_its_opposite_decides() -> None:
    question = "how do i remove a line"
    assert reversed_actions(question, ["Open your account.", "Adding a line", "Lines"]) == 1
    assert reversed_actions(question, ["Open your account.", "Removing a line", "Adding a line"]) == 0
    assert reversed_actions(question, ["Remove the line.", "Adding a line"]) == 0
    assert reversed_actions(question, ["Open your account."]) == 0
    assert reversed_actions(question, []) == 0


def test_every_action_that_is_turned_round_counts() -> None:
    assert reversed_actions("add a line and upload a picture", ["Remove the line, then download the picture."]) == 2
