from __future__ import annotations

from typing import Any, cast

import pytest

from domain.answer import Answer, AnswerKind
from domain.conversation import Gate
from domain.protocols import Assistant
from evaluation.quality import Gold, QualityConversation, TurnKind
from evaluation.quality_report import outcome
from evaluation.quality_run import PlayedTurn, gold_index, has_fact, is_supported, judge, missing_gold, plainly, play
from tests.evaluation.handbook import FEE, PASSAGES, ROW, Scripted, expected, found, quoted, turn

GOLD = frozenset({"uk"})
NOTHING = Answer("I could not find this.", AnswerKind.ABSTAINED)


@pytest.mark.parametrize(
    ("text", "wordings", "holds"),
    [
        ("It is £29 a month.", ["£29"], True),
        ("It is £29.", ["£29"], True),
        ("It costs £ 29.00 now", ["£29"], True),
        ("It costs 29 pounds", ["£29"], True),
        ("It is £29.50", ["£29"], False),
        ("It is £290", ["£29"], False),
        ("up to £1,200", ["£1200"], True),
        ("35 euro", ["€35"], True),
        ("a 24‑MONTH term", ["24-month"], True),
        ("within 12 days", ["2 days"], False),
        ("ten working  days", ["working day"], True),
        ("now", ["no"], False),
        ("We don’t charge", ["don't"], True),
        ("nothing of it", ["£29", "of it"], True),
        ("Call 0800 111, please", ["0800 111"], True),
    ],
)
def test_a_fact_is_found_in_any_wording_and_as_whole_words(text: str, wordings: list[str], holds: bool) -> None:
    assert has_fact(text, wordings) == holds


def test_amounts_have_one_spelling() -> None:
    assert plainly("£1,200.00 or 15 EUR\n and 3.50 pounds") == "£1200 or €15 and £3.50"


def test_gold_passages_hold_the_sentence_whatever_its_markup() -> None:
    passages_with = gold_index(PASSAGES)
    assert passages_with(Gold("moving/fees.md", FEE)) == {"uk"}
    assert passages_with(Gold("moving/fees.md", ROW)) == {"ie"}
    assert passages_with(Gold("moving/fees.md", "2. A red light means no fibre.")) == {"light"}
    assert passages_with(Gold("fees.md", FEE)) == {"uk"}
    assert passages_with(Gold("other/fees.md", FEE)) == frozenset()


def test_gold_that_no_passage_holds_is_told() -> None:
    conversation = QualityConversation("c", (expected(), expected(gold=(Gold("x.md", "Gone."),))))
    assert missing_gold([conversation], gold_index(PASSAGES)) == "1 gold sentences in no passage, first: x.md: Gone."
    assert missing_gold([], gold_index(PASSAGES)) is None


@pytest.mark.parametrize(
    ("answer", "supported"),
    [
        (quoted("Moving home costs £20 in the UK."), True),
        (quoted("Moving home costs £20 in the UK. Students pay nothing."), True),
        (quoted("Moving home costs £25 in the UK."), False),
        (quoted("Cork: Fee €25.", "ie", quote="Cork | €25"), True),
        (quoted("Moving home costs £20 in the UK. Dogs bark loudly."), False),
        (Answer("Moving home costs £20 in the UK.", AnswerKind.GENERATED), False),
        (quoted("Moving home costs £20 in the UK.", "light", quote="Moving home costs £20 in the UK."), False),
    ],
)
def test_each_sentence_needs_a_citation_that_bears_it_out(answer: Answer, supported: bool) -> None:
    assert is_supported(answer, found("uk", "ie")) == supported


def test_an_answer_with_every_fact_is_right_and_one_without_is_wrong() -> None:
    right = judge(expected(), turn("fee?", quoted("It is £20."), "light", "uk"), GOLD, "first")
    assert (right.right, right.wrong, right.hits, right.unchanged) == (True, False, (False, True, True), None)
    wrong = judge(expected(), turn("fee?", quoted("It is £25."), "uk"), GOLD, "first")
    assert (wrong.right, wrong.wrong, wrong.refused) == (False, True, False)
    refused = judge(expected(), turn("fee?", NOTHING), GOLD, "first")
    assert (refused.right, refused.wrong, refused.refused, refused.supported) == (False, False, True, None)


