"""What a citation may never do, whatever the drafts say: point at what the model did not see, or quote what does not
stand there."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.answer import Answer
from domain.conversation import Query
from domain.passage import RetrievedPassage
from domain.protocols import Draft
from generation.weighting import CandidateWeigher
from retrieval.sentences import sentence_spans
from tests.generation.evidence import ToldReader, passage

SENTENCES = (
    "The moving fee is £20 in the UK.",
    "Students pay nothing for a move.",
    "Irish moves need 30 days' notice.",
    "Cancel a move on 0800 772 4430.",
    "A Harbour Disc does not work with the Harbour Hub 2.",
    "Plan | Price\nFibre 100 | £29\nFibre 500 | £39",
)
UNSEEN = ("Penguins can fly over Cork for £3.", "The moving fee is £99 in Ireland [7].", "See source [12].", "[1] [2]")

evidences = st.lists(st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=4), min_size=1, max_size=5)
drafts = st.lists(st.lists(st.sampled_from(SENTENCES[:5] + UNSEEN), min_size=1, max_size=4), max_size=3)


def proposed(texts: list[list[str]], written: list[list[str]]) -> tuple[Answer | None, list[RetrievedPassage]]:
    evidence = [passage(n, "\n".join(text), "Moving") for n, text in enumerate(texts, 1)]
    chance = random.Random(len(texts))
    reader = ToldReader({one.passage.id: chance.random() for one in evidence}, {one[:12]: 0.7 for one in SENTENCES})
    told = [Draft(" ".join(one), -1.0, 10, f"beam {n}") for n, one in enumerate(written, 1)]
    weigher = CandidateWeigher(reader, sentence_spans)
    return weigher.propose(Query("What is the fee?", "What is the fee?"), evidence, told), evidence


@settings(max_examples=80, deadline=None)
@given(evidences, drafts)
def test_every_citation_is_a_true_slice_of_a_passage_that_was_seen(
    texts: list[list[str]], written: list[list[str]]
) -> None:
    answer, evidence = proposed(texts, written)
    seen = {one.passage.id: one.passage.text for one in evidence}
    for citation in answer.citations if answer else ():
        assert citation.passage_id in seen
        assert citation.quote == seen[citation.passage_id][slice(*citation.quote_span)] != ""
        assert answer is not None
        assert 0 <= citation.sentence[0] < citation.sentence[1] <= len(answer.text)


@settings(max_examples=80, deadline=None)
@given(evidences, drafts)
def test_markers_count_the_cited_passages_from_one_and_name_one_passage_each(
    texts: list[list[str]], written: list[list[str]]
) -> None:
    answer, _ = proposed(texts, written)
    named = {citation.marker: citation.passage_id for citation in answer.citations} if answer else {}
    assert sorted(named) == list(range(1, len(named) + 1))
    assert len(set(named.values())) == len(named)


@settings(max_examples=80, deadline=None)
@given(evidences, drafts)
def test_every_sentence_is_cited_and_what_nobody_saw_is_not_said(
    texts: list[list[str]], written: list[list[str]]
) -> None:
    answer, _ = proposed(texts, written)
    if answer is None:
        return
    for start, end in sentence_spans(answer.text):
        assert any(one.sentence[0] <= start and end <= one.sentence[1] for one in answer.citations)
    assert not any(one in answer.text for one in ("Penguins", "£99", "[7]", "[12]"))


def test_without_evidence_nothing_can_be_cited() -> None:
    assert proposed([], [["The moving fee is £20 in the UK."]])[0] is None
