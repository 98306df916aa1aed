from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from domain.answer import AnswerKind
from domain.conversation import Query
from domain.passage import RetrievedPassage
from domain.protocols import Draft
from generation.candidates import RETRIEVAL, WRITING, Found, Proposal, found, proposals
from retrieval.sentences import sentence_spans
from tests.generation.evidence import passage, reading

PRICES = "Fibre 100 costs £29 a month on 24 months. Fibre 100 costs £33 a month on 12 months. The hub is black."
TABLE = "Plan | Price\nFibre 100 | £29\nFibre 500 | £45"
TWIN = "On 24 months Fibre 100 costs £29 a month."
QUESTION = "what does Fibre 100 cost"


def turn(*told: tuple[RetrievedPassage, dict[str, float]], relevance: float = 0.9, asked: str = QUESTION) -> Found:
    readings = [reading(one.passage.text, scores, relevance) for one, scores in told]
    return found(Query(asked, asked), [one for one, _ in told], readings)


def texts(made: Sequence[Proposal]) -> list[str]:
    return [one.text for one in made]


def drafted(text: str, *, per_token: float = 0.5) -> Draft:
    return Draft(text, 10 * math.log(per_token), 10, "beam 1")


BOTH = turn((passage(1, PRICES, "Prices"), {"£29": 0.5, "£33": 0.45}))


def test_two_prices_that_match_alike_make_one_answer_each_cited_for_itself() -> None:
    together = next(one for one in proposals(BOTH, [], sentence_spans) if one.features["parts"] == 1)
    first, second = "Fibre 100 costs £29 a month on 24 months.", "Fibre 100 costs £33 a month on 12 months."
    assert together.text == f"{first}\n{second}"
    assert together.origin == "quote 1 + 1"
    assert [one.quote for one in together.citations] == [first, second]
    assert [together.text[slice(*one.sentence)] for one in together.citations] == [first, second]
    assert together.p_answered == pytest.approx(1 - 0.5 * 0.55)
    assert together.p_generation == pytest.approx(0.9 * 0.9 * (1 - 0.5 * 0.55))


def test_a_sure_sentence_stands_alone_because_more_reads_worse() -> None:
    sure = turn((passage(1, PRICES, "Prices"), {"£29": 0.95, "£33": 0.3}))
    best = max(proposals(sure, [], sentence_spans), key=lambda one: one.p_generation)
    assert best.text == "Fibre 100 costs £29 a month on 24 months."


def test_parts_come_from_several_passages() -> None:
    both = turn(
        (passage(1, "Fibre 100 costs £29 a month.", "UK"), {"£29": 0.4}),
        (passage(2, "In Ireland it costs €42.", "Ireland"), {"€42": 0.35}),
    )
    together = next(one for one in proposals(both, [], sentence_spans) if one.features["parts"] == 1)
    assert [(one.marker, one.passage_id) for one in together.citations] == [(1, "p1"), (2, "p2")]


def test_what_is_much_less_likely_is_not_added() -> None:
    lone = turn((passage(1, PRICES, "Prices"), {"£29": 0.8, "£33": 0.15}))
    assert all(one.features["parts"] == 0 for one in proposals(lone, [], sentence_spans))


def test_a_part_that_says_nothing_new_is_not_added() -> None:
    twins = turn(
        (passage(1, "Fibre 100 costs £29 a month on 24 months.", "A"), {"£29": 0.5}),
        (passage(2, TWIN, "B"), {"£29": 0.5}),
    )
    made = proposals(twins, [], sentence_spans)
    assert sorted(one.features["parts"] for one in made) == [0, 0]


def test_at_most_three_parts_and_ninety_words_are_put_together() -> None:
    many = " ".join(f"Plan {name} costs £{n}0 a month here." for n, name in enumerate("ABCDE", 1))
    scores = {f"£{n}0": 0.5 for n in range(1, 6)}
    parts = [one.features["parts"] for one in proposals(turn((passage(1, many), scores)), [], sentence_spans)]
    assert max(parts) <= 2
    long = [f"Plan {name} costs £{n}0 and {'so ' * 50}on." for n, name in enumerate("AB", 1)]
    apart = turn(*((passage(n, text), {"Plan": 0.5}) for n, text in enumerate(long, 1)))
    assert all(one.features["parts"] == 0 for one in proposals(apart, [], sentence_spans))


def test_a_row_of_a_table_is_known_as_one() -> None:
    rows = turn((passage(1, TABLE, "Prices"), {"£29": 0.6}))
    best = proposals(rows, [], sentence_spans)[0]
    assert (best.text, best.features["row"]) == ("Fibre 100: Price £29.", 1.0)
    assert best.p_generation == pytest.approx(0.8 * 0.6)


def test_every_candidate_has_every_figure() -> None:
    made = proposals(BOTH, [drafted("Fibre 100 costs £29 on 24 months.")], sentence_spans)
    assert {one.kind for one in made} == {AnswerKind.QUOTED, AnswerKind.GENERATED}
    assert all({*RETRIEVAL, *WRITING} <= one.features.keys() for one in made)


def test_the_figures_of_a_draft_are_its_own() -> None:
    made = proposals(BOTH, [drafted("Fibre 100 costs £29 on 24 months.")], sentence_spans)
    draft = next(one for one in made if one.kind is AnswerKind.GENERATED)
    assert draft.features["fluency"] == pytest.approx(math.log(0.5))
    assert (draft.features["drafted"], draft.features["parts"]) == (1.0, 0.0)
    assert draft.p_generation == pytest.approx(0.5 * draft.p_answered)


def test_what_the_answer_leaves_out_of_the_question_is_counted() -> None:
    asked = turn((passage(1, PRICES, "Prices"), {"£29": 0.5}), asked="what does Fibre 100 cost in Ireland")
    assert proposals(asked, [], sentence_spans)[0].features["untold"] == 1.0
    assert proposals(BOTH, [], sentence_spans)[0].features["untold"] == 0.0


def test_passages_that_say_the_same_are_counted() -> None:
    twins = turn((passage(1, PRICES, "A"), {"£29": 0.5}), (passage(2, TWIN, "B"), {}), (passage(3, "Hello there."), {}))
    assert proposals(twins, [], sentence_spans)[0].features["said_again"] == 1.0


@pytest.mark.parametrize(
    ("signals", "agreement"),
    [
        ({"dense_rank": 1.0, "bm25_rank": 1.0}, 1.0),
        ({"dense_rank": 2.0, "bm25_rank": 8.0}, 0.25),
        ({"dense_rank": 1.0}, 0.0),
        ({}, 0.0),
    ],
)
def test_the_searches_agree_as_far_as_their_ranks_do(signals: dict[str, float], agreement: float) -> None:
    one = passage(1, PRICES, "Prices")
    retrieved = RetrievedPassage(one.passage, one.score, one.rank, signals)
    assert turn((retrieved, {"£29": 0.5})).sources[0].figures["agreement"] == agreement
