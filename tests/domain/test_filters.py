"""Which documents a filter lets through."""

from __future__ import annotations

from datetime import date

import pytest

from domain.filters import Filter, values_of


def where(key: str, *values: str, strict: bool = False) -> Filter:
    return Filter({key: frozenset(values)}, frozenset({key}) if strict else frozenset())


@pytest.mark.parametrize(
    ("metadata", "loosely", "strictly"),
    [
        ({"region": "UK"}, True, True),
        ({"region": "uk"}, True, True),
        ({"region": "IE"}, False, False),
        ({"region": "[UK, IE]"}, True, True),
        ({"region": "IE, FR"}, False, False),
        ({"region": "all"}, True, False),
        ({"region": "null"}, True, False),
        ({"region": ""}, True, False),
        ({}, True, False),
        ({"region": "UKRAINE"}, False, False),
    ],
)
def test_values_are_compared_whole_and_what_holds_for_all_passes(
    metadata: dict[str, str], loosely: bool, strictly: bool
) -> None:
    assert where("region", "UK", "NZ").admits(metadata) is loosely
    assert where("region", "UK", "NZ", strict=True).admits(metadata) is strictly


def test_all_conditions_must_hold() -> None:
    both = Filter({"region": frozenset({"UK"}), "audience": frozenset({"customer"})}, frozenset({"audience"}))
    assert both.admits({"region": "UK", "audience": "customer"})
    assert not both.admits({"region": "UK", "audience": "agent"})
    assert not both.admits({"region": "UK"})
    assert not both.admits({"region": "IE", "audience": "customer"})


@pytest.mark.parametrize(
    ("metadata", "holds"),
    [
        ({"effective_from": "2026-03-01"}, True),
        ({"effective_from": "2026-03-02"}, False),
        ({"effective_until": "2026-03-01"}, True),
        ({"effective_until": "2026-02-28"}, False),
        ({"effective_from": "2025-01-01", "effective_until": "2027-01-01"}, True),
        ({}, True),
    ],
)
def test_a_document_holds_from_its_first_day_to_its_last(metadata: dict[str, str], holds: bool) -> None:
    assert Filter(valid_on=date(2026, 3, 1)).admits(metadata) is holds


def test_an_open_filter_says_so() -> None:
    assert Filter().is_open
    assert not where("region", "UK").is_open
    assert not Filter(valid_on=date(2026, 1, 1)).is_open


def test_a_field_may_name_several_values_or_none() -> None:
    assert values_of("['UK', \"IE\"]") == {"uk", "ie"}
    assert values_of("null") == values_of("") == values_of(" , ") == frozenset()
