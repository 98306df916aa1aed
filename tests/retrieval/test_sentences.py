from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.sentences import sentence_spans


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    "parts",
    [
        ["The router is free.", "It arrives in 3 days!", "Is that all?", "Yes."],
        ["A Disc costs £4.50 a month.", "Dr. Lane approved it on 1.5.2026."],
        ["Use a router, e.g. the Harbour Hub, i.e. the white one.", "See section No. 5 and Fig. 2 below."],
        ["The answer is No.", "You cannot cancel."],
        ["The U.S. Army paid.", "He lives in the U.S.", "They moved."],
        ["Open https://example.org/a.html?b=1.2 now.", "Call 0800 772.4420 today."],
        ["We close at 5 p.m.", "The shop opens again on Mon. 3 May."],
        ["Mark J. F. Lane signed.", "St. Mary’s Quay is closed."],
        ["“It works.”", "She hung up (at last).", "Then what?"],
        ["Wait… and then restart.", "Done."],
        ["1. Restart the hub.", "2. Wait.", "3. Call us."],
    ],
)
def test_running_text_is_split_where_a_reader_would(parts: list[str]) -> None:
    assert sentences(" ".join(parts)) == parts


def test_items_steps_rows_and_lead_ins_are_units_of_their_own() -> None:
    lines = [
        "You need:",
        "• proof of name",
        "• proof of address",
        "1. Go online",
        "Plan | Price",
        "Fibre 100 | £29. Now",
        "End",
    ]
    assert sentences("\n".join(lines)) == lines


def test_a_line_wrapped_by_an_editor_does_not_end_the_sentence() -> None:
    wrapped = "You can cancel within the cooling-off period if you tell\nus in writing.\nWe reply soon."
    assert sentences(wrapped) == [wrapped[:-15], "We reply soon."]


def test_a_blank_line_always_ends_the_sentence() -> None:
    assert len(sentences("a heading that is rather long and has no full stop at all\n\nfollowed by text")) == 2


def test_east_asian_sentences_need_no_space() -> None:
    assert sentences("今日は。明日も。") == ["今日は。", "明日も。"]


@given(st.text(alphabet="aB1.!?:;…。|•-–()\"”' \n\t£", max_size=200) | st.text(max_size=200))
def test_spans_are_trimmed_ordered_and_hold_all_text(text: str) -> None:
    spans = sentence_spans(text)
    position = 0
    for start, end in spans:
        assert position <= start < end
        assert not text[position:start].strip()
        assert text[start:end] == text[start:end].strip()
        position = end
    assert not text[position:].strip()


@pytest.mark.parametrize("unit", ["a", ".", "a.", '."', " ", "\n ", "a | ", "( ", "x" * 60 + "\n"])
def test_hostile_text_takes_no_more_than_linear_time(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    started = time.perf_counter()
    sentence_spans(text)
    assert time.perf_counter() - started < 2  # quadratic time would be minutes
