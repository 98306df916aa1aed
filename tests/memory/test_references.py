"""A turn's references are its own: nothing that happens to other turns moves them."""

from __future__ import annotations

from dataclasses import replace

from domain.answer import Answer, AnswerKind, Citation
from domain.conversation import Conversation, Query, Turn
from domain.passage import Passage, RetrievedPassage
from domain.protocols import MemoryLimits
from memory.in_memory_store import InMemoryConversationStore


def turn(number: int) -> Turn:
    """Cites two of its three passages, the same documents as every other turn."""
    passages = [
        Passage(f"p{n}", f"d{n}", f"Page {n}", f"Fact {n} is true.", f"{n}.md", (0, 15))
        for n in range(number, number + 3)
    ]
    text = f"Fact {number + 2} is true. Fact {number} is true."
    cited = (passages[2], passages[0])
    citations = tuple(
        Citation(marker, one.id, (start, start + len(one.text)), (0, len(one.text)), one.text, 1.0)
        for marker, one in enumerate(cited, 1)
        for start in [text.index(one.text)]
    )
    evidence = tuple(RetrievedPassage(one, -float(rank), rank) for rank, one in enumerate(passages, 1))
    return Turn(
        f"t{number}", f"Question {number}?", Query("q", "q"), Answer(text, AnswerKind.QUOTED, citations), evidence
    )


def references(one: Turn) -> list[tuple[int, str, str]]:
    """What a reader of the turn sees: marker, source, quoted words; each taken from the turn alone."""
    known = {found.passage.id: found.passage for found in one.evidence}
    return [
        (c.marker, known[c.passage_id].source, known[c.passage_id].text[slice(*c.quote_span)])
        for c in one.answer.citations
    ]


TURNS = tuple(turn(number) for number in range(1, 6))
SEEN = {one.id: references(one) for one in TURNS}


def test_the_turns_cite_what_they_say() -> None:
    assert SEEN["t2"] == [(1, "4.md", "Fact 4 is true."), (2, "2.md", "Fact 2 is true.")]
    assert TURNS[1].answer.with_markers() == "Fact 4 is true [1]. Fact 2 is true [2]."


def test_deleting_a_turn_leaves_the_references_of_the_others() -> None:
    whole = Conversation("c", "o", "", TURNS)
    for gone in range(len(TURNS)):
        left = replace(whole, turns=tuple(one for i, one in enumerate(whole.turns) if i != gone))
        assert {one.id: references(one) for one in left.turns} == {k: v for k, v in SEEN.items() if k != f"t{gone + 1}"}


def test_editing_a_turn_leaves_the_references_of_the_others() -> None:
    shorter = replace(TURNS[1], answer=replace(TURNS[1].answer, text="Nothing.", citations=()), evidence=())
    edited = replace(Conversation("c", "o", "", TURNS), turns=(TURNS[0], shorter, *TURNS[2:]))
    assert {one.id: references(one) for one in edited.turns} == {**SEEN, "t2": []}
    assert [one.answer.with_markers() for one in edited.turns[2:]] == [one.answer.with_markers() for one in TURNS[2:]]


def test_what_the_store_trims_shifts_nothing() -> None:
    store = InMemoryConversationStore(MemoryLimits(ttl_seconds=None, max_turns=3, max_bytes=1_000_000))
    for one in TURNS:
        store.append("o", "c", one)
    kept = store.load("o", "c").turns
    assert [one.id for one in kept] == ["t3", "t4", "t5"]
    assert {one.id: references(one) for one in kept} == {name: SEEN[name] for name in ("t3", "t4", "t5")}


def test_a_turn_that_is_stored_twice_keeps_its_first_references() -> None:
    store = InMemoryConversationStore(MemoryLimits(ttl_seconds=None, max_turns=3, max_bytes=1_000_000))
    store.append("o", "c", TURNS[0])
    store.append("o", "c", replace(TURNS[0], evidence=()))
    assert [references(one) for one in store.load("o", "c").turns] == [SEEN["t1"]]
