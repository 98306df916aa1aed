from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.support import (
    SUPPORTED_AT,
    borne_out,
    check,
    clauses,
    context_of,
    coverage,
    is_courtesy,
    missing_specifics,
    names_in,
    numbers_and_codes,
    objection,
    support,
)
from generation.words import content_words, stem
from retrieval.sentences import sentence_spans
from tests.generation.evidence import passage

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


def test_the_heading_gives_words_at_half_weight_and_the_numbers_of_names_but_no_amounts() -> None:
    assert support("The Orbit router costs £9.", "It costs £9.", "Orbit router") == pytest.approx(2.5 / 3)
    assert support("Fibre 100 costs £29.", "It costs £29.", "Fibre 100") == 1.0
    assert support("Fibre 500 costs £29.", "It costs £29.", "Fibre 100") == 0.0
    assert support("It costs £29.", "It costs money.", "What £29 buys") == 0.0


def test_a_heading_does_not_excuse_another_country_or_plan_than_the_sentence_names() -> None:
    assert support("The fee in Ireland is £20.", "The fee in the UK is £20.", "Fees in Ireland") == 0.0
    assert support("The fee in Ireland is £20.", "The fee is £20.", "Fees in the UK") == 0.0
    assert support("The fee in Ireland is £20.", "The fee is £20.", "Fees in the UK\nSee also Ireland") == 0.0
    assert support("Irish customers pay £20.", "Customers pay £20.", "Fees in Ireland") >= SUPPORTED_AT
    assert support("Fibre 500 costs £20.", "Fibre 100 costs £20.", "Fibre 500") == 0.0
    assert support("Zone B costs £20.", "Zone A costs £20.", "Zone B") == 0.0


def test_an_answers_yes_and_no_are_no_claims_of_their_own() -> None:
    assert support("No, calls are free.", "Calls are free.") == 1.0
    assert support("Yes, calls are free.", "Calls are free.") == 1.0
    assert support("No calls are free.", "Calls are free.") == 0.0


@pytest.mark.parametrize("sentence", ["I'm sorry to hear that.", "Congratulations!", "Thank you for asking."])
def test_a_courtesy_claims_nothing(sentence: str) -> None:
    assert is_courtesy(sentence)
    assert objection(sentence, []) == ""


def test_a_sentence_with_a_claim_is_no_courtesy() -> None:
    assert not is_courtesy("I'm sorry, the fee is £20.")
    assert not is_courtesy("Sorry, we are closed.")


def test_the_check_says_what_speaks_against_a_sentence() -> None:
    assert check("It costs £5.", "It costs £4.").why == "the evidence says “£4”, not “£5”"
    assert check("It costs up to £5.", "It costs at least £5.").why == "the evidence has “£5” as the other bound"
    assert check("Cork has a shop.", "In Cork there is a shop.").why == ""
    assert check("A shop in Cork.", "A shop in Dublin.").why == "“cork” stands nowhere in the evidence"
    assert check("It costs £5 a month.", "It costs £5 a year.").why == "the evidence says “a year”, not “a month”"


PIECES = [
    ("Business SIM costs £17 a month.", "Business mobile\nUK"),
    ("A discount of 8% applies from 20 SIMs.", "Business mobile\nUK"),
    ("A letter is sent if the benefit cannot be confirmed.", "Yearly check"),
    ("You can send a photo of the benefit letter.", "Yearly check"),
]


def test_clauses_may_be_borne_out_by_different_sentences() -> None:
    score, at = borne_out("Business SIM costs £17 a month, and a discount of 8% applies from 20 SIMs.", PIECES)
    assert (score, at) == (1.0, (0, 1))
    assert borne_out("Business SIM costs £17 a month, and a discount of 9% applies.", PIECES)[0] < SUPPORTED_AT


def test_what_speaks_of_the_very_thing_outweighs_what_holds_the_words() -> None:
    assert borne_out("A letter is sent if the benefit can be confirmed.", PIECES)[0] == 0.0
    assert borne_out("A letter is sent if the benefit cannot be confirmed.", PIECES) == (1.0, (2,))


def test_nothing_is_borne_out_by_nothing() -> None:
    assert borne_out("It costs £5.", []) == (0.0, ())
    assert objection("It costs £5.", []) == "there is no evidence"


def test_an_objection_names_what_the_nearest_evidence_says() -> None:
    assert objection("Business SIM costs £18 a month.", PIECES) == "the evidence says “£17”, not “£18”"
    assert objection("Business SIM costs £17 a month.", PIECES) == ""
    assert objection("Penguins sing.", PIECES[:1]) == "only 0% of it stands in the evidence"


def test_a_sentence_without_joints_is_one_clause() -> None:
    assert clauses("The fee is £20 and it is charged once.") == ["The fee is £20", "it is charged once."]
    assert clauses("Bread and butter.") == ["Bread, butter."]


def test_what_stands_over_a_passage_is_its_heading_its_region_and_its_columns() -> None:
    told = {"region": "UK", "table_header": "Plan | Price"}
    assert context_of(passage(1, "Text.", "Fees", **told).passage) == "Fees\nUK\nPlan | Price"
    assert context_of(passage(1, "Text.", "Fees", region="all").passage) == "Fees"


def test_a_sentence_without_content_is_not_supported() -> None:
    assert support("It is what it is.", "It is what it is.") == 0.0
    assert support("", EVIDENCE) == 0.0


@settings(deadline=None)
@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=20))
def test_support_and_coverage_are_shares(sentence: str, evidence: str, context: str) -> None:
    assert 0.0 <= support(sentence, evidence, context) <= 1.0
    assert 0.0 <= coverage(sentence, evidence) <= 1.0


HANDBOOK = Path(__file__).parents[2] / "knowledge" / "harbourline"


@pytest.mark.parametrize("folder", ["plans", "billing", "mobile", "roaming"])
def test_every_sentence_of_the_handbook_bears_itself_out(folder: str) -> None:
    for file in sorted((HANDBOOK / folder).glob("*.md")):
        body = file.read_text("utf-8").rpartition("\n---\n")[2]
        for start, end in sentence_spans(body):
            sentence = body[start:end]
            if content_words(sentence) and set(sentence) - set("|- "):
                assert support(sentence, sentence) == 1.0, sentence


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


def test_an_answer_need_not_repeat_what_is_asked_for() -> None:
    assert coverage("How large is the deposit?", "The deposit is two months of rent.") == 1.0
    assert coverage("What if I paid late?", "A late payment costs 25 euros.") == 1.0


def test_coverage_counts_content_words_once() -> None:
    assert coverage("moving fee moving fee", "The fee is £20.") == 0.5
    assert coverage("what is it", "anything") == 1.0
