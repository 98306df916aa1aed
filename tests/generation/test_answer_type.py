"""Forms of answers, on questions as people type them."""

from __future__ import annotations

import pytest

from generation.answer_type import AnswerType, expected_type, has_type, is_navigation


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("how much is fibre 100", AnswerType.MONEY),
        ("is there a charge if I cancel late", AnswerType.MONEY),
        ("How much notice for a move in Ireland?", AnswerType.DURATION),
        ("how long is the cooling-off period", AnswerType.DURATION),
        ("how fast is it", AnswerType.SPEED),
        ("what number do I call", AnswerType.QUANTITY),
        ("how large is the deposit", AnswerType.QUANTITY),
        ("What does error E-2110 mean?", AnswerType.MEANING),
        ("how do I reset the router", AnswerType.ANY),
    ],
)
def test_the_words_of_a_question_say_what_form_its_answer_has(question: str, wanted: AnswerType) -> None:
    assert expected_type(question) is wanted


@pytest.mark.parametrize(
    ("sentence", "wanted", "value"),
    [
        ("Fibre 100 costs £29 a month.", AnswerType.MONEY, 1.0),
        ("Changing the slot is free of charge.", AnswerType.MONEY, 1.0),
        ("The rent is 950 euros.", AnswerType.MONEY, 1.0),
        ("A Data Rollover is generous.", AnswerType.MONEY, 0.0),
        ("Tell us two weeks before.", AnswerType.DURATION, 1.0),
        ("Fibre 100 costs £29.", AnswerType.SPEED, 0.0),
        ("It brings 54 Mbps.", AnswerType.SPEED, 1.0),
        ("Dial two numbers.", AnswerType.QUANTITY, 1.0),
        ("Tell us early.", AnswerType.QUANTITY, 0.0),
        ("A red light means a fault.", AnswerType.MEANING, 1.0),
        ("Anything at all.", AnswerType.ANY, 0.5),
    ],
)
def test_a_sentence_has_the_form_or_lacks_it(sentence: str, wanted: AnswerType, value: float) -> None:
    assert has_type(sentence, wanted) == value


def test_sentences_about_the_page_are_told_from_the_matter() -> None:
    assert is_navigation("This page covers UK homes only.")
    assert not is_navigation("The paper bill costs £2.50 a month.")
