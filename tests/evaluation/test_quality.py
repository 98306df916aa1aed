from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from domain.errors import Misconfigured
from evaluation.quality import QualityConversation, TurnKind, check_gold, load_quality, split_of, stands_alone
from tests.evaluation.handbook import expected, row

SHIPPED_HANDBOOK = Path(__file__).parents[2] / "knowledge" / "harbourline"


def write(folder: Path, *conversations: dict[str, Any], name: str = "quality_x.jsonl") -> Path:
    lines = (json.dumps(one, ensure_ascii=False) + "\n" for one in conversations)
    (folder / name).write_text("".join(lines), "utf-8")
    return folder


def test_every_conversation_is_in_one_half_and_both_halves_have_some(tmp_path: Path) -> None:
    write(tmp_path, *({"id": f"c-{n}", "turns": [row()]} for n in range(40)))
    dev, test = load_quality("dev", tmp_path), load_quality("test", tmp_path)
    assert sorted(one.id for one in [*dev, *test]) == sorted(one.id for one in load_quality("all", tmp_path))
    assert 10 <= len(dev) <= 30
    assert {split_of(one.id) for one in dev} == {"dev"}


def test_a_turn_is_read_whole(tmp_path: Path) -> None:
    talk = row("hi", kind="small_talk", gold=[], facts=[], query="hi")
    write(tmp_path, {"id": "c", "turns": [row(), talk]})
    (conversation,) = load_quality("all", tmp_path)
    assert conversation.turns[0] == expected()
    assert conversation.turns[1].kind is TurnKind.SMALL_TALK


@pytest.mark.parametrize(
    ("turns", "complaint"),
    [
        ([], "at least one turn"),
        ([row(switch=True)], "first turn"),
        ([row(kind="chat")], "'kind' is 'chat' and should be one of answerable, unanswerable, clarify, small_talk"),
        ([row(), row(message=" ")], r"turns 2: 'message' is empty"),
        ([row(gold=[])], "kind answerable with 0 gold sentences"),
        ([row(kind="unanswerable", facts=[])], "kind unanswerable with 1 gold sentences"),
        ([row(facts=[])], "kind answerable with 0 facts"),
        ([row(kind="clarify")], "kind clarify with 1 facts"),
        ([row(facts=[[]])], r"a list of wordings and is \[\]"),
        ([row(facts=["£20"])], "a list of wordings and is '£20'"),
        ([row(), row(switch="yes")], "'switch' should be true or false and is 'yes'"),
        ([row(gold=[{"file": "a.md"}])], "'sentence' should be a string and is missing"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, turns: list[Any], complaint: str) -> None:
    write(tmp_path, {"id": "c", "turns": turns})
    with pytest.raises(Misconfigured, match=complaint) as raised:
        load_quality("all", tmp_path)
    assert "quality_x.jsonl, row 1" in str(raised.value)


def test_an_id_may_not_stand_in_two_files(tmp_path: Path) -> None:
    write(tmp_path, {"id": "c", "turns": [row()]})
    write(tmp_path, {"id": "c", "turns": [row()]}, name="quality_y.jsonl")
    with pytest.raises(Misconfigured, match=r"quality_y\.jsonl, row 1: the id 'c' came before"):
        load_quality("all", tmp_path)


def test_a_folder_without_the_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"no quality_\*\.jsonl"):
        load_quality("all", tmp_path)


@pytest.mark.parametrize(
    ("page", "complaint"),
    [
        (None, "no file 'moving/fees.md'"),
        ("Moving home costs nothing.", "does not hold 'Moving home costs"),
        ("A line. Moving home costs **£20** in the [UK](uk.md). Another.", None),
    ],
)
def test_gold_must_stand_in_the_handbook(tmp_path: Path, page: str | None, complaint: str | None) -> None:
    (tmp_path / "moving").mkdir()
    if page is not None:
        (tmp_path / "moving/fees.md").write_text(page)
    conversations = [QualityConversation("c", (expected(),))]
    if complaint is None:
        check_gold(conversations, tmp_path)
        wrong = [QualityConversation("c", (expected(facts=(("£21",),)),))]
        with pytest.raises(Misconfigured, match=r"conversation c, turn 1: the fact '£21'"):
            check_gold(wrong, tmp_path)
        return
    with pytest.raises(Misconfigured, match=complaint):
        check_gold(conversations, tmp_path)


EARLIER = [
    expected("i have fibre 100", query="I have Fibre 100.", reply="Fibre 100 is sold in Ireland too, for a month.")
]


@pytest.mark.parametrize(
    ("message", "query", "alone"),
    [
        ("whats the pirce of fibr 100", "What is the price of Fibre 100?", True),
        ("so my cat died and anyway, price of fibre 100", "What is the price of Fibre 100?", True),
        ("what do you charge", "What is the price of Fibre 100?", False),
        ("and over there?", "What is the price in Ireland?", False),
        ("can i keep my digits", "Can I keep my telephone number?", True),  # nobody said those words before
        ("what does a booster set me back", "What does a booster cost a month?", True),  # "month" is no topic
    ],
)
def test_a_message_leans_when_its_query_takes_words_from_before(message: str, query: str, alone: bool) -> None:
    assert stands_alone(expected(message, query=query), EARLIER) == alone
    assert stands_alone(expected(message, query=query), [])


def test_the_shipped_set_agrees_with_the_handbook() -> None:
    conversations = load_quality("all")
    check_gold(conversations, SHIPPED_HANDBOOK)
    assert {split_of(one.id) for one in conversations} == {"dev", "test"}
