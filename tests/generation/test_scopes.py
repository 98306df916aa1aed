"""What a conversation is about, from the words of documents that say what they hold for."""

from __future__ import annotations

import pytest

from domain.passage import Passage
from generation.scopes import Scopes


def page(number: int, text: str, **metadata: str) -> Passage:
    return Passage(f"d{number}#0", f"d{number}", "", text, "f.md", (0, len(text)), (), metadata)


UK = [
    page(i, f"The {thing} costs £{i + 3} in the UK. Ofcom rules apply.", region="UK") for i, thing in enumerate("abc")
]
IE = [
    page(i + 10, f"The {thing} costs €{i + 3} in Ireland. Irish customers give an Eircode.", region="IE")
    for i, thing in enumerate("abc")
]
BOTH = [page(20, "Call us about anything.", region="all"), page(21, "Opening hours.", region="all")]


@pytest.fixture
def scopes() -> Scopes:
    return Scopes([*UK, *IE, *BOTH])


def fit(scopes: Scopes, *messages: str) -> tuple[float, ...]:
    return tuple(scopes.agreement(messages, [{"region": "UK"}, {"region": "IE"}, {"region": "all"}, {}]))


def test_words_of_one_region_speak_for_its_documents(scopes: Scopes) -> None:
    uk, ireland, both, unknown = fit(scopes, "what does it cost in ireland")
    assert ireland > 0.5
    assert uk < -0.5
    assert both == unknown == 0


def test_a_currency_sign_is_enough(scopes: Scopes) -> None:
    uk, ireland, *_ = fit(scopes, "is that £5?")
    assert uk > 0.4 > ireland


def test_what_was_said_before_counts_when_the_message_leaves_it_open(scopes: Scopes) -> None:
    uk, ireland, *_ = fit(scopes, "and the other one?", "my eircode is D02, i am irish")
    assert ireland > 0.8 > uk


def test_the_newest_message_that_is_clear_wins(scopes: Scopes) -> None:
    uk, ireland, *_ = fit(scopes, "and under ofcom in the uk for £?", "my eircode is D02, i am irish, ireland")
    assert uk > 0.8 > ireland


def test_without_a_sign_nothing_is_preferred(scopes: Scopes) -> None:
    assert fit(scopes, "hello") == pytest.approx((0, 0, 0, 0))
    assert fit(scopes) == pytest.approx((0, 0, 0, 0))


def test_keys_that_tell_each_document_apart_or_none_are_left_out() -> None:
    passages = [page(i, "text", id=str(i), language="en", region="UK" if i % 2 else "IE") for i in range(40)]
    assert Scopes(passages).keys == ("region",)
    assert Scopes([]).keys == ()
