from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.answer import Removal
from generation.refining import Refined, refined, restored, without_stammer
from retrieval.sentences import sentence_spans

EVIDENCE = [
    "Call 1-800-772-1213 or visit www.shop.example/help. Fibre 100 costs £29 a month in the UK.",
    "Write to billing@harbourline.example. The Harbour Hub 3 has 1.5 GB.\nThe eSIM works on an iPhone 15. See Cork.",
]


@pytest.mark.parametrize(
    ("draft", "text"),
    [
        ("call 1 - 800 - 772 - 1213 now.", "Call 1-800-772-1213 now."),
        ("visit www. shop. example / help.", "Visit www.shop.example/help."),
        ("it is £ 29 a month in the uk.", "it is £29 a month in the UK."),
        ("get fibre 100 there.", "get Fibre 100 there."),
        ("mail billing @ harbourline. example today", "mail billing@harbourline.example today"),
        ("it has 1. 5 gb", "it has 1.5 GB"),
        ("an esim for you", "an eSIM for you"),
        ("The fee is £30.", "The fee is £30."),
        ("with the harbour hub 3 you", "with the Harbour Hub 3 you"),
        ("So call us. Write often.", "So call us. Write often."),
        ("Example", "Example"),
    ],
)
def test_the_surface_comes_back_as_the_evidence_has_it(draft: str, text: str) -> None:
    assert restored(draft, EVIDENCE) == text


def refine(draft: str, *, finished: bool = True) -> Refined:
    return refined(draft, EVIDENCE, sentence_spans, finished=finished)


def test_a_sentence_said_twice_is_said_once() -> None:
    done = refine("Fibre 100 costs £29 a month in the UK. Fibre 100 costs £29 a month.")
    assert done.text == "Fibre 100 costs £29 a month in the UK."
    assert done.removals == (Removal("Fibre 100 costs £29 a month.", "it repeats an earlier sentence"),)


def test_a_sentence_that_only_its_capital_tells_apart_is_said_once_too() -> None:
    done = refine("a uk ? the the uk")
    assert done.text == "A UK?"
    assert done.removals[-1] == Removal("The UK.", "it repeats an earlier sentence")


def test_words_and_clauses_said_twice_running_are_said_once() -> None:
    assert refine("The the fee is is £29 .").text == "The fee is £29."
    done = refine("It costs £29 a month, for you, it costs £29 a month.")
    assert done.text == "It costs £29 a month, for you."
    assert done.removals == (Removal("it costs £29 a month.", "its clause was said before"),)


def test_what_the_evidence_says_twice_running_stays() -> None:
    assert without_stammer("Dial 12 12 now", ["Dial 12 12 now"]) == "Dial 12 12 now"
    assert without_stammer("Dial 12 12 now", ["Dial 12"]) == "Dial 12 now"


def test_a_draft_that_was_cut_off_loses_its_broken_end() -> None:
    done = refine("Fibre 100 costs £29. The eSIM works on an", finished=False)
    assert done == Refined("Fibre 100 costs £29.", (Removal("The eSIM works on an", "it breaks off"),))


def test_a_draft_that_only_lacks_its_stop_gets_one() -> None:
    assert refine("the esim works on an iphone 15") == Refined("The eSIM works on an iPhone 15.")
    assert refine("So the hub has the").text == ""


@pytest.mark.parametrize("end", ["..", ". .", "!!", "??", ". . "])
def test_a_mark_at_an_end_stands_once(end: str) -> None:
    assert refine(f"The Harbour Hub 3 has 1.5 GB{end}").text == f"The Harbour Hub 3 has 1.5 GB{end[0]}"


def test_an_ellipsis_stays() -> None:
    assert refine("The Harbour Hub 3 has 1.5 GB...").text == "The Harbour Hub 3 has 1.5 GB..."


def test_a_sentence_without_support_goes_with_the_reason() -> None:
    def objection(sentence: str) -> str:
        return "no such price" if "£30" in sentence else ""

    done = refined("It is £29. It is £30.", EVIDENCE, sentence_spans, objection)
    assert done == Refined("It is £29.", (Removal("It is £30.", "no such price"),))


def test_nothing_stays_nothing() -> None:
    assert refine("") == Refined("")
    assert refine("  \n ") == Refined("")


WORDS = st.lists(
    st.sampled_from("the fee is £ 29 . , fibre 100 1 - 800 Cork cork a a eSIM ? uk in".split()), max_size=14
)


@settings(max_examples=60, deadline=None)
@given(WORDS)
def test_refining_again_changes_nothing_and_invents_nothing(words: list[str]) -> None:
    once = refine(" ".join(words))
    assert refine(once.text) == Refined(once.text)
    letters = "".join(" ".join(words).lower().split())
    assert set("".join(once.text.lower().split())) <= set(letters) | {"."}
