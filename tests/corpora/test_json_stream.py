from __future__ import annotations

import gzip
import json
import lzma
from pathlib import Path
from typing import Any

import pytest

from corpora import json_stream
from corpora.json_stream import values
from corpora.records import document, record, records
from domain.errors import Misconfigured

ROWS = [{"a": 1, "text": 'a "quoted" ] } ,'}, {"a": [1.5, None, {"b": []}]}, {"a": "é\n"}]


def file(at: Path, text: str, name: str = "rows.json") -> Path:
    (at / name).write_text(text, encoding="utf-8")
    return at / name


@pytest.mark.parametrize("indent", [None, 1, 4])
def test_an_array_is_read_as_its_elements(tmp_path: Path, indent: int | None) -> None:
    assert list(values(file(tmp_path, json.dumps(ROWS, indent=indent)))) == ROWS


def test_lines_are_read_as_rows_and_blank_ones_passed_over(tmp_path: Path) -> None:
    assert list(values(file(tmp_path, "\n" + "\n\n".join(json.dumps(row) for row in ROWS)))) == ROWS


@pytest.mark.parametrize("indent", [None, 2])
def test_one_document_is_one_value(tmp_path: Path, indent: int | None) -> None:
    assert list(values(file(tmp_path, json.dumps(ROWS[0], indent=indent)))) == [ROWS[0]]


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("shape", [{"data": ROWS}, {"v": "1", "data": ROWS}, {"data": ROWS, "v": {"data": [0]}}])
def test_the_list_of_a_document_is_read_as_its_elements(tmp_path: Path, shape: Any, indent: int | None) -> None:
    assert list(values(file(tmp_path, json.dumps(shape, indent=indent)), "data")) == ROWS


def test_without_that_list_a_document_is_itself_and_lines_are_rows(tmp_path: Path) -> None:
    assert list(values(file(tmp_path, '{"v": {}, "data": 3}'), "data")) == [{"v": {}, "data": 3}]
    assert list(values(file(tmp_path, '{"v": 1}\n{"data": [1]}\n'), "data")) == [{"v": 1}, {"data": [1]}]


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress)])
@pytest.mark.parametrize("text", [json.dumps(ROWS), json.dumps({"data": ROWS}), "\n".join(map(json.dumps, ROWS))])
def test_packed_files_are_read_alike(tmp_path: Path, suffix: str, pack: Any, text: str) -> None:
    path = tmp_path / f"rows.json{suffix}"
    path.write_bytes(pack(text.encode()))
    assert list(values(path, "data")) == ROWS


def test_values_longer_than_what_is_read_at_once_are_whole(tmp_path: Path) -> None:
    size = json_stream.CHUNK_CHARACTERS
    long = [{"n": number, "text": "x" * length} for number, length in enumerate([size, 5, 3 * size + 1, size - 3])]
    assert list(values(file(tmp_path, json.dumps(long)))) == long


@pytest.mark.parametrize("shift", range(12))
def test_a_number_on_the_border_of_two_chunks_is_whole(tmp_path: Path, shift: int) -> None:
    padding = " " * (json_stream.CHUNK_CHARACTERS - shift)
    assert list(values(file(tmp_path, f"[{padding}12345678, 9]"))) == [12345678, 9]


@pytest.mark.parametrize("text", [json.dumps(ROWS), json.dumps({"data": ROWS}, indent=1)])
def test_a_file_that_breaks_off_anywhere_is_refused(tmp_path: Path, text: str) -> None:
    for length in range(1, len(text)):
        with pytest.raises(Misconfigured, match=r"rows\.json"):
            list(values(file(tmp_path, text[:length]), "data"))


def test_what_came_before_the_break_is_read(tmp_path: Path) -> None:
    stream = values(file(tmp_path, json.dumps(ROWS)[:-5]))
    assert [next(stream), next(stream)] == ROWS[:2]
    with pytest.raises(Misconfigured, match=r"rows\.json, after 2 values: .* breaks off"):
        next(stream)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "is empty"),
        (" \n\n", "is empty"),
        ("[]", "the list is empty"),
        ('{"data": []}', "the list is empty"),
        ("[1 2]", "after 1 values: '2' stands where one of"),
        ("hello", "is not JSON"),
        ('{"a": 1}\n{"a": \n', "line 2 is not JSON"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(Misconfigured, match=named):
        list(values(file(tmp_path, text), "data"))


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".xz", lzma.compress)])
def test_a_packed_file_that_breaks_off_or_is_none_is_refused(tmp_path: Path, suffix: str, pack: Any) -> None:
    packed = pack(json.dumps(ROWS * 50).encode())
    for content in (packed[: len(packed) // 2], packed[:-1], b"[1, 2]"):
        (tmp_path / f"rows.json{suffix}").write_bytes(content)
        with pytest.raises(Misconfigured, match=r"rows\.json\.\w+ cannot be read to its end"):
            list(values(tmp_path / f"rows.json{suffix}"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="gone"):
        list(values(tmp_path / "gone.json"))


def test_rows_must_be_objects(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"rows\.json, row 2: there should be an object and there is \[1\]"):
        list(records(file(tmp_path, "[{}, [1]]")))


def test_a_document_must_be_one_object(tmp_path: Path) -> None:
    assert document(file(tmp_path, '{"a": 1}')).fields == {"a": 1}
    with pytest.raises(Misconfigured, match="holds 2 JSON values and should be one object"):
        document(file(tmp_path, "[{}, {}]"))


def test_fields_are_what_they_promise_or_named() -> None:
    row = record(
        {"s": "a", "i": 3, "f": "81.5", "b": True, "l": ["x"], "o": {"k": {}}, "n": None, "inf": "inf"}, "f, row 1"
    )
    assert (row.text("s"), row.text("n", "d"), row.name("i"), row.name("s")) == ("a", "d", "3", "a")
    assert (row.number("i"), row.number("f"), row.flag("b"), row.texts("l")) == (3.0, 81.5, True, ("x",))
    assert [(name, child.where) for name, child in row.record("o").children()] == [("k", "f, row 1, o, k")]
    for get, key in (
        (row.text, "i"), (row.text, "n"), (row.name, "b"), (row.number, "b"), (row.number, "s"), (row.number, "inf"),
        (row.flag, "i"), (row.items, "s"), (row.record, "l"), (row.texts, "gone"),
    ):  # fmt: skip
        with pytest.raises(Misconfigured, match=f"f, row 1.*{key}"):
            get(key)
    with pytest.raises(Misconfigured, match="'l' should hold strings only and holds 1"):
        record({"l": ["x", 1]}, "f").texts("l")
