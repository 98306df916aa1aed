from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from corpora.open_qa import OpenQuestion, read_open_qa
from domain.errors import Misconfigured

TRIVIA = {
    "Question": "Which boat sank first?",
    "QuestionId": "tc_3",
    "QuestionSource": "https://example.org",
    "Answer": {
        "Aliases": ["The Gull", "Gull"],
        "HumanAnswers": ["the gull"],
        "NormalizedAliases": ["gull"],
        "NormalizedValue": "gull",
        "Value": "Gull",
        "Type": "FreeForm",
    },
    "SearchResults": [],
}


def file(at: Path, text: str, name: str = "test.json") -> Path:
    (at / name).write_text(text, encoding="utf-8")
    return at / name


def test_nq_open_is_read(tmp_path: Path) -> None:
    rows = [{"question": "who rows", "answer": ["Ada", "Ada Brook", "Ada"]}, {"question": "why", "answer": ["fun"]}]
    assert list(read_open_qa(file(tmp_path, "\n".join(map(json.dumps, rows)), "NQ-open.dev.jsonl"))) == [
        OpenQuestion("NQ-open#1", "who rows", ("Ada", "Ada Brook")),
        OpenQuestion("NQ-open#2", "why", ("fun",)),
    ]


@pytest.mark.parametrize("name", ["nq-test.csv", "nq-test.tsv"])
def test_dprs_tables_are_read(tmp_path: Path, name: str) -> None:
    text = 'who rows\t[\'Ada\', "Ada\'s aunt"]\nwhat is "it"\t[\'a "boat"\']\n"say ""when"""\t"[""it\'s noon""]"\n'
    assert list(read_open_qa(file(tmp_path, text, name))) == [
        OpenQuestion("nq-test#1", "who rows", ("Ada", "Ada's aunt")),
        OpenQuestion("nq-test#2", 'what is "it"', ('a "boat"',)),
        OpenQuestion("nq-test#3", 'say "when"', ("it's noon",)),
    ]


def test_a_packed_table_is_read(tmp_path: Path) -> None:
    (tmp_path / "nq-test.csv.gz").write_bytes(gzip.compress(b"who rows\t['Ada']\n"))
    assert list(read_open_qa(tmp_path / "nq-test.csv.gz")) == [OpenQuestion("nq-test#1", "who rows", ("Ada",))]


def test_nothing_in_a_table_is_run(tmp_path: Path) -> None:
    target = tmp_path / "made"
    with pytest.raises(Misconfigured, match=r"nq\.csv, line 1: .* is not a list of strings"):
        list(read_open_qa(file(tmp_path, f"q\t[open('{target}', 'w').name]\n", "nq.csv")))
    assert not target.exists()


@pytest.mark.parametrize("indent", [None, 4])
def test_triviaqa_is_read_with_aliases_and_what_people_answered(tmp_path: Path, indent: int | None) -> None:
    document = {"Data": [TRIVIA], "Domain": "Web", "VerifiedEval": False, "Version": 1.0}
    assert list(read_open_qa(file(tmp_path, json.dumps(document, indent=indent)))) == [
        OpenQuestion("tc_3", "Which boat sank first?", ("Gull", "The Gull", "the gull"))
    ]


def test_webquestions_is_read_in_its_three_shapes(tmp_path: Path) -> None:
    first = {
        "url": "http://example.org/view/en/ada_brook",
        "targetValue": '(list (description "The Ferry (1901)") (description Rower) (description "a \\"b\\""))',
        "utterance": "what was ada brook?",
    }
    second = {"qId": "wqr000001", "qText": "where?", "answers": ["Harbour Town"]}
    third = {"url": "http://example.org", "question": "when?", "answers": ["1901"]}
    assert list(read_open_qa(file(tmp_path, json.dumps([first, second, third])))) == [
        OpenQuestion("test#1", "what was ada brook?", ("The Ferry (1901)", "Rower", 'a "b"')),
        OpenQuestion("wqr000001", "where?", ("Harbour Town",)),
        OpenQuestion("test#3", "when?", ("1901",)),
    ]


@pytest.mark.parametrize("target", ["(list)", '(list (description ""))'])
def test_a_question_may_have_no_answer(tmp_path: Path, target: str) -> None:
    rows = [{"utterance": "why?", "targetValue": target}]
    assert list(read_open_qa(file(tmp_path, json.dumps(rows)))) == [OpenQuestion("test#1", "why?", ())]


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({"question": "q"}, "'answers' should be a list and is missing"),
        ({"question": "q", "answer": "a"}, "'answer' should be a list and is \"a\""),
        ({"question": 3, "answer": []}, "'question' should be a string and is 3"),
        ({"utterance": "q", "targetValue": "Rower"}, r"'targetValue' should read \(list"),
        ({"utterance": "q", "targetValue": "(list (name a))"}, r"'targetValue' should read \(list"),
        ({"QuestionId": "t", "Question": "q"}, "Answer: there should be an object and there is missing"),
        ({"title": "t"}, "a question of no set known here"),
    ],
)
def test_a_malformed_row_is_named(tmp_path: Path, row: dict[str, Any], named: str) -> None:
    with pytest.raises(Misconfigured, match=rf"test\.json, row 1.*{named}"):
        list(read_open_qa(file(tmp_path, json.dumps([row]))))


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "is empty"),
        ("who rows\n", "line 1: there should be 2 columns, not 1"),
        ("who rows\t['Ada'\n", "line 1: .* is not a list of strings"),
        ("who rows\t['Ada', 3]\n", "line 1: .* is not a list of strings"),
        ("who rows\t" + "[" * 5000 + "\n", "line 1: .* is not a list of strings"),
        ("who rows\t" + "a" * 200_000 + "\n", "cannot be read to its end: field larger"),
    ],
)
def test_a_malformed_table_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(Misconfigured, match=rf"nq\.csv.*{named}"):
        list(read_open_qa(file(tmp_path, text, "nq.csv")))


@pytest.mark.parametrize("length", [0, 10, 200, -1])
def test_an_empty_or_broken_file_is_refused(tmp_path: Path, length: int) -> None:
    with pytest.raises(Misconfigured, match=r"test\.json"):
        list(read_open_qa(file(tmp_path, json.dumps({"Data": [TRIVIA], "Version": 1.0})[:length])))
