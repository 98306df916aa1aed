from __future__ import annotations

import random
from datetime import date

from retrieval.quality.findings import Kind
from retrieval.quality.redundancy import NEAR, candidate_pairs, find_duplicates, shingles, similarity
from tests.retrieval.quality.handbook import article

TODAY = date(2026, 6, 1)
TEXT = (
    "Clear the area around the box before the engineer comes. Somebody aged 18 or over must be at home for the whole "
    "visit. Keep pets in another room and switch off any alarm that a drill might set off."
)


def test_the_same_words_in_two_documents_are_an_exact_duplicate_whatever_the_case() -> None:
    (found,) = find_duplicates([article("a", TEXT), article("b", TEXT.upper())], TODAY)
    assert found.kind is Kind.EXACT_DUPLICATE
    assert [place.document_id for place in found.places] == ["a", "b"]
    assert found.places[0].passage_id == "a#rules-1"


def test_nearly_the_same_words_are_a_near_duplicate_with_their_share() -> None:
    (found,) = find_duplicates([article("a", TEXT), article("b", TEXT.replace("pets", "dogs"))], TODAY)
    assert found.kind is Kind.NEAR_DUPLICATE
    assert found.score == round(similarity(shingles(TEXT), shingles(TEXT.replace("pets", "dogs"))), 3)
    assert NEAR < found.score < 1


def test_short_different_and_replaced_passages_are_left_alone() -> None:
    short = "Pay by card."
    other = "The kitchen opens at noon. Soup is served until it is gone, and bread with it, in the hall by the river."
    replaced = [article("old", TEXT), article("new", TEXT, metadata={"supersedes": "old"})]
    assert find_duplicates([article("a", short), article("b", short)], TODAY) == ()
    assert find_duplicates([article("a", TEXT), article("b", other)], TODAY) == ()
    assert find_duplicates(replaced, TODAY) == ()


def test_a_document_does_not_repeat_itself() -> None:
    assert find_duplicates([article("a", TEXT, TEXT.replace("pets", "dogs"))], TODAY) == ()


def test_similarity_is_shared_trigrams_by_all_trigrams() -> None:
    one, other = shingles("a b c d e"), shingles("A, b. c d x")
    assert (len(one), len(other), len(one & other)) == (3, 3, 2)
    assert similarity(one, other) == 2 / 4
    assert similarity(frozenset(), frozenset()) == 0


def test_bands_propose_every_pair_that_counting_all_pairs_finds() -> None:
    chance = random.Random(1)
    words = [f"w{n}" for n in range(400)]
    texts = [[chance.choice(words) for _ in range(60)] for _ in range(40)]
    texts += [[word if chance.random() > 0.07 else "changed" for word in text] for text in texts]
    sets = [shingles(" ".join(text)) for text in texts]
    near = {(a, b) for b in range(80) for a in range(b) if similarity(sets[a], sets[b]) >= NEAR}
    proposed = candidate_pairs(sets)
    assert len(near) > 25
    assert near <= proposed
    assert len(proposed) < 150
