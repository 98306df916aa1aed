"""The corpora of joint training: three parts that share nothing, and no passage named to the model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from domain.errors import Misconfigured
from training.joint_data import JointCorpus, kit_corpus, measured_on, part_of, read_corpus


@pytest.fixture(scope="module")
def two_companies() -> JointCorpus:
    return kit_corpus(2, 5)


def packed(path: Path, passages: int, questions: int = 10) -> Path:
    rows = (
        {
            "title": f"town {n}",
            "passage": f"Town {n} was founded in {1900 + n}.",
            "qas": [{"q": f"when was town {n} founded {m}", "a": [str(1900 + n)]} for m in range(questions)],
        }
        for n in range(passages)
    )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def test_packed_passages_are_the_corpus_and_their_questions_fall_into_three_parts(tmp_path: Path) -> None:
    corpus = read_corpus(packed(tmp_path / "towns.jsonl", 30))
    assert len(corpus.passages) == 30
    assert corpus.passages[3] == ("town 3", "Town 3 was founded in 1903.")
    counts = [len(part) for part in (corpus.learnt, corpus.development, corpus.held_out)]
    assert sum(counts) == 300
    assert counts[0] > 200
    assert min(counts) > 10
    for question in corpus.held_out:
        (place,) = question.gold
        assert question.answers == (str(1900 + place),)
        assert question.group == f"town {place}"


def test_the_same_passage_twice_is_one_of_the_corpus(tmp_path: Path) -> None:
    path = packed(tmp_path / "towns.jsonl", 10)
    path.write_text(path.read_text("utf-8") * 2, "utf-8")
    assert len(read_corpus(path).passages) == 10


def test_a_file_that_leaves_a_part_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="leaves no question"):
        read_corpus(packed(tmp_path / "one.jsonl", 1, 1))


def test_the_line_between_the_parts_is_drawn_by_name() -> None:
    assert [part_of(f"name {n}") for n in range(12)] == [part_of(f"name {n}") for n in range(12)]
    shares = [sum(part_of(f"name {n}") == part for n in range(2000)) / 2000 for part in range(3)]
    assert shares == pytest.approx([0.8, 0.1, 0.1], abs=0.03)


def test_every_fact_of_a_company_is_an_article_that_holds_its_answer(two_companies: JointCorpus) -> None:
    corpus = two_companies
    assert len(set(corpus.passages)) == len(corpus.passages) > 50
    for question in corpus.held_out:
        (place,) = question.gold
        assert question.answers[0] in corpus.passages[place][1]


def test_no_wording_that_is_held_out_is_learnt(two_companies: JointCorpus) -> None:
    learnt, chosen_by, held_out = (
        {question.group for question in part}
        for part in (two_companies.learnt, two_companies.development, two_companies.held_out)
    )
    assert not learnt & held_out
    assert not learnt & chosen_by
    assert not chosen_by & held_out


def test_a_corpus_is_the_same_for_the_same_seed_and_another_for_another(two_companies: JointCorpus) -> None:
    assert kit_corpus(2, 5) == two_companies
    assert kit_corpus(2, 6) != two_companies


@pytest.mark.parametrize("companies", [0, 1000])
def test_a_number_of_companies_that_there_are_not_is_refused(companies: int) -> None:
    with pytest.raises(Misconfigured, match=f"--companies is {companies}"):
        kit_corpus(companies)


def test_measurements_are_kept_short(two_companies: JointCorpus) -> None:
    corpus = measured_on(two_companies, 5)
    assert (len(corpus.development), len(corpus.held_out)) == (5, 10)
    assert len(corpus.learnt) > 100
