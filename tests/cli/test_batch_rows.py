from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.batch_rows import BatchRow, Until, encoded, numbered_lines, output_row, parse_row, whole_rows
from domain.answer import Answer, AnswerKind, Citation, Weighting
from domain.conversation import Gate, Query, Trace, Turn
from domain.errors import Misconfigured, QuestionRejected
from domain.passage import Passage, RetrievedPassage


def line(**row: Any) -> bytes:
    return json.dumps(row).encode()


def turn() -> Turn:
    passage = Passage("p1", "d1", "Fees", "The fee is £20.", "fees.md", (0, 15))
    citation = Citation(1, "p1", (0, 13), (0, 15), "The fee is £20.", 0.9)
    answer = Answer(
        "It costs £20. Ask us.", AnswerKind.GENERATED, (citation,), 0.8712345678, Weighting(0.7, "adaptive")
    )
    return Turn(
        "t",
        "and the fee?",
        Query("what is the moving fee", "and the fee?", Gate.REWRITE),
        answer,
        (RetrievedPassage(passage, 0.98, 1),),
        Trace({"rewrite": 0.1, "retrieve": 0.02}),
    )


def test_a_row_is_read_as_documented() -> None:
    row = parse_row(
        line(
            id="a1",
            history=[{"user": "hi", "assistant": "hello"}, {"user": "moving"}],
            question="the fee?",
            passages=[{"id": "p", "title": "T", "text": "Text."}, {"id": 7, "text": "More."}],
            note="unknown keys are nobody's business",
        ),
        1,
    )
    assert row.history == (("hi", "hello"), ("moving", ""))
    assert row.passages is not None
    assert [(p.id, p.title, p.text, p.span) for p in row.passages] == [
        ("p", "T", "Text.", (0, 5)),
        ("7", "", "More.", (0, 5)),
    ]


def test_history_and_passages_may_be_missing() -> None:
    assert parse_row(line(id=3, question="q"), 1) == BatchRow(3, "q")
    assert parse_row(line(id=3, question="q", history=None, passages=None), 1) == BatchRow(3, "q")


def test_an_empty_list_of_passages_is_not_a_search() -> None:
    assert parse_row(line(id=1, question="q", passages=[]), 1).passages == ()


def test_half_a_surrogate_pair_becomes_text_that_can_be_written() -> None:
    row = parse_row(rb'{"id": "x", "question": "odd \ud800 one"}', 1)
    assert row.question == "odd ? one"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"{", "not JSON"),
        (b"[1]", "it is [1]"),
        (b'{"question": "q"}', "“id” is missing"),
        (b'{"id": "", "question": "q"}', "“id” is"),
        (b'{"id": true, "question": "q"}', "“id” is true"),
        (b'{"id": 1.5, "question": "q"}', "“id” is 1.5"),
        (b'{"id": 1}', "“question” is missing"),
        (b'{"id": 1, "question": "  "}', "“question” is"),
        (b'{"id": 1, "question": ["q"]}', "“question” is"),
        (b'{"id": 1, "question": "q", "history": "x"}', "“history” is"),
        (b'{"id": 1, "question": "q", "history": ["x"]}', "“history” holds"),
        (b'{"id": 1, "question": "q", "history": [{"assistant": "x"}]}', "“user” is missing"),
        (b'{"id": 1, "question": "q", "passages": {}}', "“passages” is {}"),
        (b'{"id": 1, "question": "q", "passages": [{"id": "p"}]}', "“text” is missing"),
        (b'{"id": 1, "question": "q", "passages": [{"id": "p", "text": ""}, {"id": "p", "text": ""}]}', "twice"),
        (b'{"id": 1, "question": "\xff"}', "not UTF-8"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_a_malformed_row_is_named_with_its_line_and_what_is_wrong(content: bytes, told: str) -> None:
    with pytest.raises(QuestionRejected) as caught:
        parse_row(content, 17)
    assert str(caught.value).startswith("Line 17 was left out: ")
    assert told in str(caught.value)
    assert len(str(caught.value)) < 300


@given(st.binary(max_size=60) | st.recursive(st.none() | st.text(), lambda x: st.lists(x)).map(lambda v: line(id=v)))
def test_whatever_a_line_holds_it_is_a_row_or_a_clear_refusal(content: bytes) -> None:
    with suppress(QuestionRejected):
        assert parse_row(content, 1).question.strip()


def test_a_finished_turn_becomes_the_documented_row() -> None:
    assert output_row("a", turn(), Until.ANSWER) == {
        "id": "a",
        "query": "what is the moving fee",
        "gate": "rewrite",
        "passages": [{"id": "p1", "document": "d1", "title": "Fees", "text": "The fee is £20.", "score": 0.98}],
        "answer": "It costs £20. Ask us.",
        "kind": "generated",
        "confidence": 0.871235,
        "lambda": 0.7,
        "citations": [{"sentence": "It costs £20.", "passage": "p1", "quote": "The fee is £20."}],
        "seconds": {"rewrite": 0.1, "retrieve": 0.02},
    }


def test_stopping_early_keeps_the_shape_of_the_row() -> None:
    whole = output_row(1, turn(), Until.ANSWER)
    rewritten, retrieved = output_row(1, turn(), Until.REWRITE), output_row(1, turn(), Until.RETRIEVE)
    assert list(rewritten) == list(retrieved) == list(whole)
    assert rewritten["passages"] == []
    assert retrieved["passages"] == whole["passages"]
    assert retrieved["answer"] is retrieved["kind"] is retrieved["lambda"] is retrieved["confidence"] is None
    assert retrieved["citations"] == []


def test_a_row_is_one_line_of_utf8() -> None:
    written = encoded({"id": "ü", "text": "two\nlines £"})
    assert written.count(b"\n") == 1
    assert written.endswith(b"\n")
    assert "£".encode() in written
    assert json.loads(written) == {"id": "ü", "text": "two\nlines £"}


def test_a_finished_file_is_whole() -> None:
    data = encoded({"id": "a", "query": "x"}) + encoded({"id": 2, "query": "y"})
    assert whole_rows(data) == ({"a", 2}, len(data))
    assert whole_rows(b"") == (set(), 0)


@pytest.mark.parametrize("torn", [b'{"id": "b", "que', b'{"id": "b", "query": "x"}', b"\0\0\0", b'{"id": "b"\n'])
def test_a_torn_last_line_is_dropped(torn: bytes) -> None:
    first = encoded({"id": "a", "query": "x"})
    assert whole_rows(first + torn) == ({"a"}, len(first))


def test_a_file_that_is_not_ours_is_refused_and_never_cut() -> None:
    with pytest.raises(Misconfigured, match="Line 1 of the output file"):
        whole_rows(b"my diary\n" + encoded({"id": "a", "query": "x"}))


def test_lines_keep_their_numbers_and_blank_ones_are_passed_over() -> None:
    lines = iter([b"\xef\xbb\xbf{}\n", b"\n", b"  \n", b"[]\n"])
    assert list(numbered_lines(lines)) == [(1, b"{}\n"), (4, b"[]\n")]
