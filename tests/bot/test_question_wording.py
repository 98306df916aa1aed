"""A heading becomes the question that a person would ask, and its names stay names."""

from __future__ import annotations

import pytest

from bot.question_wording import question_from

TEXT = (
    "The price of a call is in the table. An extra is paid monthly, and a steady light means a line that is good. "
    "At the Irish desk, Harbour is said."
)


@pytest.mark.parametrize(
    ("heading", "question"),
    [
        ("Who can join", "Who can join?"),
        ("What is included in Ireland", "What is included in Ireland?"),
        ("What happens when data runs out", "What happens when data runs out?"),
        ("How to cancel in the UK", "How do I cancel in the UK?"),
        ("What to return and when", "What should I return and when?"),
        ("When to call", "When should I call?"),
        ("If you forget your password", "What if I forget my password?"),
        ("If you are refused", "What if I am refused?"),
        ("How many discs you can have", "Can you tell me how many discs I can have?"),
        ("What you pay", "Can you tell me what I pay?"),
        ("When the fee is charged", "Can you tell me when the fee is charged?"),
        ("Keep your number", "How do I keep my number?"),
        ("Turn on roaming", "How do I turn on roaming?"),
        ("Order status", "What about order status?"),
        ("After the call", "What happens after the call?"),
        ("Price of a call", "What is the price of a call?"),
        ("Signs of a swap", "What are the signs of a swap?"),
        ("Steady red light", "What about steady red light?"),
        ("Call", "What about a call?"),
        ("Irish opening hours", "What are the Irish opening hours?"),
        ("Cancel call forwarding", "How do I cancel call forwarding?"),
        ("Find out about an outage", "How do I find out about an outage?"),
        ("Stop Harbourline marketing", "How do I stop Harbourline marketing?"),
        ("Transfer the account", "How do I transfer the account?"),
        ("All the lights", "What about all the lights?"),
        ("Payment method surcharge", "What is the payment method surcharge?"),
        ("Limits and exceptions", "What are the limits and exceptions?"),
        ("Monthly prices from 1 April 2026", "What are the monthly prices from 1 April 2026?"),
        ("Charge if it is not returned", "What is the charge if it is not returned?"),
        ("Paying the fee", "What about paying the fee?"),
        ("Table of hub lights", "What about hub lights?"),
        ("Repair price table", "What is the repair price?"),
        ("The ombudsman", "What about the ombudsman?"),
        ("Is it free?", "Is it free?"),
        ("提前终止费", "提前终止费？"),
    ],
    ids=lambda text: text[:30],
)
def test_a_heading_is_asked_as_a_person_would(heading: str, question: str) -> None:
    below = f"{TEXT} Before a swap there are signs." if "Signs" in heading else TEXT
    assert question_from(heading, below) == question
