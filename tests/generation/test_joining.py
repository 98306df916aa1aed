from __future__ import annotations

import pytest

from domain.passage import RetrievedPassage
from generation.joining import together, worth_telling
from generation.quoting import Quote, quotes
from tests.generation.evidence import passage, reading

ASKED = "What does Fibre 100 cost in the UK?"


def part(text: str, score: float, heading: str = "Prices", **metadata: str) -> Quote:
    source = passage(1, text, heading, **metadata)
    return Quote(source, ((0, len(text)),), text, score)


FIRST = part("Fibre 100 costs £29 a month.", 0.6)


def told(*others: Quote, asked: str = ASKED, first: Quote = FIRST) -> list[str]:
    return [one.text for one in worth_telling(asked, (first, *others))][1:]


def test_another_price_of_what_was_asked_for_is_told() -> None:
    text = "Fibre 100 costs £33 a month on 12 months."
    assert told(part(text, 0.5)) == [text]


@pytest.mark.parametrize(
    "other",
    [
        part("A month of Fibre 100 costs £29.", 0.55),
        part("Fibre 100: Price £29.", 0.55),
        part("Fibre 100 costs £33 a month on 12 months.", 0.29),
        part("Fibre 500 costs £45 a month.", 0.55),
        part("Fibre 100 costs €42 a month in Ireland.", 0.55),
        part("It costs €42 a month.", 0.55, "Prices in Ireland"),
        part("It costs €42 a month.", 0.55, region="Ireland"),
        part("Customers like Fibre 100 for its price.", 0.55),
    ],
    ids=["said again", "the row of it", "unlikely", "another plan", "another country", "its heading", "its region",
         "no price"],
)  # fmt: skip
def test_what_nobody_asked_for_is_not_told(other: Quote) -> None:
    assert told(other) == []


def test_where_the_first_is_unlikely_itself_a_less_likely_one_is_told() -> None:
    text = "Fibre 100 costs £33 a month on 12 months."
    assert told(part(text, 0.1), first=part(FIRST.text, 0.29)) == [text]


def test_where_no_country_was_named_both_are_told() -> None:
    text = "Fibre 100 costs €42 a month in Ireland."
    assert told(part(text, 0.5), asked="What does Fibre 100 cost?") == [text]


def test_where_the_first_is_of_another_country_too_the_others_are_told() -> None:
    text = "Fibre 100 costs €44 a month on 12 months in Ireland."
    assert told(part(text, 0.5), first=part("Fibre 100 costs €42 a month in Ireland.", 0.6)) == [text]


def test_a_row_that_says_what_to_do_besides_is_told() -> None:
    first = part("Error M-523 means that the profile was used before.", 0.6)
    row = "M-523: Meaning profile used, First action Ask for a new code."
    assert told(part(row, 0.5), first=first, asked="it says M-523") == [row]


def found(*texts: str) -> tuple[list[RetrievedPassage], list[Quote], list[tuple[str, ...]]]:
    evidence = [passage(n, text, "Prices") for n, text in enumerate(texts, 1)]
    readings = [reading(one.passage.text, {"£29": 0.6, "£33": 0.5, "£45": 0.4, "hub": 0.14}) for one in evidence]
    parts = together(evidence, readings, quotes(evidence, readings))
    return evidence, quotes(evidence, readings), [tuple(one.text for one in some) for some in parts]


def test_the_likeliest_parts_are_joined_two_and_three_at_a_time() -> None:
    a, b, c = "Fibre 100 costs £29 now.", "Fibre 100 costs £33 later.", "Fibre 500 costs £45 now."
    assert found(b, c, a)[2] == [(a, b), (a, b, c)]


def test_much_less_likely_parts_and_such_that_say_nothing_new_are_not_joined() -> None:
    assert found("Fibre 100 costs £29 now.", "The hub is black.", "Now Fibre 100 costs £29.")[2] == []
