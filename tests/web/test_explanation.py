from __future__ import annotations

import re

import pytest

from domain.explanation import Explanation
from tests.web.explanations import ATTENDED, COPIED, EFFECTS, EXPLANATION
from web.explanation import render_attention, render_effects, render_explanation, signed
from web.texts import CHINESE, ENGLISH, Look


def text_of(html: str) -> list[str]:
    return [part for part in re.split(r"<[^>]*>", html) if part.strip()]


def test_words_bars_and_both_pictures_are_drawn_and_escaped() -> None:
    html = render_explanation(EXPLANATION, ENGLISH)
    assert "Because &lt;it&gt; stands there." in html
    assert "Fees &lt;b&gt;" in html
    assert "£20&lt;" in html
    assert "<it>" not in html
    assert "<b>" not in html.replace("<li><b>", "")
    assert html.count("<table") == 3
    assert html.index("Where each word was taken from") < html.index("Where the model looked")


def test_where_nothing_was_answered_there_are_words_alone() -> None:
    html = render_explanation(Explanation("It is small talk."), ENGLISH)
    assert text_of(html) == ["Why this answer", "It is small talk."]


def test_a_model_that_copies_nothing_shows_where_it_looked_at_once() -> None:
    only = Explanation("Because.", -1.0, EFFECTS, ATTENDED)
    assert '<details class="attention" open><summary>Where the model looked' in render_explanation(only, ENGLISH)
    both = render_explanation(EXPLANATION, ENGLISH)
    assert '<details class="attention"><summary>Where the model looked' in both


def test_bars_show_what_happens_without_a_passage_in_proportion() -> None:
    html = render_effects(EFFECTS, ENGLISH)
    assert re.findall(r"[−+]?\d+\.\d nats", html) == ["−41.3 nats", "+2.0 nats", "0.0 nats"]
    assert re.findall(r'bar (\w+)" style="--share:([\d.]+)', html) == [
        ("needed", "1.000"), ("against", "0.049"), ("needed", "0.000"),
    ]  # fmt: skip
    assert html.count(">cited<") == 1
    assert "p2" in html  # a passage without a heading goes by its id


def test_passages_that_change_nothing_at_all_can_be_drawn() -> None:
    html = render_effects((EFFECTS[2].__class__(1, "p", "H", False, 0.0),), ENGLISH)
    assert "--share:0.000" in html


@pytest.mark.parametrize(("value", "told"), [(-4.06, "−4.1"), (0.3, "+0.3"), (-0.04, "0.0"), (0.0, "0.0")])
def test_a_change_has_its_sign(value: float, told: str) -> None:
    assert signed(value) == told


def test_a_heat_map_is_a_table_that_can_be_read_aloud() -> None:
    html = render_attention(COPIED, Look.COPIED, ENGLISH, opened=True)
    assert html.count('scope="row"') == 3
    assert html.count('scope="col"') == 1 + 6
    assert 'abbr="Passage 1, sentence 1"' in html
    assert '<caption class="unseen">Where each word was taken from</caption>' in html
    assert 'title="“is”, Passage 1, sentence 1: 0.42">.42</td>' in html
    assert 'tabindex="0"' in html  # what scrolls can be reached by keyboard


def test_a_share_is_written_where_it_is_large_and_only_tinted_where_it_is_small() -> None:
    cells = re.findall(r"<td[^>]*>([^<]*)</td>", render_attention(COPIED, Look.COPIED, ENGLISH, opened=True))
    assert cells == [
        "", "", "", "", ".60", ".40",
        "", "", ".42", "", ".58", "",
        "", "", "1", "", "", "",
    ]  # fmt: skip


def test_every_column_with_words_is_explained_below_and_what_was_not_read_says_so() -> None:
    html = render_attention(COPIED, Look.COPIED, ENGLISH, opened=True)
    legend = re.sub(r"<[^>]*>", "", html[html.index("<ul") :].replace("</li>", "\n"))
    assert legend.splitlines() == [
        "? Question: How much?",
        "1·1 Passage 1, sentence 1: The fee is £20.",
        "1·2 Passage 1, sentence 2: Call us. (not read, because the passage is long)",
        "2·1 Passage 2, sentence 1: It is free.",
        "✎ The model&#x27;s own words",
    ]


def test_it_speaks_chinese_too() -> None:
    html = render_explanation(EXPLANATION, CHINESE)
    assert "为什么这样回答" in html
    assert "段落 1 第 1 句" in html
    assert "Passage" not in html
