from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from domain.conversation import Query
from domain.passage import Passage, Place, RetrievedPassage
from retrieval.chunking import chunk
from retrieval.duplicates import DistinctRetriever, collapsed, words
from retrieval.readers import ParsedDocument, open_documents

HARBOURLINE = Path(__file__).parents[2] / "knowledge" / "harbourline"
LONG = (
    "You can cancel the plan by telephone, in the chat or by letter. Have the account number at hand, say on which day "
    "the service should end, and keep the confirmation that follows."
)


def passage(id_: str, text: str, title: str = "Cancel a plan", metadata: Mapping[str, str] | None = None) -> Passage:
    section = ("How to cancel",)
    return Passage(id_, id_.partition("#")[0], title, text, f"{id_}.md", (7, 7 + len(text)), section, metadata or {})


def found(*passages: Passage) -> list[RetrievedPassage]:
    return [RetrievedPassage(one, 1.0 - n / 100, n) for n, one in enumerate(passages, start=1)]


def left(*passages: Passage) -> list[str]:
    return [one.passage.id for one in collapsed(found(*passages))]


class Fixed:
    """Finds the same passages whatever is asked, and counts how many it was asked for."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        self._found, self.asked_for = found(*passages), [0]

    def retrieve(self, query: Query, k: int) -> Sequence[RetrievedPassage]:
        self.asked_for.append(k)
        return self._found[:k]


def test_the_best_copy_stays_and_names_every_place() -> None:
    [first, other] = collapsed(
        found(passage("a#1", LONG), passage("b#2", LONG), passage("x#1", "Else."), passage("c#1", LONG))
    )
    assert first.passage.id == "a#1"
    assert first.also_in == (
        Place("b#2", "b", "Cancel a plan › How to cancel", "b#2.md", (7, 7 + len(LONG))),
        Place("c#1", "c", "Cancel a plan › How to cancel", "c#1.md", (7, 7 + len(LONG))),
    )
    assert (other.passage.id, other.also_in) == ("x#1", ())


def test_places_that_were_named_before_stay_named() -> None:
    known = replace(found(passage("b#2", LONG))[0], also_in=(passage("d#1", LONG).place,))
    [only] = collapsed([*found(passage("a#1", LONG)), known])
    assert [place.document_id for place in only.also_in] == ["b", "d"]


@pytest.mark.parametrize(
    "other",
    [
        LONG.replace(" ", "\n"),
        LONG.replace(",", " –").replace(".", ""),
        LONG.replace("cancel", "**cancel**"),
        LONG.upper()[:3] + LONG[3:].replace("Have", "have"),
        LONG.replace("the plan", "a plan"),
        LONG.replace("cancel", "ｃａｎｃｅｌ"),
    ],
)
def test_how_it_is_set_makes_no_difference(other: str) -> None:
    other = other.replace("YOU", "You")
    assert other != LONG
    assert left(passage("a#1", LONG), passage("b#1", other)) == ["a#1"]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("within 14 days", "within 30 days"),
        ("for £25", "for €25"),
        ("for £2.50", "for £250"),
        ("up to 5 degrees", "up to -5 degrees"),
        ("at least 18", "at most 18"),
        ("≥ 18 years", "≤ 18 years"),
        ("until 3 March 2026", "until 3 May 2026"),
        ("you may cancel", "you may not cancel"),
        ("you can cancel", "you can't cancel"),
        ("you can cancel", "you cannot cancel"),
        ("customers in Ireland", "customers in Iceland"),
        ("your mobile plan", "your landline plan"),
        ("each month", "each year"),
        ("call us", "call US"),
        ("included: ✓", "included: ✗"),
        ("the Fibre 100 plan", "the Fibre 300 plan"),
    ],
)
def test_near_twins_stay_apart(one: str, two: str) -> None:
    assert left(passage("a#1", f"{LONG} This holds {one}."), passage("b#1", f"{LONG} This holds {two}.")) == [
        "a#1",
        "b#1",
    ]


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("Cancel Fibre 100", "Cancel Fibre 300"),
        ("Cancel in the UK", "Cancel in Ireland"),
        ("Plans with data", "Plans without data"),
        ("Prices from 2025", "Prices from 2026"),
    ],
)
def test_the_same_words_under_headings_that_name_different_things_stay_apart(one: str, two: str) -> None:
    assert left(passage("a#1", LONG, one), passage("b#1", LONG, two)) == ["a#1", "b#1"]


def test_other_words_in_the_title_of_a_passage_that_speaks_for_itself_do_not_matter() -> None:
    assert left(passage("a#1", LONG, "Cancel a plan"), passage("b#1", LONG, "Cancel: copy of letter")) == ["a#1"]


def test_a_short_passage_means_what_its_heading_says() -> None:
    assert left(passage("a#1", "The fee is £5.", "Late bills"), passage("b#1", "The fee is £5.", "Paper bills")) == [
        "a#1",
        "b#1",
    ]
    assert left(passage("a#1", "The fee is £5."), passage("b#1", "The fee is £5.")) == ["a#1"]


@pytest.mark.parametrize("key", ["region", "product", "audience", "effective_from"])
def test_what_holds_for_something_else_stays(key: str) -> None:
    one, two = passage("a#1", LONG, metadata={key: "UK"}), passage("b#1", LONG, metadata={key: "IE"})
    assert left(one, two) == ["a#1", "b#1"]
    assert left(one, passage("c#1", LONG, metadata={key: "uk"})) == ["a#1"]
    assert left(one, passage("c#1", LONG)) == ["a#1"]


def test_thousands_separators_and_contractions_are_spelling() -> None:
    assert (
        words("You don't pay £1,000.") == words("you do not pay the £1000") == ["you", "do", "not", "pay", "£", "1000"]
    )


def test_passages_of_symbols_alone_are_not_all_the_same() -> None:
    assert left(passage("a#1", "—"), passage("b#1", "…")) == ["a#1", "b#1"]


def test_as_many_come_back_as_were_asked_for_where_they_differ() -> None:
    copies = [passage(f"copy{n}#1", LONG) for n in range(9)]
    inner = Fixed([*copies, *(passage(f"d{n}#1", f"Number {n}.") for n in range(9))])
    distinct = DistinctRetriever(inner).retrieve(Query("cancel", ""), 4)
    assert [one.passage.id for one in distinct] == ["copy0#1", "d0#1", "d1#1", "d2#1"]
    assert [one.rank for one in distinct] == [1, 2, 3, 4]
    assert len(distinct[0].also_in) == 8
    assert inner.asked_for[-1] == 16


def test_copies_without_end_do_not_make_it_search_without_end() -> None:
    inner = Fixed([passage(f"copy{n}#1", LONG) for n in range(500)])
    assert len(DistinctRetriever(inner).retrieve(Query("cancel", ""), 4)) == 1
    assert max(inner.asked_for) == 64


def test_harbourlines_near_twins_all_stay() -> None:
    """Every passage of the handbook says something of its own, though dozens differ in a region or a figure only."""
    documents = [item for path in sorted(HARBOURLINE.rglob("*.md")) for item in open_documents(path, HARBOURLINE)]
    passages = [one for document in documents if isinstance(document, ParsedDocument) for one in chunk(document)]
    assert len(passages) > 700
    kept = collapsed(found(*passages))
    assert {place.passage_id for one in kept for place in one.also_in} == set()
    again = [replace(one, id=f"copy/{one.id}", document_id=f"copy/{one.document_id}") for one in passages]
    assert len(collapsed(found(*passages, *again))) == len(passages)
