"""Personal data is covered, what looks like it stays, and every span of the text still points at the same place."""

from __future__ import annotations

import logging
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.answer import Answer, AnswerKind, Candidate, Citation, Removal, Weighting
from domain.conversation import Conversation, Query, Turn
from domain.passage import Passage, RetrievedPassage
from domain.redaction import RedactingFormatter, find, redact, redacted_conversation, redacted_turn

ROOT = Path(__file__).parents[2]

PERSONAL = [
    ("e-mail", "ann.o'neil@mail.example.co.uk"),
    ("e-mail", "a+b_c%d@x-y.example"),
    ("phone", "07700 900123"),
    ("phone", "07700900123"),
    ("phone", "+44 7700 900123"),
    ("phone", "+44 (0)20 7946 0958"),
    ("phone", "0044 20 7946 0958"),
    ("phone", "(020) 7946 0958"),
    ("phone", "01632 960 114"),
    ("phone", "087 123 4567"),
    ("phone", "+353 87 123 4567"),
    ("phone", "01 555 0110"),
    ("phone", "(555) 123-4567"),
    ("phone", "212-555-0123"),
    ("phone", "+1 212 555 0123"),
    ("phone", "13812345678"),
    ("phone", "138-1234-5678"),
    ("phone", "+86 138 1234 5678"),
    ("phone", "010-12345678"),
    ("phone", "+49 30 901820"),
    ("card", "4111 1111 1111 1111"),
    ("card", "4111111111111111"),
    ("card", "5500-0000-0000-0004"),
    ("card", "3782 822463 10005"),
    ("card", "6011000990139424"),
    ("card", "2223003122003222"),
    ("card", "3566002020360505"),
    ("iban", "GB82 WEST 1234 5698 7654 32"),
    ("iban", "ie29aibk93115212345678"),
    ("iban", "DE89370400440532013000"),
    ("iban", "MT84MALT011000012345MTLCAST001S"),
    ("identity", "123-45-6789"),
    ("identity", "AB123456C"),
    ("identity", "ab 12 34 56 c"),
    ("identity", "1234567T"),
    ("identity", "1234567FA"),
    ("identity", "11010519491231002X"),
    ("identity", "11010519491231002x"),
]
"""(kind, as written): numbers as nobody has them, and addresses that nobody can have."""

HARMLESS = [
    "£29.99 on 24 months, £33 on 12, 0.500 0.600 0.700",
    "2026-03-01 2025-05-01, 01/02/2026 09:30, 01.02.2026 10.15",
    "The router is at 192.168.1.254; version 10.12.4.1 of 2026.",
    "Call us on 0800 772 4410, 0800 7724410, 1800 946 220 or 0330 123 4567.",
    "From the US: 1-800-772-4410 or (888) 772-4410.",
    "Fault codes E-2107, M-510 and HL-404-B; parts HH3-300 and P-310.",
    "Order number 01234567890 and order no. 07700900123, ticket 02079460958.",
    "My order is 13812345678, tracking code: 07700 900123.",
    "订单编号：13812345678",
    "Serial 4111 1111 1111 1112 (a card with a wrong check digit is none).",
    "1234 5678 9012 3456 is nobody's card, 4111111111111 1112 neither.",
    "GB83 WEST 1234 5698 7654 32 has the wrong check digits.",
    "000-12-3456, 666-12-3456, 900-12-3456, 123-00-4567 and 123-45-0000 were never issued.",
    "BG123456C, GB123456A and DA123456C are no insurance numbers; nor is AB123456Z.",
    "1234567A has the wrong letter, 12345678T a digit too many.",
    "110105194912310021 has the wrong check digit, 110105194913310029 no such month.",
    "550e8400-e29b-41d4-a716-446655440000 and 9f86d081884c7d659a2feaa0c55ad015",
    "1785110400000 ms, 1790000000 s, 20260301123000, 65,536 bytes, 1 000 000 000",
    "user@localhost, @mention, ann@ example, https://user:@host",
    "Between 9am-5pm Monday to Friday; 4G, 5G, 100 Mbit/s, 24/7, 112, 999, 150.",
]


@pytest.mark.parametrize(("kind", "text"), PERSONAL)
@pytest.mark.parametrize("around", ["{}", "It is {}.", "({}), and", "<{}>", "我的号码是{}，谢谢", "a\n{}\tb"])
def test_personal_data_is_found_whole_whatever_stands_around_it(kind: str, text: str, around: str) -> None:
    written = around.format(text)
    assert [(one.kind, written[one.start : one.end]) for one in find(written)] == [(kind, text)]


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert redact(text) == text


def test_what_is_covered_keeps_its_length_and_names_its_kind() -> None:
    text = "Write to ann@mail.example or call 07700 900123, card 4111 1111 1111 1111."
    covered = redact(text)
    assert covered == "Write to [e-mail••••••••] or call [phone•••••], card [card•••••••••••••]."
    assert len(covered) == len(text)


