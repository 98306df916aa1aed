from __future__ import annotations

from datetime import date

import pytest

from retrieval.validity import asks_about_past, superseded

TODAY = date(2026, 11, 22)


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
