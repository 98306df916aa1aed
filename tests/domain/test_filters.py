"""Which documents a filter lets through."""

from __future__ import annotations

from datetime import date

import pytest

from domain.errors import Misconfigured
from domain.filters import OPEN, Filter, holds_between, parse_filter, values_of


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


def test_conditions_are_written_as_people_write_them() -> None:
    assert parse_filter([]) == OPEN
    written = parse_filter(["region=UK, IE", " audience == agent "], "2026-03-31")
    assert written.where == {"region": frozenset({"UK", "IE"}), "audience": frozenset({"agent"})}
    assert (written.strict, written.valid_on) == (frozenset({"audience"}), date(2026, 3, 31))
    assert written.admits({"audience": "agent"})
    assert not written.admits({"audience": "all"})


@pytest.mark.parametrize("text", ["region", "region=", "=UK", "region=,", "", "re gion=UK", "a=UK=IE", "region!=UK"])
def test_a_condition_that_cannot_be_read_is_quoted_with_an_example(text: str) -> None:
    with pytest.raises(Misconfigured, match=r"The condition '.*' cannot be read; .*region=UK,IE"):
        parse_filter([text])


def test_two_conditions_on_one_key_are_refused() -> None:
    with pytest.raises(Misconfigured, match="two conditions on 'region'"):
        parse_filter(["region=UK", "region=IE"])


@pytest.mark.parametrize("text", ["2026-02-30", "tomorrow", "", "31.3.2026"])
def test_a_day_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Misconfigured, match=r"is no day; write it as 2026-03-31"):
        parse_filter([], text)


def test_months_and_years_count_to_their_last_day() -> None:
    for until, last in (
        ("2026-02", date(2026, 2, 28)),
        ("2025", date(2025, 12, 31)),
        ("2026-02-10", date(2026, 2, 10)),
    ):
        assert holds_between({"effective_until": until}, last, last)
        assert not holds_between({"effective_until": until}, date.fromordinal(last.toordinal() + 1), date(2030, 1, 1))
