from __future__ import annotations

from collections.abc import Sequence

import pytest

from bot.naming_guard import NamedModels, NamingGuard
from domain.answer import Answer, AnswerKind, Weighting
from domain.conversation import Query
from domain.passage import RetrievedPassage
from domain.protocols import Draft
from tests.bot.fakes import FullStopWeigher
from tests.bot.test_clarifying import passage

MODELS = NamedModels(
    [
        passage("p1", "You pay for Fibre 100 and for Fibre 300 here. It is Fibre 100 that most take since 1 May 2026."),
        passage(
            "p2", "Error E-2107 means no signal. Call 0800 772, or call 1800 946. Wait until March 2026 or May 2025."
        ),
    ]
)


def test_names_with_several_numbers_and_codes_are_learnt_and_years_and_telephones_are_not() -> None:
    assert MODELS.numbers == {"fibre": frozenset({"100", "300"})}
    assert MODELS.codes == {"E-2107"}


@pytest.mark.parametrize("text", ["price of fibre 700", "what does E-2120 mean", "Fibre-200?", "my e-2999 error"])
def test_a_model_or_code_that_the_collection_lacks_is_unknown(text: str) -> None:
    assert MODELS.is_unknown(text)


@pytest.mark.parametrize(
    "text",
    ["price of fibre 100", "what does e-2107 mean", "fibre 24 months", "the 300 one", "wi-fi 6", "x-99", "Fibre"],
)
def test_what_the_collection_holds_or_does_not_number_is_known(text: str) -> None:
    assert not MODELS.is_unknown(text)


def test_an_answer_about_another_number_of_the_same_name_is_displaced() -> None:
    assert MODELS.is_displaced("what is fibre 100", "Fibre 300 costs £34.")
    assert not MODELS.is_displaced("what is fibre 100", "Fibre 100 costs £29, Fibre 300 £34.")
    assert not MODELS.is_displaced("what is fibre 100", "It costs £29.")


class Priced(FullStopWeigher):
    """Proposes the price of Fibre 300, sure of it."""

    def propose(self, query: Query, evidence: Sequence[RetrievedPassage], drafts: Sequence[Draft]) -> Answer | None:
        weighting = Weighting(0.5, "adaptive", (), {"margin": 0.5})
        return Answer("Fibre 300 costs £34.", AnswerKind.QUOTED, (), 0.8, weighting)


def confidence(text: str) -> float:
    answer = NamingGuard(Priced(), MODELS).propose(Query(text, text), [], [])
    assert answer is not None
    assert answer.weighting is not None
    assert answer.weighting.features.get("another_name", 0.0) == float(answer.confidence < 0.8)
    assert answer.weighting.features["margin"] == 0.5
    return answer.confidence


def test_an_answer_about_another_thing_is_hardly_believed_and_the_trace_says_so() -> None:
    assert confidence("fibre 300 price") == 0.8
    assert confidence("fibre 100 price") == pytest.approx(0.2)
    assert confidence("fibre 700 price") == pytest.approx(0.2)


def test_nothing_proposed_stays_nothing_and_what_may_be_shown_is_the_weighers_word() -> None:
    guard = NamingGuard(FullStopWeigher(), MODELS)
    assert guard.propose(Query("q", "q"), [], []) is None
    assert guard.presentable("It is £4. And", []) == "It is £4."
