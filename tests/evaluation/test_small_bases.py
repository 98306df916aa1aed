from __future__ import annotations

import json
import lzma
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from domain.conversation import Query
from evaluation.small_bases import SmallBase, small_bases, small_turns
from evaluation.weighting_turns import ARTICLES, Prepared


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two articles of twenty passages; passage n alone says its own number, the even ones also that they are even."""
    path = tmp_path / "articles.jsonl.xz"
    with lzma.open(path, "wt") as out:
        for title in ("Bees", "Amber_Coast"):
            for n in range(20):
                even = " It is even." if n % 2 == 0 else ""
                asked = [{"q": f"{title} {n}?", "a": [f"number-{n:02}"]}, {"q": f"even {n}?", "a": ["even"]}]
                row = {"title": title, "passage": f"This is number-{n:02} of {title}.{even}", "qas": asked}
                out.write(json.dumps(row) + "\n")
    return path


def test_each_article_is_a_base_and_a_part_of_it_is_left_out(file: Path) -> None:
    coast, bees = small_bases(file)
    assert (coast.title, bees.title) == ("Amber Coast", "Bees")
    assert (len(coast.passages), len(bees.passages)) == (4, 8)
    assert [base.name for base in (coast, bees)] == ["article-0", "article-1"]
    numbers = [int(text[15:17]) for text in bees.passages]
    assert numbers[-1] - numbers[0] >= len(numbers)  # at least one between them was left out
    assert bees.page.decode().count("\n## Part ") == 8


def test_what_was_left_out_is_asked_about_as_having_no_answer(file: Path) -> None:
    for base in small_bases(file):
        text = " ".join(base.passages)
        assert {bool(answers) for _, answers in base.questions} == {True, False}
        for question, answers in base.questions:
            if answers:
                assert any(answer in text for answer in answers)
            else:
                assert not question.startswith("even")  # that is said elsewhere, so it is no near miss
                assert f"number-{int(question.split()[-1][:-1]):02}" not in text


def test_the_same_seed_makes_the_same_bases(file: Path) -> None:
    assert small_bases(file) == small_bases(file)
    assert small_bases(file) != small_bases(file, seed=8)


def test_every_question_is_prepared_in_its_own_base(file: Path) -> None:
    opened, told = list[str](), list[tuple[int, int]]()

    def preparer(base: SmallBase) -> Callable[[str, Sequence[tuple[str, str]]], Prepared]:
        opened.append(base.name)
        return lambda question, _: Prepared(Query(question, question), (), (), (), ())

    bases = small_bases(file)
    turns = list(small_turns(bases, preparer, lambda done, total: told.append((done, total))))
    assert opened == ["article-0", "article-1"]
    asked = [(base.name, question) for base in bases for question, _ in base.questions]
    assert [(turn.group, turn.prepared.query.text) for turn in turns] == asked
    assert {turn.source for turn in turns} == {ARTICLES}
    assert [turn.wanted.answerable for turn in turns] == [bool(a) for base in bases for _, a in base.questions]
    assert told[-1] == (len(asked), len(asked))
