from __future__ import annotations

import pytest

from generation.quoting import Quote, quotes
from tests.generation.evidence import passage, reading

STEPS = """To restart the hub:
1. Unplug the hub. Wait 30 seconds.
2. Plug it in again.
3. Wait until the light is green.
Call us if it stays red."""

TABLE = """Prices are per day.
Country | Zone | Daily charge
--- | --- | ---
Spain | A | free
Turkey | C | £6
 | D | £9"""


def quoted(text: str, scores: dict[str, float], **metadata: str) -> Quote:
    source = passage(1, text, **metadata)
    (quote,) = quotes([source], [reading(text, scores)])
    assert quote.source is source
    assert all(text[start:end].strip() for start, end in quote.spans)
    return quote


@pytest.mark.parametrize("best", ["Unplug", "30 seconds", "again", "green"])
def test_an_item_brings_its_whole_list_and_the_lead_in(best: str) -> None:
    assert quoted(STEPS, {best: 0.9}).text == STEPS.rsplit("\n", 1)[0]


def test_a_list_longer_than_the_limit_gives_the_item_alone() -> None:
    text = "Do this:\n" + "\n".join(f"- Item {n} has exactly ten words and so it goes on." for n in range(20))
    assert quoted(text, {"Item 7 ": 0.9}).text == "- Item 7 has exactly ten words and so it goes on."


def test_a_row_reads_with_its_columns_names() -> None:
    assert quoted(TABLE, {"Turkey": 0.9}).text == "Turkey: Zone C, Daily charge £6."
    assert quoted(TABLE, {"£9": 0.9}).text == "Zone D, Daily charge £9."


def test_a_row_cut_from_its_header_takes_the_header_it_was_given() -> None:
    text = "Turkey | C | £6\nUSA | D | £9"
    header = "Country | Zone | Daily charge"
    assert quoted(text, {"USA": 0.9}, table_header=header).text == "USA: Zone D, Daily charge £9."
    assert quoted(text, {"Turkey": 0.9}, table_header=header).text == "Turkey: Zone C, Daily charge £6."


def test_a_row_whose_header_does_not_fit_is_a_plain_list_of_cells() -> None:
    assert quoted("Country | Zone\nTurkey | C | £6", {"Turkey": 0.9}).text == "Turkey, C, £6."


def test_a_header_is_never_the_answer() -> None:
    quote = quoted(TABLE, {"Country": 0.99, "---": 0.98, "Spain": 0.5})
    assert quote.text == "Spain: Zone A, Daily charge free."


def test_good_neighbours_join_and_poor_ones_do_not() -> None:
    text = "The fee is £20 today. It is waived for Basics. Ask us for details. It was £35 before."
    assert quoted(text, {"£20": 0.9, "waived": 0.7}).text == "The fee is £20 today. It is waived for Basics."
    assert quoted(text, {"£20": 0.9, "£35": 0.8}).text == "The fee is £20 today."
    assert quoted(text, {"£20": 0.5, "waived": 0.35}).text == "The fee is £20 today."


def test_neighbours_stop_at_the_limit_of_words() -> None:
    sentence = "This sentence number {} is made of exactly ten words."
    text = " ".join(sentence.format(n) for n in range(12))
    quote = quoted(text, {"number": 0.9})
    assert len(quote.text.split()) == 70
    assert quote.text in text


def test_a_heading_or_lead_in_alone_is_no_quote() -> None:
    assert quotes([passage(1, "Moving fees:\nFees")], [reading("Moving fees:\nFees", {"Fees": 0.9})]) == []
    assert quoted("You must do this:\nTell us 14 days before.", {"must": 0.9, "Tell": 0.2}).text == (
        "Tell us 14 days before."
    )


def test_every_passage_gives_one_quote_in_the_order_of_the_evidence() -> None:
    texts = ["The fee is £20.", "Heading", "The notice is 14 days."]
    evidence = [passage(n, text) for n, text in enumerate(texts)]
    found = quotes(evidence, [reading(text, {}) for text in texts])
    assert [quote.source.passage.id for quote in found] == ["p0", "p2"]
    assert [quote.text for quote in found] == [texts[0], texts[2]]


def test_a_passage_without_sentences_gives_none() -> None:
    assert quotes([passage(1, "")], [reading("", {})]) == []
