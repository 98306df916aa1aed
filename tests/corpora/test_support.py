from __future__ import annotations

import json
import lzma
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from corpora.support import SupportExample, read_support
from domain.errors import Misconfigured
from tests.corpora.public_data import public

HEADER = "model_name\tdata_source\tknowledge\tmessage\tresponse\tbegin_label"
CELLS = [
    ["t5", "tc", 'Ferries carry " dogs " .', "do they?", "yes, dogs too", "Fully attributable"],
    ["gpt2", "cmu", "Ferries leave at noon.", "", '"hm', "Generic"],
    ["doha", "wow", "Ferries leave at noon.", "when?", "at six", "Not fully attributable"],
]
READ = [
    SupportExample("tc", 'Ferries carry " dogs " .', "do they?", "yes, dogs too", "full"),
    SupportExample("cmu", "Ferries leave at noon.", "", '"hm', "generic"),
    SupportExample("wow", "Ferries leave at noon.", "when?", "at six", "none"),
]


def official(at: Path, *lines: str) -> Path:
    (at / "begin_dev.tsv").write_text("".join(f"{line}\n" for line in lines))
    return at / "begin_dev.tsv"


def packed(at: Path, *rows: Any) -> Path:
    (at / "begin.jsonl.xz").write_bytes(lzma.compress("\n".join(map(json.dumps, rows)).encode()))
    return at / "begin.jsonl.xz"


def test_the_official_table_is_read_with_its_quotes_as_they_stand(tmp_path: Path) -> None:
    assert list(read_support(official(tmp_path, HEADER, *map("\t".join, CELLS)))) == READ


def test_packed_rows_are_read_alike(tmp_path: Path) -> None:
    assert list(read_support(packed(tmp_path, *(["begin_dev_tc.tsv", *cells] for cells in CELLS)))) == READ


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ([], "holds no replies"),
        ([HEADER], "holds no replies"),
        (["\t".join(CELLS[0])], "the first line should name the columns model_name"),
        ([HEADER, "t5\ttc"], "line 2: there should be 6 columns, not 2"),
        ([HEADER, "\t".join([*CELLS[0][:5], "Good"])], "line 2: the label 'Good' is none of Fully attributable"),
    ],
)
def test_a_malformed_table_is_named(tmp_path: Path, lines: list[str], named: str) -> None:
    with pytest.raises(Misconfigured, match=rf"begin_dev\.tsv.*{named}"):
        list(read_support(official(tmp_path, *lines)))


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({}, "row 1 should be a list of 7 strings"),
        (CELLS[0], "row 1 should be a list of 7 strings"),
        (["f", "m", "s", None, "m", "r", "Generic"], "row 1 should hold strings only"),
        (["f", "m", "s", "e", "m", "r", []], "row 1 should hold strings only"),
        (["f", "m", "s", "e", "m", "r", "generic"], "row 1: the label 'generic'"),
    ],
)
def test_a_malformed_row_is_named(tmp_path: Path, row: Any, named: str) -> None:
    with pytest.raises(Misconfigured, match=named):
        list(read_support(packed(tmp_path, row)))


def test_a_packed_file_that_breaks_off_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path, *(["f", *cells] for cells in CELLS))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Misconfigured, match="cannot be read to its end"):
        list(read_support(path))


def test_the_packed_begin_is_read() -> None:
    labels = Counter(row.label for row in read_support(public("dev/support_begin_dev.jsonl.xz")))
    assert labels == {"none": 585, "full": 133, "generic": 81}
