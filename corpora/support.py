"""Replies and whether the evidence bears them out: BEGIN (Dziri et al. 2022)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from corpora.json_stream import REMEDY, readable
from corpora.jsonl import rows
from corpora.records import lines
from domain.errors import Misconfigured

Support = Literal["full", "generic", "none"]
LABELS: Mapping[str, Support] = {
    "Fully attributable": "full",
    "Generic": "generic",
    "Not fully attributable": "none",
}
HEADER = ["model_name", "data_source", "knowledge", "message", "response", "begin_label"]


@dataclass(frozen=True, slots=True)
class SupportExample:
    """A reply that a model of dialogue wrote to a message, given evidence.

    ``source`` names the set it comes from: "cmu" (CMU DoG), "tc" (Topical Chat), "wow" (Wizard of Wikipedia).
    ``label``: "full", all of it follows from the evidence; "generic", it says nothing that could need evidence;
    "none", some of it does not follow.
    """

    source: str
    evidence: str
    message: str
    reply: str
    label: Support


def read_support(path: Path) -> Iterator[SupportExample]:
    """The replies of BEGIN's official ``.tsv``, or of its rows packed as JSON Lines, each a list that has the name of
    its file in front. Streamed; ``Misconfigured`` comes where the file turns out wrong."""
    cells = None
    for cells, where in _official(path) if ".tsv" in path.suffixes else _packed(path):
        yield _example(cells, where)
    if cells is None:
        raise Misconfigured(f"{path} holds no replies. {REMEDY}")


def _official(path: Path) -> Iterator[tuple[list[Any], str]]:
    for number, cells in lines(path, columns=len(HEADER)):
        if number > 1:
            yield cells, f"{path}, line {number}"
        elif cells != HEADER:
            raise Misconfigured(f"{path}: the first line should name the columns {', '.join(HEADER)}. {REMEDY}")


def _packed(path: Path) -> Iterator[tuple[list[Any], str]]:
    with readable(path):
        for number, row in enumerate(rows(path), 1):
            where = f"{path}, row {number}"
            if not isinstance(row, list) or len(row) != 1 + len(HEADER):
                raise Misconfigured(f"{where} should be a list of {1 + len(HEADER)} strings. {REMEDY}")
            yield row[1:], where


def _example(cells: list[Any], where: str) -> SupportExample:
    _, source, evidence, message, reply, label = cells
    if not all(isinstance(cell, str) for cell in cells):
        raise Misconfigured(f"{where} should hold strings only. {REMEDY}")
    if label not in LABELS:
        raise Misconfigured(f"{where}: the label {label!r} is none of {', '.join(LABELS)}. {REMEDY}")
    return SupportExample(source, evidence, message, reply, LABELS[label])
