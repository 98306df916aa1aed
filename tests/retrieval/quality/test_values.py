from __future__ import annotations

from datetime import date

import pytest

from retrieval.quality.values import Value, dates_in, stated_values


def only(text: str) -> Value:
    (value,) = stated_values(text)
    return value


@pytest.mark.parametrize(
    ("text", "unit", "low", "high", "bound"),
    [
        ("The fee is £1,250.50.", "money £", 1250.5, 1250.5, "exact"),
        ("It costs €30 a month.", "money €/month", 30, 30, "exact"),
        ("The price rises by £2 a month.", "money £/month±", 2, 2, "exact"),
        ("A grant of up to $2.5 million.", "money $", 2.5e6, 2.5e6, "most"),
        ("Moving is free of charge.", "money any", 0, 0, "exact"),
        ("A deposit of 20 per cent.", "share %", 20, 20, "exact"),
        ("Reply within fourteen days.", "time day", 14, 14, "most"),
        ("It takes two to three working days.", "time working day", 2, 3, "exact"),
        ("You must be at least 18 years old.", "age year", 18, 18, "least"),
        ("You are 61 years and 9 months old.", "age year", 61.75, 61.75, "exact"),
        ("The line opens at 8.30am.", "clock hour", 8.5, 8.5, "exact"),
        ("At least 20 Mbps.", "measure mbps", 20, 20, "least"),
        ("A home can have up to three Harbour Discs.", "count disc", 3, 3, "most"),
        ("Pay by 3 May 2024.", "date day", date(2024, 5, 3).toordinal(), date(2024, 5, 3).toordinal(), "most"),
    ],
)
def test_a_value_has_a_measure_a_size_and_a_bound(text: str, unit: str, low: float, high: float, bound: str) -> None:
    value = only(text)
    assert (value.unit, value.bound) == (unit, bound)
    assert (value.low, value.high) == pytest.approx((low, high))


@pytest.mark.parametrize(
    "text",
    [
        "The Harbour Hub 3 is black.",
        "Fibre 100 has no limit.",
        "Error M-510 means that the card is not known.",
        "Open http://192.168.1.254 or write to 24hours@example.org.",
        "One of them is enough.",
        "Feel free to ask.",
        "No fee applies if you return it.",
    ],
)
def test_names_addresses_and_phrases_state_no_value(text: str) -> None:
    assert stated_values(text) == ()


def test_a_telephone_number_is_its_digits_with_or_without_the_country() -> None:
    here, abroad = only("Call 0800 772 4430."), only("Call 800 - 827 - 1000.")
    assert (here.unit, here.text) == ("phone", "08007724430")
    assert abroad.agrees(only("Call 1-800-827-1000."))
    assert not abroad.agrees(here)


def test_a_year_and_twelve_months_agree_and_eleven_do_not() -> None:
    assert only("It lasts a total of 1 year.").agrees(only("It lasts 12 months."))
    assert not only("It lasts 1 year.").agrees(only("It lasts 11 months."))


def test_a_value_inside_a_range_agrees_with_it() -> None:
    assert only("A name of 12 to 63 characters.").agrees(only("It has 16 characters."))
    assert not only("A name of 12 to 63 characters.").agrees(only("It has 64 characters."))


def test_spans_point_at_the_values_and_never_overlap() -> None:
    text = "From 1 March 2026 it costs £20 for 2 weeks, or call 0800 772 4430 before 5pm."
    values = stated_values(text)
    assert [text[slice(*value.span)] for value in values] == ["1 March 2026", "£20", "2 weeks", "0800 772 4430", "5pm"]


def test_a_day_that_does_not_exist_is_no_date() -> None:
    assert list(dates_in("On 31 February 2024 and on 29 February 2024.")) == [((27, 43), date(2024, 2, 29))]
