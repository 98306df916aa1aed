from __future__ import annotations

import pytest

from bot.telling_words import Statement, TellingWords
from bot.twins import Twins
from domain.passage import Passage
from retrieval.sentences import sentence_spans
from tests.bot.test_clarifying import COLLECTION, passage

PAGES = [
    *COLLECTION,
    passage("uk5", "Switzerland is in Zone B for UK plans and costs £4.00 a day.", "UK"),
    passage("ie5", "Switzerland costs €4.50 a day on Irish plans.", "IE"),
    passage("uk6", "UK customers must give 30 days' notice to cancel fibre, 4G Home or mobile.", "UK"),
    passage(
        "ie6",
        "Irish customers must give 30 days' notice to cancel fibre or 4G Home. "
        "Irish mobile customers must give 14 days' notice.",
        "IE",
    ),
    passage(
        "uk7",
        "Repair of a Lantern 8 screen costs £149 in the UK. Repair of a Tern Go screen costs £65 in the UK.",
        "UK",
    ),
    passage(
        "ie7",
        "Repair of a Lantern 9 screen costs €259 in Ireland. Repair of a Lantern 8 screen costs €169 in Ireland.",
        "IE",
    ),
    passage("uk8", "| Fee | £4 | in the UK for each customer |", "UK"),
    passage("uk9", "A missed visit is paid with £31 from 1 April 2026 in the UK.", "UK"),
    passage("ie9", "A missed visit is paid with €31 from 1 May 2025 in Ireland.", "IE"),
]
TWINS = Twins(PAGES, TellingWords(PAGES), sentence_spans)


def values(text: str, asked: str = "") -> list[str]:
    return TWINS.values(Statement(text, _page(text), 1.0), asked)


def _page(text: str) -> Passage:
    return next(one for one in PAGES if text in one.text)


def test_the_same_sentence_of_another_place_with_other_numbers_is_a_twin() -> None:
    assert values("The moving fee is £20 in the UK.") == ["uk", "ie"]
    assert values("The moving fee is €30 in Ireland.") == ["ie", "uk"]
    assert values("Switzerland is in Zone B for UK plans and costs £4.00 a day.") == ["uk", "ie"]


def test_the_sentence_nearest_to_the_question_counts() -> None:
    text = "UK customers must give 30 days' notice to cancel fibre, 4G Home or mobile."
    assert values(text, "how much notice must I give to cancel fibre or 4G Home") == []


def test_another_model_is_no_twin() -> None:
    assert values("Repair of a Lantern 8 screen costs £149 in the UK.") == ["uk", "ie"]
    only_nine = [one for one in PAGES if one.id != "ie7"]
    only_nine.append(passage("ie7", "Repair of a Lantern 9 screen costs €259 in Ireland.", "IE"))
    twins = Twins(only_nine, TellingWords(only_nine), sentence_spans)
    text = "Repair of a Lantern 8 screen costs £149 in the UK."
    assert twins.values(Statement(text, _page(text), 1.0), "") == []


def test_a_date_is_no_other_answer() -> None:
    assert values("A missed visit is paid with £31 from 1 April 2026 in the UK.") == []


@pytest.mark.parametrize("text", ["| Fee | £4 | in the UK for each customer |", "Homes in the UK pay once."])
def test_rows_and_sentences_without_numbers_have_none(text: str) -> None:
    assert values(text) == []


def test_a_sentence_that_holds_everywhere_has_none() -> None:
    assert values("Ask for help in the UK or in Ireland.") == []
