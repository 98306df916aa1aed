from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields

import pytest

from domain.answer import AnswerKind, Reason
from domain.operating import AuditEntry, Knob, Search, Trial, Why
from domain.passage import Passage, RetrievedPassage
from domain.protocols import KnowledgeBaseInfo
from domain.turn_log import TurnFilter
from web.operator.charts import Bar, Point, lines, nice, scatter, stacked
from web.operator.library_routes import metadata_of
from web.operator.look import Look, address, milliseconds, short
from web.operator.playground import render_playground
from web.operator.sessions import Asked, asked
from web.operator.settings_page import render_settings
from web.operator.texts import ENGLISH
from web.operator.texts_zh import CHINESE
from web.view import View

LOOK = Look(View(now=1_790_078_400.0), may_set=True)
HOSTILE = '"><script>alert(1)</script>'


@pytest.mark.parametrize("name", [one.name for one in fields(ENGLISH) if one.name != "modes"])
def test_every_word_is_there_in_chinese(name: str) -> None:
    english, chinese = getattr(ENGLISH, name), getattr(CHINESE, name)
    assert chinese != english
    if isinstance(english, Mapping):
        assert set(chinese) == set(english)
        assert not [key for key in english if chinese[key] == english[key]]
    else:
        assert set(re.findall(r"{\w+}", chinese)) == set(re.findall(r"{\w+}", english))


def test_every_closed_choice_has_a_word() -> None:
    assert set(ENGLISH.kinds) == set(AnswerKind)
    assert set(ENGLISH.reasons) == set(Reason) - {Reason.NONE}
    assert set(ENGLISH.whys) == set(Why)


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (0.004, "0"), (0.31, ".31"), (0.9, ".90"), (0.996, "1"), (1.0, "1"), (7.0, "1")]
)
def test_a_probability_is_short(value: float, text: str) -> None:
    assert short(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(0.0614, "61 ms"), (0.999, "999 ms"), (0.9996, "1.0 s"), (12.34, "12.3 s")]
)
def test_seconds_are_read_at_a_glance(value: float, text: str) -> None:
    assert milliseconds(value) == text


def test_a_time_today_is_a_clock_and_an_earlier_one_has_its_day() -> None:
    assert ">11:50<" in LOOK.time(1_790_078_400.0 - 600)
    assert ">21 Sep 11:50<" in LOOK.time(1_790_078_400.0 - 87_000)


@pytest.mark.parametrize(("value", "bound"), [(0.2, 1), (1, 1), (3, 5), (6, 10), (11, 20), (51, 100), (201, 500)])
def test_an_axis_ends_at_a_round_number(value: float, bound: float) -> None:
    assert nice(value) == bound


def test_each_part_of_a_bar_is_as_high_as_it_counts_and_leads_somewhere() -> None:
    bar = Bar("1 May", (("generated", 6.0, "/a", "six"), ("abstained", 3.0, "/b", "three")))
    drawn = stacked([bar, Bar("2 May", ())], "Per day")
    heights = [float(height) for height in re.findall(r'<rect class="part \w+"[^>]* height="([\d.]+)"', drawn)]
    assert heights[0] == pytest.approx(2 * heights[1], abs=0.1)
    assert re.findall(r'<a href="([^"]+)" aria-label="(\w+)">', drawn) == [("/a", "six"), ("/b", "three")]


def test_points_stand_where_they_should_and_names_are_escaped() -> None:
    drawn = scatter([Point(1.0, 0.0, f"/x?{HOSTILE}", HOSTILE)], HOSTILE, ("x", "y"))
    assert 'cx="472.0" cy="166.0"' in drawn
    assert "<script" not in drawn
    assert lines({"p50": [Point(0, 1, "/", "p")]}, "n", "1 s", [(0.0, "1 May")]).count("<circle") == 1


def test_an_address_leaves_out_what_is_open() -> None:
    assert address() == "/operator"
    assert address("turns", "a1", "answer") == "/operator/turns/a1/answer"
    assert address(kind="", text="a b&c") == "/operator?text=a+b%26c"


def test_a_filter_reads_back_from_its_address() -> None:
    given = {"kind": "quoted,generated", "confidence": "0.5-0.7", "kb": "help", "verdict": "down", "session": "s1"}
    given |= {"since": "2026-09-21", "until": "2026-09-22", "text": " late "}
    found = asked(given, zone_minutes=60)
    assert found.query == given | {"text": "late"}
    assert found.where == TurnFilter(
        frozenset({AnswerKind.QUOTED, AnswerKind.GENERATED}), (0.5, 0.7), "help",
        1_789_945_200.0, 1_789_945_200.0 + 2 * 86_400, "late", "down", "s1",
    )  # fmt: skip


@pytest.mark.parametrize(
    "wrong", [{"confidence": "high"}, {"confidence": "0.7-0.5"}, {"since": "soon"}, {"verdict": "odd"}, {"kind": "odd"}]
)
def test_what_cannot_be_read_filters_nothing(wrong: dict[str, str]) -> None:
    assert asked(wrong, 0).where == TurnFilter()
    assert Asked().query == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [("region: UK\n\n effective_from : 2026-03-01 ", {"region": "UK", "effective_from": "2026-03-01"}), ("", {}),
     ("url: https://example.org", {"url": "https://example.org"})],
    ids=["two", "none", "a value with a colon"],
)  # fmt: skip
def test_metadata_is_a_line_each(text: str, found: dict[str, str]) -> None:
    assert metadata_of(text) == found


def passage(name: str, rank: int, relevance: float) -> RetrievedPassage:
    one = Passage(f"{name}#1", name, name, f"Text of {name}.", f"{name}.md", (0, 9))
    return RetrievedPassage(one, relevance, rank, {"relevance": relevance})


def test_the_playground_marks_what_differs_from_the_current_way() -> None:
    now = Trial("learned", True, True, (passage("a", 1, 0.9), passage("b", 2, 0.8), passage("c", 3, 0.7)), 0.1)
    other = Trial("rrf", True, False, (passage("b", 1, 0.8), passage("a", 2, 0.9), passage("d", 3, 0.2)), 0.05)
    html = render_playground(
        Search("help", HOSTILE), (now, other), [KnowledgeBaseInfo("help", "Help", 1, 4, 0.0)], LOOK
    )
    first, second = html.split('<section class="trial')[1:]
    assert "moved" not in first
    assert re.findall(r'class="moved (\w+)"', second) == ["up", "down", "new"]
    assert re.findall(r"<ul class=\"lost\"><li>(\w)</li></ul>", second) == ["c"]
    assert "<script" not in html


def test_whoever_may_not_change_settings_sees_them_all_the_same() -> None:
    knob = Knob("weighting.mode", "choice", "fixed", "adaptive", choices=("adaptive", "fixed"))
    entry = AuditEntry(1_790_078_400.0, HOSTILE, "weighting.mode", "adaptive", "x" * 200)
    may, may_not = (render_settings([knob], [entry], Look(View(), may_set=may)) for may in (True, False))
    assert may.count("disabled") == 0
    assert may_not.count("disabled") == 2
    assert "changed from adaptive" in may
    assert "<script" not in may
