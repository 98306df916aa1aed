from __future__ import annotations

import pytest

from generation.polarity import contradicted, stance_of

CALLS = "Receiving a call starts the daily charge, but receiving a text does not."


@pytest.mark.parametrize(
    ("said", "given"),
    [
        ("Receiving a call starts the daily charge.", CALLS),
        ("The guarantee covers the router.", "The guarantee covers the router, not the wifi speed."),
        ("The item is not included.", "The item is excluded."),
        ("The plan has no extra charge.", "The plan is free."),
        ("The plan is free.", "The plan comes at no extra charge."),
        ("The fee is at most £240.", "The fee is never more than £240."),
        ("It does not work without power.", "It does not work without power."),
        ("Agents cannot see the password.", "Agents can't see the password."),
        ("The rule applies to students.", "The rule applies only to students."),
        ("Upload and download are fast.", "Upload and download are fast."),
    ],
)
def test_what_agrees_is_not_contradicted(said: str, given: str) -> None:
    assert contradicted(stance_of(said), stance_of(given)) is None


@pytest.mark.parametrize(
    ("said", "given", "why"),
    [
        (
            "Receiving a text starts the daily charge.",
            CALLS,
            "the sentence leaves out a denial of the evidence (“not”)",
        ),
        (
            "It has a monthly charge.",
            "It has no monthly charge.",
            "the sentence leaves out a denial of the evidence (“no”)",
        ),
        ("It is not refunded.", "It is refunded.", "the evidence does not deny what the sentence denies (“not”)"),
        ("Prices increase.", "Prices decrease.", "the evidence says the opposite of “increase”"),
        ("Add it after the bill.", "Add it before the bill.", "the evidence says the opposite of “after”"),
        ("Switch the hub off.", "Switch the hub on.", "the evidence says the opposite of “switch off”"),
        (
            "It is repaired.",
            "It is repaired unless it is wet.",
            "the evidence makes an exception that the sentence leaves out",
        ),
        ("Saturdays only.", "Saturdays.", "the sentence says “only” where the evidence does not"),
        ("It works except at sea.", "It works.", "the sentence makes an exception that the evidence does not make"),
        ("You pay a fee.", "It is free.", "the evidence says that it is free"),
    ],
)
def test_what_is_turned_round_is_contradicted_and_says_how(said: str, given: str, why: str) -> None:
    assert contradicted(stance_of(said), stance_of(given)) == why


def test_a_denial_reaches_to_the_end_of_its_clause_and_not_into_the_next_denial() -> None:
    one, other = stance_of("A balance is not sent on, and no collection starts.").denials
    assert one.verb == "send"
    assert "collection" not in one.scope
    assert "start" in other.scope
