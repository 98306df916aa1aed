from __future__ import annotations

from collections.abc import Mapping

from bot.telling_words import Statement, TellingWords
from domain.passage import Passage
from tests.bot.test_clarifying import COLLECTION, TELLING, passage


def test_words_that_are_nearly_only_in_one_region_tell_for_it() -> None:
    assert TELLING.named("I have an Irish line", "region") == {"ie"}
    assert TELLING.named("what is £5", "region") == {"uk"}
    assert TELLING.named("what does it cost to move", "region") == frozenset()
    assert TELLING.named("UK or Ireland", "region") == {"uk", "ie"}


def test_a_region_is_called_what_the_documents_call_it_and_any_other_value_by_its_name() -> None:
    assert TELLING.label("ie", "region") == "In Ireland"
    assert TELLING.label("uk", "region") == "In the UK"
    assert TELLING.label("4g-home", "product") == "4g home"


def test_words_that_no_document_holds_can_be_given() -> None:
    towns: Mapping[str, Mapping[str, list[str]]] = {"region": {"IE": ["Wexford"], "UK": ["Hull"]}}
    telling = TellingWords(COLLECTION, aliases=towns)
    assert telling.named("i live in hull", "region") == {"uk"}
    assert telling.named("Irish", "region") == {"ie"}


def test_a_word_of_one_document_hints_and_does_not_tell() -> None:
    filler = [passage(f"uk{n}", "Bills in the UK cost £1, says the UK team.", "UK") for n in range(10, 30)]
    told = "Write to the office in Bristol, or to the one in Bristol by the sea, as Bristol people do."
    telling = TellingWords([*COLLECTION, *filler, passage("uk9", told, "UK")])
    assert telling.hinted("we live in Bristol", "region") == {"uk"}
    assert telling.named("we live in Bristol", "region") == frozenset()


def test_months_and_days_tell_for_nothing() -> None:
    told = "It starts in May in the UK, ends in May, and pauses in May. On Sunday, every Sunday, all Sunday."
    telling = TellingWords([*COLLECTION, passage("uk9", told, "UK")])
    assert telling.hinted("can it wait until May or Sunday", "region") == frozenset()


def scope_of(text: str, where: Passage) -> frozenset[str]:
    return TELLING.scope(Statement(text, where, 1.0), "region")


def test_a_sentence_holds_for_what_it_says_then_for_its_headings_then_for_its_page() -> None:
    assert scope_of("It costs €5.", passage("p", "", "UK")) == {"ie"}
    assert scope_of("It is free.", passage("p", "", "UK", section=("Prices", "Homes in Ireland"))) == {"ie"}
    assert scope_of("It is free.", passage("p", "", "UK")) == {"uk"}
    assert scope_of("It is free.", passage("p", "")) == frozenset()


def test_how_documents_are_filed_is_nothing_to_ask_about() -> None:
    filed = Statement("It is free.", passage("p", "", product="device"), 1.0)
    assert TELLING.scope(filed, "product") == frozenset()
