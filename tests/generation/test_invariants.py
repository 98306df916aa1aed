from __future__ import annotations

import pytest

from generation.invariants import broken_invariant, is_elliptic, is_negation, points_back, pronouns_in, words_of

HISTORY = "How much is Fibre 100 in the UK? Fibre 100 costs £29 a month, with a 24-month contract and a free router."


@pytest.mark.parametrize(
    ("question", "rewrite"),
    [
        ("how fast is it?", "How fast is Fibre 100 in the UK?"),
        ("is that plan free?", "Is Fibre 100 free?"),
        ("isn't it free?", "Isn't Fibre 100 free?"),
        ("Does it come with fees?", "Does Fibre 100 come with a fee?"),
        ("is it £29.50 or £29?", "Is Fibre 100 £29.50 or £29?"),
        ("had I had had it, what then?", "Had I had had Fibre 100, what then?"),
        ("how fast is the cheaper one?", "How fast is Fibre 100?"),
        ("what if they're free?", "What if the fees are free?"),
        ("sorry i meant the free router one", "sorry i meant how much is the free router?"),
    ],
)
def test_a_faithful_rewrite_breaks_nothing(question: str, rewrite: str) -> None:
    assert broken_invariant(question, rewrite, HISTORY + " Fees apply. Come in.") is None


@pytest.mark.parametrize(
    ("question", "rewrite", "lost"),
    [
        ("Is it 67 or 500?", "Is Fibre 100 67?", "500"),
        ("is the 500 one free?", "Is Fibre 100 free?", "500"),
        ("Does E-2107 mean it is down?", "Does E mean Fibre 100 is down?", "2107"),
        ("Is it sold in Ireland?", "Is Fibre 100 sold?", "ireland"),
        ("Is it the same in IE?", "Is Fibre 100 the same in?", "ie"),
        ("can I get an eSIM with it?", "Can I get an with Fibre 100?", "esim"),
        ("why is it not free?", "Why is Fibre 100 free?", "not"),
        ("why isn't it free?", "Why is Fibre 100 free?", "isnt"),
        ("why didn’t it cost more?", "Why did Fibre 100 cost more?", "didnt"),
        ("can I cancel without it?", "Can I cancel Fibre 100?", "without"),
        ("is roaming free?", "Is Fibre 100 free?", "roaming"),
        ("is the Orbit plan free?", "Is Fibre 100 free?", "orbit"),
    ],
)
def test_a_lost_number_name_negation_or_topic_is_named(question: str, rewrite: str, lost: str) -> None:
    assert broken_invariant(question, rewrite, HISTORY) == f"it loses “{lost}”"


@pytest.mark.parametrize(
    ("rewrite", "invented"),
    [
        ("How fast is Fibre 100 in Narnia?", "narnia"),
        ("How fast is Fibre 1000?", "1000"),
        ("How fast is Fibre 100s?", "100s"),
    ],
)
def test_a_word_nobody_said_is_named(rewrite: str, invented: str) -> None:
    assert broken_invariant("how fast is it?", rewrite, HISTORY) == f"it adds “{invented}”, which nobody said"


def test_a_whole_earlier_message_dragged_in_is_refused() -> None:
    dragged = "How fast is it a month with a 24 month contract and a free router in the UK and much costs Fibre 100?"
    assert broken_invariant("how fast is it?", dragged, HISTORY) == "it drags an earlier message in"


@pytest.mark.parametrize(
    ("question", "rewrite"),
    [
        ("and in Ireland?", "And and in Ireland?"),
        ("how fast is it?", "How fast is Fibre 100 Fibre 100 in Fibre 100 in?"),
        ("how fast is it?", "How fast is the the UK?"),
    ],
)
def test_a_stammering_rewrite_is_refused(question: str, rewrite: str) -> None:
    assert broken_invariant(question, rewrite, HISTORY) == "it repeats itself"


@pytest.mark.parametrize(
    ("question", "pronouns"),
    [
        ("how fast is it?", ["it"]),
        ("Do they cover that?", ["they", "that"]),
        ("Is there a fee?", []),
        ("How do I get there?", ["there"]),
        ("Can I pay for one month?", []),
        ("Which one is faster?", ["one"]),
        ("What does Fibre 500 cost?", []),
    ],
)
def test_only_words_that_point_back_are_pronouns(question: str, pronouns: list[str]) -> None:
    assert pronouns_in(question) == pronouns


@pytest.mark.parametrize("question", ["and in Ireland?", "why?", "so how long?", "or else?"])
def test_a_short_leaning_question_is_elliptic(question: str) -> None:
    assert is_elliptic(question)


@pytest.mark.parametrize("question", ["Does Wi-Fi calling work in Turkey?", "How do I complain?"])
def test_a_whole_question_is_not_elliptic(question: str) -> None:
    assert not is_elliptic(question)


def test_words_are_lower_case_without_apostrophes_and_punctuation() -> None:
    assert words_of("Don't—don’t—pay £4.50!") == ["dont", "dont", "pay", "4", "50"]
    assert words_of("?! …") == []


def test_contractions_that_deny_are_told_from_words_that_look_like_them() -> None:
    assert all(is_negation(word) for word in words_of("can't won't isn't couldn't never without"))
    assert not any(is_negation(word) for word in words_of("want went rent current important"))


def test_a_definite_description_points_back() -> None:
    assert points_back("How big is the fee?")
    assert not points_back("Can I pay by Direct Debit?")
