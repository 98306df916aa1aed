from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from domain.answer import Answer, AnswerKind
from domain.conversation import Gate, Query, Turn
from domain.errors import Misconfigured
from generation.rewriting import CopyRewriter
from retrieval.encoders import minilm_folder

SHIPPED = Path(__file__).parents[2] / "models" / "rewriter"


def told(question: str, answer: str, kind: AnswerKind = AnswerKind.GENERATED) -> Turn:
    return Turn("", question, Query(question, question), Answer(answer, kind))


PRICE = [told("How much is Fibre 100 in the UK?", "Fibre 100 costs £29 a month in the UK.")]


CANCELLING = [
    told("How do I cancel my contract?", "Tell us 30 days before you want to leave."),
    told("Is there a fee?", "An early termination fee applies within the minimum term."),
]


@pytest.fixture(scope="module")
def rewriter() -> CopyRewriter:
    return CopyRewriter(SHIPPED, minilm_folder())


@pytest.mark.models
def test_without_history_the_question_is_unchanged(rewriter: CopyRewriter) -> None:
    query = rewriter.rewrite("how fast is it?", [])
    assert (query.text, query.gate, query.context) == ("how fast is it?", Gate.KEEP, ())


@pytest.mark.models
def test_a_pronoun_gets_the_name_it_stands_for(rewriter: CopyRewriter) -> None:
    query = rewriter.rewrite("how fast is it?", PRICE)
    assert query.gate is Gate.REWRITE
    assert "Fibre 100" in query.text
    assert "fast" in query.text
    assert query.original == "how fast is it?"
    assert "“it”" in query.reason


@pytest.mark.models
def test_a_switch_of_topic_takes_nothing_along(rewriter: CopyRewriter) -> None:
    query = rewriter.rewrite("Does Wi-Fi calling work in Turkey?", CANCELLING)
    assert query.text == "Does Wi-Fi calling work in Turkey?"
    assert query.gate is Gate.RESET
    assert query.context == ()


@pytest.mark.models
@pytest.mark.parametrize(
    "question",
    [
        "What does error E-2107 mean?",
        "How do I reset my voicemail PIN?",
        "Does Wi-Fi calling work in Turkey?",
        "How do I complain?",
        "Can I pay by Direct Debit?",
    ],
)
@pytest.mark.parametrize("history", [PRICE, CANCELLING])
def test_a_self_contained_question_stays_as_typed(rewriter: CopyRewriter, question: str, history: list[Turn]) -> None:
    assert rewriter.rewrite(question, history).text == question


@pytest.mark.models
def test_what_is_spoken_of_as_known_is_completed(rewriter: CopyRewriter) -> None:
    assert "Fibre 100" in rewriter.rewrite("What is the activation fee?", PRICE).text


@pytest.mark.models
@pytest.mark.parametrize(
    ("fragment", "standalone"),
    [
        ("and in Ireland?", "How much is Fibre 100 in Ireland?"),
        ("what about fibre 500?", "How much is Fibre 500 in the UK?"),
    ],
)
def test_a_fragment_is_completed_from_the_question_before(
    rewriter: CopyRewriter, fragment: str, standalone: str
) -> None:
    query = rewriter.rewrite(fragment, PRICE)
    assert (query.text, query.gate) == (standalone, Gate.REWRITE)
    assert query.reason == "a fragment, joined to the question before it"


@pytest.mark.models
def test_a_negation_and_a_place_survive(rewriter: CopyRewriter) -> None:
    text = rewriter.rewrite("is it not available in Cork?", PRICE).text
    assert "not" in text
    assert "Cork" in text


@pytest.mark.models
def test_what_a_search_may_lean_on_is_what_was_asked_and_answered_newest_last(rewriter: CopyRewriter) -> None:
    history = [told("One?", "First."), told("Two?", "I could not find this.", AnswerKind.ABSTAINED), *PRICE]
    query = rewriter.rewrite("how fast is it?", history)
    assert query.context[-2:] == ("Two?", "How much is Fibre 100 in the UK? Fibre 100 costs £29 a month in the UK.")
    assert len(query.context) <= len(history)


@pytest.mark.models
@pytest.mark.parametrize("message", ["???", "…", "why " * 200, "a fragment " * 60])
def test_messages_the_model_cannot_judge_stay_as_typed(rewriter: CopyRewriter, message: str) -> None:
    query = rewriter.rewrite(message, PRICE)
    assert (query.text, query.gate) == (message, Gate.KEEP)
    assert query.context


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"config\.json"):
        CopyRewriter(tmp_path, minilm_folder())
    shutil.copy(SHIPPED / "config.json", tmp_path)
    with pytest.raises(Misconfigured, match=r"model\.safetensors are missing"):
        CopyRewriter(tmp_path, minilm_folder())


def test_truncated_weights_are_named(tmp_path: Path) -> None:
    shutil.copy(SHIPPED / "config.json", tmp_path)
    whole = (SHIPPED / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(Misconfigured, match=r"model\.safetensors cannot be read"):
        CopyRewriter(tmp_path, minilm_folder())
