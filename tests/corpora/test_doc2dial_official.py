from __future__ import annotations

import json
import lzma
from pathlib import Path
from typing import Any

import pytest

from corpora.doc2dial_official import DialogueTurn, SourceDocument, read_dialogues, read_documents
from domain.errors import Misconfigured

TEXT = "Ferries leave at noon. Dogs ride free. Cats pay half."
SPANS = {"1": (0, 23), "2": (23, 39), "3": (39, 53)}
LEFT = "Lost things are kept a week."


def entry(name: str, text: str, spans: dict[str, tuple[int, int]]) -> dict[str, Any]:
    placed = {
        key: {"id_sp": key, "tag": "u", "start_sp": start, "end_sp": end, "text_sp": text[start:end], "title": "T"}
        for key, (start, end) in spans.items()
    }
    return {"doc_id": name, "domain": "sea", "title": "Ferries", "doc_text": text, "doc_html_ts": "", "spans": placed}


DOCUMENTS = {
    "doc_data": {"sea": {"F#1": entry("F#1", TEXT, SPANS)}, "land": {"L#1": entry("L#1", LEFT, {"1": (0, 28)})}}
}


def said(number: int, role: str, utterance: str, references: list[dict[str, str]], act: str = "") -> dict[str, Any]:
    return {"turn_id": number, "role": role, "da": act, "references": references, "utterance": utterance}


def span(key: str, name: str, document: str = "") -> dict[str, str]:
    return {key: name, "label": "solution"} | ({"doc_id": document} if document else {})


TURNS = [
    said(1, "user", "May my dog come?", [span("sp_id", "2")], "query_condition"),
    said(2, "agent", "Yes, but cats pay.", [span("sp_id", "3"), span("sp_id", "2")], "respond_solution"),
    said(3, "user", "Hm.", [], "query_condition"),
    said(4, "user", "And the price?", [], "query_condition"),
    said(5, "agent", "I can not find that.", [span("sp_id", "1")], "respond_no_solution"),
    said(6, "agent", "Anything else?", []),
    said(7, "user", "No.", []),
    said(8, "agent", "Bye.", []),
    said(9, "user", "Oh.", []),
]
DIALOGUES = {
    "dial_data": {"sea": {"F#1": [{"dial_id": "a1", "doc_id": "F#1", "domain": "sea", "turns": TURNS}]}, "land": {}}
}
MULTI_TURNS = [
    said(1, "user", "When?", [span("id_sp", "1", "F#1")]),
    said(2, "agent", "At noon.", [span("id_sp", "1", "F#1"), span("id_sp", "1", "L#1")]),
    said(3, "user", "I lost a hat.", []),
    said(4, "agent", "We keep it.", [span("id_sp", "1", "L#1")]),
    said(5, "user", "Thanks.", []),
    said(6, "agent", "Bye.", []),
]
MULTI = {"dial_data": {"sea": [{"dial_id": "m1", "turns": MULTI_TURNS}]}}


def file(at: Path, value: Any, name: str = "dial.json") -> Path:
    (at / name).write_text(json.dumps(value, indent=4), encoding="utf-8")
    return at / name


def documents(at: Path) -> dict[str, SourceDocument]:
    return read_documents(file(at, DOCUMENTS, "doc2dial_doc.json"))


def test_documents_are_read_with_the_places_of_their_spans(tmp_path: Path) -> None:
    assert documents(tmp_path) == {
        "F#1": SourceDocument("F#1", "sea", "Ferries", TEXT, SPANS),
        "L#1": SourceDocument("L#1", "land", "Ferries", LEFT, {"1": (0, 28)}),
    }


def test_doc2dials_turns_have_what_answers_them_and_the_reply(tmp_path: Path) -> None:
    before = ("May my dog come?", "Yes, but cats pay.")
    assert list(read_dialogues(file(tmp_path, DIALOGUES), documents(tmp_path))) == [
        DialogueTurn("a1_1", "May my dog come?", (), "F#1", "Dogs ride free. Cats pay half.", "Yes, but cats pay."),
        DialogueTurn("a1_4", "And the price?", (before, ("Hm.", "")), "F#1", "", "I can not find that."),
        DialogueTurn(
            "a1_7",
            "No.",
            (before, ("Hm. And the price?", "I can not find that. Anything else?")),
            "F#1",
            "",
            "Bye.",
        ),
    ]


