from __future__ import annotations

from datetime import date

import pytest

from retrieval.quality.conflicts import find_conflicts
from retrieval.quality.findings import Kind
from retrieval.quality.pages import Page
from tests.retrieval.quality.handbook import FILLER, article, page

TODAY = date(2026, 6, 1)
LEFT = "The non-return charge for the Garden Gate lamp is £85 in the shop."
RIGHT = "The non-return charge for the Garden Gate lamp is £70 in the shop."
OTHERS = [article(f"filler-{n}", FILLER, f"Ask for form {n} at the desk.") for n in range(6)]


def conflicts(*pages: Page) -> list[tuple[Kind, set[str]]]:
    found = find_conflicts([*pages, *OTHERS], TODAY)
    return [(one.kind, {place.document_id for place in one.places}) for one in found]


def test_two_values_of_one_thing_are_shown_side_by_side_with_the_values_marked() -> None:
    (found,) = find_conflicts([article("a", LEFT, FILLER), article("b", RIGHT), *OTHERS], TODAY)
    assert found.kind is Kind.VALUE_CONFLICT
    assert [place.text for place in found.places] == [LEFT, RIGHT]
    assert [place.text[slice(*place.marks[0])] for place in found.places] == ["£85", "£70"]
    assert found.places[0].section == ("Rules",)
    assert found.places[0].passage_id == "a#rules-1"


def test_a_place_names_the_characters_of_the_document() -> None:
    left = article("a", FILLER, LEFT)
    (found,) = find_conflicts([left, article("b", RIGHT), *OTHERS], TODAY)
    assert left.text[slice(*found.places[0].span)] == LEFT


def test_the_same_value_is_no_conflict() -> None:
    assert conflicts(article("a", LEFT), article("b", LEFT)) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"region": "UK"}, {"region": "IE"}),
        ({"audience": "consumer"}, {"audience": "business"}),
        ({"supersedes": "b"}, {}),
        ({"effective_until": "2026-05-31"}, {}),
        ({}, {"effective_from": "2027-01-01"}),
    ],
    ids=["region", "audience", "superseded", "ended", "not yet"],
)
def test_documents_that_never_hold_together_do_not_contradict(one: dict[str, str], other: dict[str, str]) -> None:
    assert conflicts(article("a", LEFT, metadata=one), article("b", RIGHT, metadata=other)) == []


def test_a_document_for_everybody_contradicts_one_for_some() -> None:
    pages = article("a", LEFT, metadata={"region": "all"}), article("b", RIGHT, metadata={"region": "IE"})
    assert conflicts(*pages) == [(Kind.VALUE_CONFLICT, {"a", "b"})]


@pytest.mark.parametrize(
    "other",
    [
        "The non-return charge for the Garden Wall lamp is £70 in the shop.",
        "The non-return charge for the Garden Gate lamp was £70 in the shop.",
        "The non-return charge for the Garden Gate lamp is €70 in the shop.",
        "The non-return charge for the Garden Gate lamp is up to 70% in the shop.",
    ],
    ids=["another name", "the past", "another currency", "another measure"],
)
def test_what_is_not_comparable_is_no_conflict(other: str) -> None:
    named = article("names", "See the Garden Gate and the Garden Wall.")
    assert conflicts(article("a", LEFT), article("b", other), named) == []


def test_a_document_that_also_says_the_same_is_in_agreement() -> None:
    assert (
        conflicts(article("a", LEFT), article("b", LEFT, "The non-return charge for a lamp is £70 in the shop.")) == []
    )


def test_a_sentence_that_leans_on_its_heading_is_compared_under_like_headings_only() -> None:
    one = page("a", "# Lamps\n\n## Repair of lamps\n\nThe final review of a file takes five working days.")
    near = page("b", "# Lamps again\n\n## Repair of lamps\n\nThe final review of a file takes nine working days.")
    far = page("c", "# Complaints\n\n## Letters\n\nThe final review of a file takes eight working days.")
    assert conflicts(one, far) == []
    assert conflicts(one, near) == [(Kind.VALUE_CONFLICT, {"a", "b"})]


def test_one_sentence_in_many_documents_is_one_finding() -> None:
    found = conflicts(article("a", LEFT), article("b", RIGHT), article("c", RIGHT))
    assert found == [(Kind.VALUE_CONFLICT, {"a", "b", "c"})]


def test_a_sentence_and_its_denial_contradict() -> None:
    said = "Customers can return opened garden lamps by post to the warehouse in Leeds."
    denied = "Customers cannot return opened garden lamps by post to the warehouse in Leeds."
    assert conflicts(article("a", said), article("b", denied)) == [(Kind.NEGATION_CONFLICT, {"a", "b"})]
    assert conflicts(article("a", said), article("b", said)) == []


def test_a_denial_under_a_condition_is_no_contradiction() -> None:
    said = "Customers can return opened garden lamps by post to the warehouse in Leeds."
    denied = "Customers cannot return opened garden lamps by post to the warehouse in Leeds if they are wet."
    assert conflicts(article("a", said), article("b", denied)) == []


def test_nothing_is_found_in_nothing() -> None:
    assert find_conflicts([], TODAY) == ()
