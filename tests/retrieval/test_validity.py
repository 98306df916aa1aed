from __future__ import annotations

from datetime import date

import pytest

from retrieval.validity import TODAY_ONLY, asked_time, not_holding, superseded

TODAY = date(2026, 11, 22)


def asks_about_past(text: str, today: date) -> bool:
    """Whether ``text`` names a day, month or year that is over, or speaks of how things were."""
    asked = asked_time([text], today)
    return asked.past or any(last < today for _, last in asked.spans)


@pytest.mark.parametrize(
    "text",
    [
        "What did the plan cost in 2024?",
        "fees in March 2026",
        "my bill of 2026-10-03",
        "What was the price of Fibre 100?",
        "what did it cost before the increase",
        "And before?",
        "the old roaming charges",
        "previously the fee was waived",
        "last year's prices",
        "what we used to pay",
        "the terms from two years ago",
    ],
)
def test_these_ask_about_the_past(text: str) -> None:
    assert asks_about_past(text, TODAY)


@pytest.mark.parametrize(
    "text",
    [
        "How much is Fibre 100?",
        "What must I do before I cancel?",
        "before the engineer comes, what should I unplug?",
        "prices in 2026",
        "prices from January 2027",
        "call 0800 555 2010 now",
        "what happens at the end of November 2026",
        "do I keep my gold status",
    ],
)
def test_these_ask_about_the_present(text: str) -> None:
    assert not asks_about_past(text.replace("2010", "9010"), TODAY)


def test_the_document_named_by_supersedes_is_superseded() -> None:
    assert superseded({"new": {"supersedes": "old"}, "old": {}, "other": {}}, TODAY) == {"old"}


def test_one_document_may_replace_several_and_chains_replace_all_but_the_last() -> None:
    assert superseded({"c": {"supersedes": "b, x"}, "b": {"supersedes": "a"}}, TODAY) == {"a", "b", "x"}


def test_a_replacement_counts_from_the_day_it_takes_effect() -> None:
    documents = {"new": {"supersedes": "old", "effective_from": "2026-11-22"}}
    assert superseded(documents, date(2026, 11, 21)) == frozenset()
    assert superseded(documents, date(2026, 11, 22)) == {"old"}


def test_documents_that_replace_each_other_or_themselves_all_stay() -> None:
    assert superseded({"a": {"supersedes": "b"}, "b": {"supersedes": "a"}}, TODAY) == frozenset()
    assert superseded({"a": {"supersedes": "a"}}, TODAY) == frozenset()


TARIFF = {
    "old": {"effective_from": "2024-04-01"},
    "current": {"effective_from": "2026-03-01", "supersedes": "old"},
    "next": {"effective_from": "2027-04-01", "supersedes": "current"},
    "offer": {"effective_until": "2026-08-31"},
    "page": {"effective_from": "2026-06-01"},
    "notice": {"effective_from": "2027-01-01"},
}
"""Three versions of a price list, an offer that has run out, a page without other versions, a notice for next year."""


@pytest.mark.parametrize(
    ("question", "answered_by"),
    [
        ("How much is it?", "current page"),
        ("How long will delivery take?", "current page"),
        ("What does it cost in 2026?", "current page"),
        ("What did it cost in 2025?", "old offer page"),
        ("What did it cost on 1 March 2026?", "current offer page"),
        ("What did it cost on 28 February 2026?", "old offer page"),
        ("what did it cost on March 1st, 2026", "current offer page"),
        ("bill of 2026-02-28", "old offer page"),
        ("What did it cost before March 2026?", "old offer page"),
        ("what did we pay in nov 2025", "old offer page"),
        ("what did we pay two years ago", "old offer page"),
        ("what did we pay last month", "current page"),
        ("I joined in 2025, what does it cost now?", "old current offer page"),
        ("What does it cost since 2025?", "current page"),
        ("What did it cost in 2023?", "offer page"),
        ("what was the price", "old current offer page"),
        ("the price before the increase", "old current offer page"),
        ("What will it cost in 2027?", "current next page notice"),
        ("What will it cost in January 2027?", "current page notice"),
        ("What will it cost in May 2027?", "next page notice"),
        ("and from 1 April 2027", "next page notice"),
        ("What will it cost next year?", "current next page notice"),
        ("price starting January", "current page notice"),
        ("My contract ends in June 2028, what is the fee today?", "current next page notice"),
        ("Are prices going up?", "current next page notice"),
        ("the upcoming price change", "current next page notice"),
        ("The old price and the planned increase", "old current next offer page notice"),
    ],
)
def test_a_question_is_answered_by_the_documents_that_hold_when_it_asks_about(question: str, answered_by: str) -> None:
    out = not_holding(TARIFF, asked_time([question], TODAY), TODAY)
    assert sorted(TARIFF.keys() - out) == sorted(answered_by.split())


def test_the_same_question_is_answered_by_the_next_version_once_it_holds() -> None:
    day = date(2027, 4, 1)
    assert not_holding(TARIFF, TODAY_ONLY, day) == {"old", "current", "offer"}


def test_what_a_rewrite_adds_to_the_message_counts_and_a_message_without_a_time_says_nothing() -> None:
    typed, rewritten = "and in 2025?", "How much did the plan cost in 2025?"
    assert asked_time([rewritten, "how much?"], TODAY) == asked_time([rewritten], TODAY)
    assert asked_time([typed, rewritten], TODAY).spans == ((date(2025, 1, 1), date(2025, 12, 31)),) * 2
    assert asked_time(["how much?", ""], TODAY) == TODAY_ONLY


@pytest.mark.parametrize("text", ["31 June 2027", "2027-13-01", "call 2030 0000 0000 now", "in the year 2026", "may 5"])
def test_no_day_is_made_of_what_is_none(text: str) -> None:
    assert all(first.year >= 2027 for first, _ in asked_time([text], TODAY).spans)


def test_a_bill_from_a_month_is_the_last_one_of_that_month() -> None:
    assert asked_time(["the bill from May"], TODAY).spans == ((date(2026, 5, 1), date(2026, 5, 31)),)
    assert asked_time(["my bill from Dec"], TODAY).spans == ((date(2025, 12, 1), date(2025, 12, 31)),)


def test_metadata_that_names_no_date_rules_nothing_out() -> None:
    documents = {
        "a": {"effective_from": "null", "effective_until": "open", "supersedes": "null"},
        "b": {"effective_from": "2026", "effective_until": "2026-11"},
        "c": {"effective_from": "2026-12", "effective_until": ""},
    }
    assert not_holding(documents, TODAY_ONLY, TODAY) == {"c"}