def test_multidoc2dials_turns_name_the_document_of_the_reply(tmp_path: Path) -> None:
    found = list(read_dialogues(file(tmp_path, MULTI), documents(tmp_path)))
    assert [(turn.id, turn.document_id, turn.grounding, turn.response) for turn in found] == [
        ("m1_1", "F#1", "Ferries leave at noon. ", "At noon."),
        ("m1_3", "L#1", LEFT, "We keep it."),
        ("m1_5", "", "", "Bye."),
    ]
    assert found[2].history == (("When?", "At noon."), ("I lost a hat.", "We keep it."))


def test_packed_files_are_read_alike(tmp_path: Path) -> None:
    for name, value in (("doc.json.xz", DOCUMENTS), ("dial.json.xz", DIALOGUES)):
        (tmp_path / name).write_bytes(lzma.compress(json.dumps(value).encode()))
    packed = read_documents(tmp_path / "doc.json.xz")
    assert packed == documents(tmp_path)
    assert list(read_dialogues(tmp_path / "dial.json.xz", packed)) == list(
        read_dialogues(file(tmp_path, DIALOGUES), packed)
    )


def dialogue(*turns: dict[str, Any]) -> dict[str, Any]:
    return {"dial_data": {"sea": {"F#1": [{"dial_id": "a1", "turns": list(turns)}]}}}


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ({"doc_data": {}}, "dial_data: there should be an object and there is missing"),
        ({"dial_data": {"sea": 3}}, "dial_data, sea: there should be an object and there is 3"),
        ({"dial_data": {"sea": [{"dial_id": "a"}]}}, "sea 1: 'turns' should be a list"),
        (dialogue({"role": "user"}), "F#1 1, turns 1: 'utterance' should be a string"),
        (dialogue(TURNS[0], said(2, "agent", "Yes.", [span("sp_id", "9")])), "no span '9' in a document 'F#1'"),
        (dialogue(TURNS[0], said(2, "agent", "Yes.", [span("id_sp", "1", "X")])), "no span '1' in a document 'X'"),
        (dialogue(TURNS[0], said(2, "agent", "Yes.", [{}])), "references 1: 'sp_id' should be a string"),
        ([], "the list is empty"),
    ],
)
def test_malformed_dialogues_are_named(tmp_path: Path, value: Any, named: str) -> None:
    with pytest.raises(Misconfigured, match=rf"dial\.json.*{named}"):
        list(read_dialogues(file(tmp_path, value), documents(tmp_path)))


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ({}, "doc_data: there should be an object"),
        ({"doc_data": {"sea": []}}, r"doc_data, sea: there should be an object and there is \[\]"),
        ({"doc_data": {"sea": {"F": {"title": "F"}}}}, "'doc_text' should be a string"),
        ({"doc_data": {"sea": {"F": entry("F", TEXT, {"1": (0, 99)})}}}, "0 to 99 is no stretch of a text of 53"),
        ({"doc_data": {"sea": {"F": entry("F", TEXT, {"1": (9, 3)})}}}, "9 to 3 is no stretch"),
    ],
)
def test_malformed_documents_are_named(tmp_path: Path, value: Any, named: str) -> None:
    with pytest.raises(Misconfigured, match=rf"doc\.json.*{named}"):
        read_documents(file(tmp_path, value, "doc.json"))


@pytest.mark.parametrize("length", [0, 1, 100, -1])
def test_an_empty_or_broken_file_is_refused(tmp_path: Path, length: int) -> None:
    known = documents(tmp_path)
    (tmp_path / "dial.json").write_text(json.dumps(DIALOGUES)[:length])
    with pytest.raises(Misconfigured, match=r"dial\.json"):
        list(read_dialogues(tmp_path / "dial.json", known))
