from __future__ import annotations

from datetime import date

import pytest

from retrieval.quality.findings import Kind
from retrieval.quality.staleness import find_stale, last_touched
from tests.retrieval.quality.handbook import FILLER, article

TODAY = date(2026, 6, 1)


def kinds(*sentences: str, **metadata: str) -> list[Kind]:
    return [one.kind for one in find_stale([article("a", FILLER, *sentences, metadata=metadata)], TODAY)]


@pytest.mark.parametrize(
    ("metadata", "kind"),
    [
        ({"effective_until": "2026-05-31"}, Kind.EXPIRED),
        ({"review_by": "2026-05"}, Kind.REVIEW_OVERDUE),
        ({"effective_from": "2023-05-31"}, Kind.NOT_UPDATED),
    ],
)
def test_metadata_says_what_has_aged(metadata: dict[str, str], kind: Kind) -> None:
    assert kinds(**metadata) == [kind]


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"effective_until": "2026-06-01"},
        {"review_by": "2026-06-01"},
        {"effective_from": "2023-06-02"},
        {"effective_from": "2019-01-01", "last_reviewed": "2026-01-01"},
        {"effective_until": "soon"},
    ],
)
def test_what_still_holds_is_left_alone(metadata: dict[str, str]) -> None:
    assert kinds(**metadata) == []


@pytest.mark.parametrize(
    "sentence",
    [
        "The new counter will open on 1 March 2024.",
        "Apply by 3 May 2025.",
        "Beginning on October 1, 2020, you will need a new card.",
    ],
)
def test_a_day_gone_by_that_is_told_as_coming_is_found(sentence: str) -> None:
    (found,) = find_stale([article("a", FILLER, sentence)], TODAY)
    assert found.kind is Kind.PAST_DATE
    assert found.places[0].text == sentence
    assert found.places[0].text[slice(*found.places[0].marks[0])] in sentence


@pytest.mark.parametrize(
    "sentence",
    [
        "The counter was moved on 1 March 2024.",
        "Messages could be read until 31 December 2021.",
        "If you were born before 2 January 1954, you will get less.",
        "The new counter will open on 1 March 2027.",
        "The rules of 1 March 2024 hold.",
    ],
)
def test_history_conditions_and_days_to_come_are_not(sentence: str) -> None:
    assert kinds(sentence) == []


def test_a_replaced_document_is_named_with_the_one_that_replaces_it() -> None:
    pages = [article("old", FILLER), article("new", FILLER, metadata={"supersedes": "old"})]
    (found,) = find_stale(pages, TODAY)
    assert (found.kind, found.places[0].document_id, found.facts) == (Kind.SUPERSEDED, "old", {"replaced by": "new"})


def test_the_oldest_comes_first() -> None:
    pages = [article(str(year), FILLER, metadata={"effective_from": f"{year}-01-01"}) for year in (2021, 2018, 2020)]
    assert [one.places[0].document_id for one in find_stale(pages, TODAY)] == ["2018", "2020", "2021"]


def test_the_last_change_counts() -> None:
    assert last_touched({"effective_from": "2020-01-01", "updated": "2025-02-03T10:00"}) == date(2025, 2, 3)
    assert last_touched({"updated": "2025-13-40"}) is None