def test_a_fact_in_an_abstention_is_no_answer() -> None:
    told = Answer("I could not find £20.", AnswerKind.ABSTAINED)
    assert judge(expected(), turn("fee?", told), GOLD, "first").right is False


def test_only_later_standalone_messages_must_stay_as_typed() -> None:
    message = "fee to move in the uk?"
    asked = expected(message)
    kept = judge(asked, turn(message, NOTHING, searched="Fee to move in the UK"), GOLD, "standalone")
    changed = judge(asked, turn(message, NOTHING, searched="fee to move a hub in the uk"), GOLD, "standalone")
    assert (kept.unchanged, changed.unchanged) == (True, False)
    assert kept.rouge == pytest.approx(6 / 9)  # nine words, of which "what is the" are not searched
    assert judge(expected("and there?"), turn("and there?", NOTHING), GOLD, "follow-up").unchanged is None


@pytest.mark.parametrize(
    ("searched", "gate", "let_go"),
    [("fee", Gate.KEEP, True), ("fee for hubs", Gate.REWRITE, False), ("fee for hubs", Gate.RESET, True)],
)
def test_a_switch_must_not_drag_the_old_topic_in(searched: str, gate: Gate, let_go: bool) -> None:
    verdict = judge(
        expected("fee", switch=True), turn("fee", NOTHING, searched=searched, gate=gate), GOLD, "standalone"
    )
    assert verdict.let_go is let_go


def other(kind: TurnKind) -> dict[str, Any]:
    return {"kind": kind, "facts": (), **({} if kind is TurnKind.CLARIFY else {"gold": ()})}


@pytest.mark.parametrize(
    ("kind", "answer", "said"),
    [
        (TurnKind.UNANSWERABLE, NOTHING, "refused, rightly"),
        (TurnKind.UNANSWERABLE, quoted("It is £20."), "ANSWERED"),
        (TurnKind.UNANSWERABLE, Answer("Hello!", AnswerKind.SMALL_TALK), "NOT REFUSED"),
        (TurnKind.CLARIFY, NOTHING, "fair"),
        (TurnKind.CLARIFY, Answer("UK or Ireland?", AnswerKind.CLARIFYING), "fair"),
        (TurnKind.CLARIFY, quoted("It is £20."), "fair"),
        (TurnKind.CLARIFY, quoted("Red.", "light"), "ANSWERED BESIDE THE POINT"),
        (TurnKind.SMALL_TALK, Answer("Hello!", AnswerKind.SMALL_TALK), "recognised"),
        (TurnKind.SMALL_TALK, NOTHING, "NOT RECOGNISED"),
        (TurnKind.ANSWERABLE, quoted("It is £20."), "right"),
        (TurnKind.ANSWERABLE, quoted("It is £2."), "WRONG"),
        (TurnKind.ANSWERABLE, NOTHING, "refused, WRONGLY"),
    ],
)
def test_every_kind_of_turn_has_its_outcome(kind: TurnKind, answer: Answer, said: str) -> None:
    asked = expected(**(other(kind) if kind is not TurnKind.ANSWERABLE else {}))
    gone = turn(asked.message, answer, "uk")
    assert outcome(PlayedTurn("c", 1, "first", asked, gone, judge(asked, gone, GOLD, "first"))) == said


def test_conversations_are_played_in_order_and_forgotten() -> None:
    conversations = [
        QualityConversation("a", (expected("one"), expected("two"))),
        QualityConversation("b", (expected("three"),)),
    ]
    scripted = Scripted([quoted("It is £20."), NOTHING, quoted("It is £2.")])
    told: list[tuple[int, int]] = []
    played = play(
        cast(Assistant, scripted), "harbourline", conversations, gold_index(PASSAGES), lambda *at: told.append(at)
    )
    assert [(one.conversation, one.number, one.turn.question, one.verdict.right) for one in played] == [
        ("a", 1, "one", True),
        ("a", 2, "two", False),
        ("b", 1, "three", False),
    ]
    names = [name for name, _ in scripted.asked]
    assert names[0] == names[1] != names[2]
    assert scripted.forgotten == [names[0], names[2]]
    assert told == [(1, 3), (2, 3), (3, 3)]