def test_an_account_number_ends_before_the_words_after_it() -> None:
    text = "From GB82 WEST 1234 5698 7654 32 to our shop and DE89 3704 0044 0532 0130 00 in May"
    assert redact(text) == "From [iban•••••••••••••••••••••] to our shop and [iban•••••••••••••••••••••] in May"


def test_the_handbook_keeps_every_number_and_address_that_it_gives_out() -> None:
    pages = [path.read_text("utf-8") for path in sorted((ROOT / "knowledge/harbourline").rglob("*.md"))]
    assert len(pages) > 50
    changed = [page for page in pages if redact(page, pages) != page]
    assert changed == []


def test_without_knowing_that_they_are_public_only_real_numbers_and_addresses_of_it_are_taken() -> None:
    pages = [path.read_text("utf-8") for path in sorted((ROOT / "knowledge/harbourline").rglob("*.md"))]
    taken = {page[one.start : one.end] for page in pages for one in find(page)}
    assert {text for text in taken if "@" not in text} == {"+44 117 496 0280", "+353 1 525 6480"}


def test_what_is_public_stays_however_it_is_written() -> None:
    public = ["Call +44 117 496 0280 or write to Care@Harbourline.example."]
    text = "I called +44(117)4960280, wrote to care@harbourline.example, and am on 07700 900123."
    assert (
        redact(text, public) == "I called +44(117)4960280, wrote to care@harbourline.example, and am on [phone•••••]."
    )


@given(st.text(alphabet="ab@.-+ 0123456789()XWEST•[]", max_size=200))
@settings(max_examples=150, deadline=None)
def test_covering_keeps_the_length_and_covering_again_changes_nothing(text: str) -> None:
    once = redact(text)
    assert len(once) == len(text)
    assert redact(once) == once


@pytest.mark.parametrize("unit", ["a", "1 ", "+", "0 12", "AB12 ", "1234567", "x@", "a.b-c@a.b.c.", "0", "(0"])
def test_no_text_takes_long(unit: str) -> None:
    text = unit * (50_000 // len(unit))
    started = time.process_time()
    redact(text)
    assert time.process_time() - started < 2.0


MINE = "ann@mail.example"
HIDDEN = "[e-mail••••••••]"
HOUSE = "care@house.example"


def turn_about(text: str) -> Turn:
    passage = Passage("p1", "d1", "Contact", f"Write to {HOUSE}.", "contact.md", (0, 28))
    candidates = (Candidate(text, AnswerKind.QUOTED, "quote", 0.5, 0.5, 0.5, True),)
    weighting = Weighting(0.5, "fixed", candidates, removed=(Removal(text, "said twice"),))
    citation = Citation(1, "p1", (0, len(text)), (0, 28), passage.text, 0.9)
    answer = Answer(text, AnswerKind.QUOTED, (citation,), 0.9, weighting, options=(text,))
    query = Query(text, text, reason=text, context=(text,))
    return Turn("t1", text, query, answer, (RetrievedPassage(passage, 0.9, 1),))


def test_a_turn_is_covered_wherever_it_repeats_what_was_typed_and_its_citations_still_fit() -> None:
    covered = redacted_turn(turn_about(f"I am {MINE}, you are {HOUSE}."))
    expected = f"I am {HIDDEN}, you are {HOUSE}."
    assert covered == turn_about(expected)
    assert MINE not in repr(covered)


def test_a_conversation_is_covered_with_its_title() -> None:
    conversation = Conversation("c1", "o1", f"For {MINE}", (turn_about(MINE),))
    covered = redacted_conversation(conversation)
    assert covered == Conversation("c1", "o1", f"For {HIDDEN}", (turn_about(HIDDEN),))


def record(message: str, *arguments: object, failed: bool = False) -> logging.LogRecord:
    try:
        raise ValueError(f"no such person: {MINE}, hunter2-secret")
    except ValueError:
        raised = sys.exc_info() if failed else None
    return logging.LogRecord("colloquy", logging.WARNING, __file__, 1, message, arguments, raised)


def test_the_log_has_neither_personal_data_nor_secrets_in_message_arguments_or_traceback() -> None:
    formatter = RedactingFormatter("%(levelname)s %(message)s", ["hunter2-secret", "hunter2", ""])
    text = formatter.format(record("from %s with %s", MINE, "hunter2-secret", failed=True))
    assert text.startswith(f"WARNING from {HIDDEN} with ***\nTraceback")
    assert text.endswith(f"ValueError: no such person: {HIDDEN}, ***")


def test_a_log_that_may_hold_personal_data_still_holds_no_secret() -> None:
    formatter = RedactingFormatter("%(message)s", ["hunter2-secret"], personal=True)
    assert formatter.format(record("%s %s", MINE, "hunter2-secret")) == f"{MINE} ***"
