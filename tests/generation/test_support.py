from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.support import (
    SUPPORTED_AT,
    content_words,
    coverage,
    is_negated,
    missing_specifics,
    names_in,
    numbers_and_codes,
    stem,
    support,
)

EVIDENCE = "Moving fibre to a new UK address costs £20, and the moving team is open from 8am to 6pm."


@pytest.mark.parametrize(
    "sentence",
    [
        EVIDENCE,
        "Moving costs £20.",
        "The cost of moving to a new address is £20.",
        "The team is open from 8 am to 6 pm.",
        "It costs £20 to move fibre in the UK.",
    ],
)
def test_what_the_evidence_says_is_supported(sentence: str) -> None:
    assert support(sentence, EVIDENCE) >= SUPPORTED_AT


@pytest.mark.parametrize(
    "sentence",
    [
        "Moving fibre to a new UK address costs £25.",
        "Moving fibre to a new UK address costs £2.",
        "Moving fibre to a new UK address costs €20.",
        "The moving team is open from 8am to 8pm.",
        "The moving team is open from 8pm to 6am.",
        "Moving fibre to two new UK addresses costs £20.",
        "Moving fibre to a new Irish address in Ireland costs £20.",
        "Moving fibre to a new UK address never costs £20.",
        "Moving fibre to a new UK address doesn't cost £20.",
    ],
)
def test_a_changed_number_name_or_negation_is_not_supported_however_much_agrees(sentence: str) -> None:
    assert support(sentence, EVIDENCE) == 0.0


def test_a_denial_needs_a_denial() -> None:
    assert support("The fee does not apply.", "The fee doesn't apply to Basics.") >= SUPPORTED_AT
    assert support("The fee applies.", "The fee does not apply.") == 0.0
    assert support("The fee applies.", "The fee applies unless you move.") == 0.0


def test_numbers_in_words_and_digits_are_the_same_numbers() -> None:
    assert support("You get two routers.", "You get 2 routers.") >= SUPPORTED_AT
    assert support("You get three routers.", "You get two routers.") == 0.0
    assert support("It costs £1000.", "It costs £1,000.") == 1.0


def test_the_context_gives_words_at_half_weight_and_names_but_no_numbers() -> None:
    assert support("The Orbit router costs £9.", "It costs £9.", "Orbit router") == pytest.approx(0.75)
    assert support("Fibre 100 costs £29.", "It costs £29.", "Fibre 100") == 0.0


def test_a_sentence_without_content_is_not_supported() -> None:
    assert support("It is what it is.", "It is what it is.") == 0.0
    assert support("", EVIDENCE) == 0.0


@settings(deadline=None)
@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=20))
def test_support_and_coverage_are_shares(sentence: str, evidence: str, context: str) -> None:
    assert 0.0 <= support(sentence, evidence, context) <= 1.0
    assert 0.0 <= coverage(sentence, evidence) <= 1.0


@settings(deadline=None)
@given(st.text(max_size=80))
def test_a_sentence_with_content_is_supported_by_itself(sentence: str) -> None:
    assert support(sentence, sentence) == (1.0 if content_words(sentence) else 0.0)


@pytest.mark.parametrize(
    "family",
    [
        ["charge", "charges", "charged", "charging"],
        ["cancel", "cancels", "cancelled", "cancelling"],
        ["policy", "policies"],
        ["price", "prices", "priced"],
        ["customer", "customer's", "customers"],
        ["bill", "bills", "billing", "billed"],
        ["address", "addresses"],
    ],
)
def test_endings_do_not_make_another_word(family: list[str]) -> None:
    assert len({stem(word) for word in family}) == 1


def test_different_words_keep_different_stems() -> None:
    words = "fee free plan plane bill ball router route speed spend line live phone price prize".split()
    assert len({stem(word) for word in words}) >= len(words) - 1  # plan and plane alone fall together


def test_numbers_and_codes_are_found_whole() -> None:
    text = "E-2107, HL-404-B, £4.50, 3.9%, 31/03/2026, 10 GB, 1,000 minutes, 12:30."
    assert numbers_and_codes(text) == {"2107", "404", "£4.50", "3.9%", "31/03/2026", "10gb", "1000", "12:30"}


def test_names_are_capitals_no_sentence_opening_explains() -> None:
    assert names_in("Tell Harbourline. Moving to Cork with Wi-Fi, eSIM and the UK.") == {
        stem("harbourline"),
        stem("cork"),
        "wi",
        "fi",
        "uk",
    }
    assert names_in("WHY IS MY BILL SO HIGH") == set()
    assert names_in("UK customers only") == {"uk"}


def test_a_question_misses_the_numbers_and_names_a_passage_lacks() -> None:
    assert missing_specifics("how much is 5G home broadband in Ireland", "4G home broadband") == {"5g", "ireland"}
    assert missing_specifics("Is Wi-Fi calling free in the UK?", "Wi-Fi calling costs nothing in the UK.") == set()
    assert missing_specifics("Can I have two lines?", "Several lines.") == set()


def test_coverage_counts_content_words_once() -> None:
    assert coverage("moving fee moving fee", "The fee is £20.") == 0.5
    assert coverage("what is it", "anything") == 1.0


@pytest.mark.parametrize("text", ["It isn't free", "It isn’t free", "Nobody but me, never", "free, except on Sundays"])
def test_denials_and_exceptions_are_seen(text: str) -> None:
    assert is_negated(text)


def test_words_that_only_look_like_denials_are_none() -> None:
    assert not is_negated("Note the north knot; want a box? Notice!")
