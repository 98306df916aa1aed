from __future__ import annotations

from dataclasses import replace

from cli.explaining import as_text
from domain.explanation import Explanation
from tests.web.explanations import EFFECTS, EXPLANATION


def test_words_bars_and_a_table_fit_a_terminal() -> None:
    assert as_text(EXPLANATION).splitlines() == [
        "Because <it> stands there.",
        "",
        "Without the passage the answer's log-probability changes by",
        "  1    −41.3 nats  ████████████████████████  Fees <b> (cited)",
        "  2     +2.0 nats  █                         p2",
        "  3      0.0 nats                            Moving",
        "",
        "What each word was taken from (%)",
        "                  ?   1…  1.1  1.2  2.1  own",
        "It                                 ▒ 60 ▒ 40",
        "is                       ▒ 42      ▒ 58",
        "£20<                     █100",
        "",
        "    ?  How much?",
        "  1.1  The fee is £20.",
        "  1.2  Call us.",
        "  2.1  It is free.",
    ]


def test_a_turn_without_an_answer_is_its_words() -> None:
    assert as_text(Explanation("It is small talk.")) == "It is small talk."


def test_a_model_that_copies_nothing_shows_where_it_looked() -> None:
    assert "What each word looked at (%)" in as_text(replace(EXPLANATION, copied=None))


def test_no_escape_sequence_of_a_document_reaches_the_terminal() -> None:
    hostile = replace(EFFECTS[0], heading="\x1b[31mred")
    assert "\x1b" not in as_text(replace(EXPLANATION, why="\x1b]0;owned\x07", effects=(hostile,)))
