from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.claims import FactKind, facts_of, matches, without_facts
from generation.numerals import plain_figures


def read(text: str) -> list[tuple[str, str]]:
    return [(str(fact.kind), fact.value) for fact in facts_of(text)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("£1,200", "gbp 1200"),
        ("1200 pounds", "gbp 1200"),
        ("GBP 1200.00", "gbp 1200"),
        ("23p", "gbp 0.23"),
        ("14c", "eur 0.14"),
        ("€ 5.50", "eur 5.5"),
        ("twenty euros", "eur 20"),
    ],
)
def test_an_amount_of_money_has_one_spelling(text: str, value: str) -> None:
    assert read(text) == [("money", value)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 March 2026", "2026-03-01"),
        ("March 1st, 2026", "2026-03-01"),
        ("the 1st of March 2026", "2026-03-01"),
        ("2026-03-01", "2026-03-01"),
        ("01/03/2026", "2026-03-01"),
        ("in March 2026", "2026-03-*"),
        ("on 1 Mar", "*-03-01"),
        ("since December", "*-12-*"),
    ],
)
def test_a_day_has_one_spelling(text: str, value: str) -> None:
    assert read(text) == [("date", value)]


@pytest.mark.parametrize(
    ("text", "value"),
    [("8am", "08:00"), ("8:30 p.m.", "20:30"), ("20:30", "20:30"), ("12 am", "00:00"), ("noon", "12:00")],
)
def test_a_time_of_day_has_one_spelling(text: str, value: str) -> None:
    assert read(text) == [("time", value)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("two weeks", "1209600 seconds"),
        ("14 days", "1209600 seconds"),
        ("a 14-day trial", "1209600 seconds"),
        ("two years", "24 months"),
        ("24-month contract", "24 months"),
        ("three working days", "3 working days"),
        ("1.5 GB", "1500000 b"),
        ("1500MB", "1500000 b"),
        ("108 Mbps", "108000 bps"),
        ("12 V", "12 v"),
        ("15 metres", "15000 mm"),
    ],
)
def test_a_quantity_is_in_one_unit(text: str, value: str) -> None:
    assert read(text) == [("quantity", value)]


def test_other_facts_are_read_as_what_they_are() -> None:
    assert read("Call 0800 772 4410 or +44 117 496 0280.") == [
        ("phone number", "08007724410"),
        ("phone number", "441174960280"),
    ]
    assert read("Error M-523 and HL-404-B on 4G.") == [("code", "m523"), ("code", "hl404b"), ("code", "4g")]
    assert read("the second bill of Zone A at 5 per cent") == [("ordinal", "2"), ("label", "zone a"), ("per cent", "5")]
    assert read("on Sundays in the United Kingdom, daily") == [
        ("day of the week", "sun"),
        ("region", "uk"),
        ("rate", "day"),
    ]
    assert read("Irish or British, tell us in the US") == [("region", "ireland"), ("region", "uk"), ("region", "usa")]
    assert read("See https://Shop.example/a?b=1.") == [("address", "https://shop.example/a?b=1")]


def test_the_number_of_a_product_belongs_to_its_name() -> None:
    (fact,) = facts_of("the Lantern 8 Pro")
    assert (fact.kind, fact.value, fact.head) == (FactKind.NUMBER, "8 pro", "lantern")
    (fact,) = facts_of("Call 1260")
    assert (fact.value, fact.head, fact.opening) == ("1260", "call", True)


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("up to 15 GB", "most"),
        ("within ten minutes", "most"),
        ("no more than two claims", "most"),
        ("until 1 March 2026", "most"),
        ("aged 17 or under", "most"),
        ("at least 15 GB", "least"),
        ("no fewer than two claims", "least"),
        ("from 1 March 2026", "least"),
        ("aged 18 or over", "least"),
        ("we send 15 GB", ""),
    ],
)
def test_a_bound_belongs_to_its_fact(text: str, bound: str) -> None:
    (fact,) = facts_of(text)
    assert fact.bound == bound


def matched(claimed: str, given: str) -> bool:
    (ours,), (theirs,) = facts_of(claimed), facts_of(given)
    return matches(ours, theirs)


def test_a_date_matches_one_that_says_more_not_one_that_says_less() -> None:
    assert matched("in March 2026", "1 March 2026")
    assert not matched("1 March 2026", "in March 2026")
    assert not matched("1 March 2026", "1 March 2027")


def test_a_number_matches_itself_and_a_quantity_only_where_it_counts_nothing() -> None:
    assert matched("the 300", "300 Mbps")
    assert not matched("2 claims", "two months")
    assert matched("2 claims", "two accidents")
    assert not matched("the Fibre 100", "the Lantern 100")
    assert not matched("£20", "€20")


def test_what_is_left_without_facts_keeps_its_places() -> None:
    assert without_facts("It costs £9 now") == "It costs    now"


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_facts_stand_apart_and_in_order(text: str) -> None:
    plain, facts = plain_figures(text), facts_of(text)
    assert all(fact.said == plain[slice(*fact.span)].strip() for fact in facts)
    assert all(one.span[1] <= other.span[0] for one, other in pairwise(facts))
