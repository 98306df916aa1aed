from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from domain.errors import Misconfigured
from evaluation.planted_errors import Case, cases, flagged, half_of, lexical, measure, report
from evaluation.planting import Base, ErrorKind, plant, shortened

GOLD = "Fibre 100 costs £29 a month in the UK."


def base(text: str, *gold: str, page: str = "", region: str = "UK") -> Base:
    return Base("b", "g", text, gold or (text,), page or " ".join(gold or (text,)), region, ("Discs cost €6 at sea.",))


def planted(kind: ErrorKind, one: Base) -> set[str | None]:
    """What comes of it, whatever chance decides."""
    return {plant(kind, one, random.Random(seed)) for seed in range(30)}


def test_a_number_becomes_one_of_its_kind_from_the_page_that_the_sentence_does_not_hold() -> None:
    one = base(GOLD, page=f"{GOLD} Fibre 500 costs £39 a month and €45 in Ireland; it takes 12 days.")
    assert planted(ErrorKind.NUMBER, one) == {"Fibre 100 costs £39 a month in the UK."}
    assert planted(ErrorKind.NUMBER, base("No figures here.")) == {None}


def test_a_plan_becomes_another_of_its_family() -> None:
    found = planted(ErrorKind.PLAN, base(GOLD, GOLD, "Not for Fibre 50, Fibre 300 or Fibre 900."))
    assert found == {"Fibre 500 costs £29 a month in the UK."}


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("It does not include calls.", "It does include calls."),
        ("It cannot be sent.", "It can be sent."),
        ("It has no fee.", "It has a fee."),
        ("You can leave without a fee.", "You can leave with a fee."),
        ("The fee is £5.", "The fee is not £5."),
        ("No, the plan costs £5.", "The plan does not cost £5."),
        ("Text us.", None),
    ],
)
def test_a_denial_is_added_or_taken_away(text: str, wrong: str | None) -> None:
    assert planted(ErrorKind.NEGATION, base(text)) == {wrong}


@pytest.mark.parametrize(
    ("text", "gold", "wrong"),
    [
        (GOLD, GOLD, "Fibre 100 costs £29 a month in Ireland."),
        ("Irish customers pay.", "Irish customers pay.", "UK customers pay."),
        ("It costs £5.", "It costs £5.", "It costs £5 in Ireland."),
        ("It costs £5 in the UK.", "It costs £5 in the UK and €6 in Ireland.", None),
    ],
)
def test_another_country_is_one_the_evidence_does_not_speak_of(text: str, gold: str, wrong: str | None) -> None:
    assert planted(ErrorKind.REGION, base(text, gold)) == {wrong}


def test_an_invented_sentence_comes_after_the_true_one() -> None:
    found = {text for text in planted(ErrorKind.INVENTED, base(GOLD)) if text}
    assert all(text.startswith(f"{GOLD} ") for text in found)
    assert f"{GOLD} Discs cost €6 at sea." in found
    assert len(found) > 5


def test_a_shortened_sentence_leaves_out_what_it_may() -> None:
    chance = random.Random(0)
    assert shortened("It costs £5 from 1 March 2026.", chance) == "It costs £5."
    assert shortened("For these, the days start at once.", chance) is None
    assert shortened("For a new phone, the days start.", chance) == "The days start."
    assert shortened("It costs £5.", chance) is None


EVIDENCE = ((GOLD, "Fibre 100"), ("Students pay nothing.", "Fibre 100"))


def test_an_answer_is_flagged_for_one_sentence_that_is_not_borne_out() -> None:
    def case(text: str) -> Case:
        return Case("c", None, "reply", text, EVIDENCE, "development")

    assert not flagged(case(f"I'm sorry to hear that. {GOLD} Students pay nothing."))
    assert flagged(case(f"{GOLD} Students pay £5."))
    assert flagged(case(GOLD), lambda sentence, evidence: 0.59)


def test_each_half_has_its_own_share() -> None:
    answers = [
        Case("1", None, "reply", GOLD, EVIDENCE, "development"),
        Case("2", None, "shortened", "Fibre 100 costs £28.", EVIDENCE, "held out"),
        Case("3", ErrorKind.NUMBER, "reply", "Fibre 100 costs £28.", EVIDENCE, "held out"),
        Case("4", ErrorKind.NUMBER, "by hand", GOLD, EVIDENCE, "development"),
    ]
    told = {
        line.name: [round(one.mean, 2) for one in line.measures.values() if one.mean == one.mean]
        for line in measure(answers)
    }
    assert told["true: all"] == [0.0, 1.0, 0.5]
    assert told["true: in other words"] == [0.0, 0.0]
    assert told["error: number"] == [1.0, 1.0]
    assert told["errors by hand"] == [0.0, 0.0]
    assert report(measure(answers), {"by": "test"}).facts["by"] == "test"


@pytest.fixture(scope="module")
def every() -> list[Case]:
    return cases()


def test_the_set_has_three_hundred_of_either_and_fifty_by_hand(every: list[Case]) -> None:
    rule = [one for one in every if one.kind and one.origin != "by hand"]
    assert {kind: sum(one.kind is kind for one in rule) for kind in ErrorKind} == dict.fromkeys(ErrorKind, 60)
    assert sum(one.kind is None for one in every) == 300
    assert sum(one.origin == "by hand" for one in every) >= 50
    assert {one.half for one in every} == {"development", "held out"}
    assert half_of("plans/fibre-100-uk.md") == half_of("plans/fibre-100-uk.md")


def test_no_planted_answer_is_a_true_one(every: list[Case]) -> None:
    true = {one.text for one in every if one.kind is None}
    assert [one.text for one in every if one.kind and one.text in true] == []
    said = [(one.text, sentence) for one in every if one.kind for sentence, _ in one.evidence]
    assert [text for text, sentence in said if text == sentence] == []


def test_errors_are_caught_and_true_answers_let_through(every: list[Case]) -> None:
    some = [one for one in every if one.half == "development"][::3]
    wrong = [one for one in some if one.kind]
    right = [one for one in some if one.kind is None and one.origin != "reply"]
    assert sum(flagged(one, lexical) for one in wrong) >= 0.95 * len(wrong)
    assert sum(flagged(one, lexical) for one in right) <= 0.05 * len(right)


def test_an_error_by_hand_must_rest_on_the_handbook(tmp_path: Path) -> None:
    row = {"id": "h", "kind": "number", "file": "plans/none.md", "sentence": "Not there.", "text": "Wrong."}
    (tmp_path / "page.md").write_text("# Page\n\nIt costs £5 a month.\n", "utf-8")
    (tmp_path / "planted_errors.jsonl").write_text(json.dumps(row), "utf-8")
    with pytest.raises(Misconfigured, match=r"no passage of plans/none\.md holds “Not there\.”"):
        cases(handbook=tmp_path, data=tmp_path)
