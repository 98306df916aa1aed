"""Companies as templates: what is filled from them is consistent, and nothing of it is held out and taught at once."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from corpora.service_kits import Handbook, Kit, conversations_for, filled, read_kits
from corpora.service_talk import KitTurn, conversation
from domain.conversation import Gate
from domain.errors import Misconfigured

KITS = read_kits()


def talk(kit: Kit, seed: int, turns: int = 12) -> tuple[Handbook, list[KitTurn]]:
    rng = random.Random(seed)
    book = Handbook(kit, rng)
    return book, list(conversation(book, rng, turns))


def test_there_are_companies_to_learn_from_and_others_to_measure_on() -> None:
    held_out = {kit.company for kit in read_kits(development=True)}
    taught = {kit.company for kit in read_kits(development=False)}
    assert held_out
    assert len(taught) > len(held_out)
    assert not held_out & taught
    assert held_out | taught == {kit.company for kit in KITS}


@pytest.mark.parametrize("kit", KITS, ids=lambda kit: kit.company)
def test_every_answer_stands_on_a_page_of_its_handbook(kit: Kit) -> None:
    answered = 0
    for seed in range(5):
        book, turns = talk(kit, seed)
        for turn in turns:
            if turn.fact:
                answered += 1
                assert turn.fact in book.pages[book.page(turn.fact)].sentences
                assert turn.value in turn.fact
                assert "{" not in turn.fact
            assert "{" not in turn.standalone + turn.message + turn.completed
    assert answered > 30


def test_a_handbook_gives_near_twins_their_own_values() -> None:
    book, _ = talk(KITS[0], 0)
    sentences = [sentence for page in book.pages for sentence in page.sentences]
    assert len(sentences) > 40
    assert len(set(sentences)) > 0.9 * len(sentences)


def test_what_is_withheld_is_asked_all_the_same_and_not_answered() -> None:
    kit, withheld, unanswered = KITS[1], 0, 0
    forms = {form.full: attribute.noun for attribute in kit.attributes for form in attribute.forms}
    for seed in range(30):
        book, turns = talk(kit, seed)
        withheld += len(book.withheld)
        opening = turns[0]  # asked in full, so that its attribute can be told
        asked = {noun for full, noun in forms.items() if opening.standalone.startswith(full.split("{")[0][:12])}
        if not opening.fact:
            unanswered += 1
            assert asked & set(book.withheld)
    assert 0.05 < withheld / (30 * len(kit.attributes)) < 0.25
    assert unanswered > 0


def test_the_history_of_a_turn_is_the_turns_before_it() -> None:
    _, turns = talk(KITS[2], 3)
    for i, turn in enumerate(turns):
        assert turn.history == tuple((before.message, before.fact) for before in turns[:i])
        assert turn.served == tuple((before.standalone, before.fact) for before in turns[:i])


def test_a_message_that_changes_the_subject_stands_alone() -> None:
    switches = [t for kit in KITS for seed in range(3) for t in talk(kit, seed)[1] if t.gate is Gate.RESET]
    assert len(switches) > 50
    questions = {topic.question for kit in KITS for topic in kit.general}
    assert all(turn.standalone in questions for turn in switches)


def test_the_same_chance_gives_the_same_conversation() -> None:
    assert talk(KITS[0], 7)[1] == talk(KITS[0], 7)[1]
    assert talk(KITS[0], 7)[1] != talk(KITS[0], 8)[1]


def test_a_gap_in_a_template_leaves_no_gap_in_the_sentence() -> None:
    assert filled("what is {p} {r} {v}?", "the A1", "", "") == "What is the A1?"


def test_a_line_that_is_no_kit_is_named(tmp_path: Path) -> None:
    (tmp_path / "service_kits_x.jsonl").write_text('{"domain": "a bank"}\n', encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"service_kits_x\.jsonl, line 1 is no kit"):
        read_kits(folder=tmp_path)


def test_a_rehearsal_fills_no_more_conversations_than_its_rows_need() -> None:
    assert [conversations_for(limit, 100) for limit in (None, 1, 199, 200, 1000, 1_000_000)] == [100, 1, 1, 2, 6, 100]
