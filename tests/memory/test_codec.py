from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.answer import Answer, AnswerKind, Candidate, Citation, Removal, Weighting
from domain.conversation import Query, Trace, Turn
from domain.errors import PartUnavailable
from domain.passage import Passage, Place, RetrievedPassage
from memory.codec import VERSION, decode_turn, encode_turn

NUMBERS = st.floats(allow_nan=False)  # a NaN differs from itself; infinities are in


def every_field(value: type[Any], **known: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Builds ``value`` with every field drawn, also those that have a default."""
    return st.builds(value, **{field.name: known.get(field.name, ...) for field in fields(value)})


FEATURES = st.dictionaries(st.text(max_size=5), NUMBERS, max_size=3)
CANDIDATES = every_field(Candidate, p_retrieval=NUMBERS, p_generation=NUMBERS, utility=NUMBERS)
WEIGHTINGS = every_field(
    Weighting,
    retrieval_weight=NUMBERS,
    candidates=st.lists(CANDIDATES, max_size=2).map(tuple),
    features=FEATURES,
)
ANSWERS = every_field(
    Answer,
    citations=st.lists(every_field(Citation, support=NUMBERS), max_size=2).map(tuple),
    confidence=NUMBERS,
    weighting=st.none() | WEIGHTINGS,
)
PASSAGES = every_field(Passage, metadata=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2))
RETRIEVED = every_field(RetrievedPassage, passage=PASSAGES, score=NUMBERS, signals=FEATURES)
TURNS = every_field(
    Turn,
    query=every_field(Query, confidence=NUMBERS),
    answer=ANSWERS,
    evidence=st.lists(RETRIEVED, max_size=2).map(tuple),
    trace=every_field(Trace, seconds=FEATURES),
    asked_at=NUMBERS,
)


@settings(max_examples=60, deadline=None)
@given(turn=TURNS)
def test_every_turn_comes_back_equal_and_of_the_same_types(turn: Turn) -> None:
    back = decode_turn(encode_turn(turn))
    assert back == turn
    assert type(back.answer.kind) is type(turn.answer.kind)
    assert type(back.evidence) is tuple
    assert hash(back) == hash(turn)


def test_a_read_only_mapping_is_written_like_a_dictionary(make_turn: Callable[..., Turn]) -> None:
    turn = replace(make_turn(1), trace=Trace(MappingProxyType({"retrieve": 0.5})))
    assert decode_turn(encode_turn(turn)).trace.seconds == {"retrieve": 0.5}


def test_numbers_of_numpy_are_written_as_plain_ones(make_turn: Callable[..., Turn]) -> None:
    seconds: dict[str, Any] = {"rewrite": np.float32(0.5), "retrieve": np.float64(0.25), "steps": np.int64(3)}
    assert decode_turn(encode_turn(replace(make_turn(1), trace=Trace(seconds)))).trace.seconds == seconds


def test_half_a_surrogate_pair_does_not_stop_a_turn_from_being_stored(make_turn: Callable[..., Turn]) -> None:
    assert decode_turn(encode_turn(make_turn(1, "broken \ud83d emoji"))).answer.text == "broken ? emoji"


def test_fields_of_a_newer_minor_version_are_ignored(make_turn: Callable[..., Turn]) -> None:
    envelope = json.loads(encode_turn(make_turn(1)))
    envelope["version"] = [VERSION[0], VERSION[1] + 1]
    envelope["signature"] = "new"
    envelope["turn"]["mood"] = "new"
    envelope["turn"]["answer"]["language"] = "new"
    assert decode_turn(json.dumps(envelope).encode()) == make_turn(1)


def test_turns_stored_before_passages_named_other_places_are_still_read(make_turn: Callable[..., Turn]) -> None:
    passage = Passage("uk#1", "uk", "Fees", "Moving costs £20.", "uk.md", (0, 17))
    turn = replace(make_turn(1), evidence=(RetrievedPassage(passage, 1.0, 1),))
    envelope = json.loads(encode_turn(turn))
    assert envelope["turn"]["evidence"][0].pop("also_in") == []
    envelope["version"] = [1, 0]
    assert decode_turn(json.dumps(envelope).encode()) == turn


def test_the_other_places_of_a_passage_are_stored_with_it(make_turn: Callable[..., Turn]) -> None:
    passage = Passage("uk#1", "uk", "Fees", "Moving costs £20.", "uk.md", (0, 17), ("Moving",))
    copy = replace(passage, id="faq#3", document_id="faq", source="faq.md").place
    turn = replace(make_turn(1), evidence=(RetrievedPassage(passage, 1.0, 1, {}, (copy,)),))
    assert decode_turn(encode_turn(turn)).evidence[0].also_in == (
        Place("faq#3", "faq", "Fees › Moving", "faq.md", (0, 17)),
    )


REMOVED = Weighting(
    0.4, "adaptive", removed=(Removal("It costs £99.", "the evidence says “£20”, not “£99”", "beam 2"),)
)


def test_turns_stored_before_weighings_told_what_was_removed_are_still_read(make_turn: Callable[..., Turn]) -> None:
    before = Weighting(0.4, "adaptive", features={"score": 1.5})
    turn = replace(make_turn(1), answer=Answer("It costs £20.", AnswerKind.QUOTED, weighting=before))
    envelope = json.loads(encode_turn(turn))
    assert envelope["turn"]["answer"]["weighting"].pop("removed") == []
    envelope["version"] = [1, 2]
    assert decode_turn(json.dumps(envelope).encode()) == turn


def test_what_was_removed_from_a_draft_is_stored_with_the_reason(make_turn: Callable[..., Turn]) -> None:
    turn = replace(make_turn(1), answer=Answer("", AnswerKind.ABSTAINED, weighting=REMOVED))
    weighting = decode_turn(encode_turn(turn)).answer.weighting
    assert weighting == REMOVED


def test_a_newer_major_version_is_refused_by_its_number(make_turn: Callable[..., Turn]) -> None:
    envelope = json.loads(encode_turn(make_turn(1))) | {"version": [7, 0]}
    with pytest.raises(PartUnavailable, match=r"turn format 7.*update Colloquy"):
        decode_turn(json.dumps(envelope).encode())


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not JSON"),
        (b'{"version": [1, 0], "turn"', "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"[1, 2]", "no turn in it"),
        (b'{"turn": {}}', "version None is not two numbers"),
        (b'{"version": "1.0", "turn": {}}', "version '1.0' is not two numbers"),
        (b'{"version": [1, 0], "turn": {}}', "id: Field required"),
        (b'{"version": [1, 0], "turn": 3}', "turn: "),
    ],
)
def test_what_is_no_turn_is_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(PartUnavailable, match=why) as refusal:
        decode_turn(data)
    assert len(str(refusal.value)) < 400


def test_an_unknown_kind_of_answer_is_refused_with_its_place(make_turn: Callable[..., Turn]) -> None:
    envelope = json.loads(encode_turn(make_turn(1)))
    envelope["turn"]["answer"]["kind"] = "sung"
    with pytest.raises(PartUnavailable, match=r"answer\.kind"):
        decode_turn(json.dumps(envelope).encode())
