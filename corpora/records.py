"""Objects and tables of public data sets, with fields that are checked as they are read.

Whatever is wrong ends as one ``Misconfigured`` that names the file, the row and what is wrong there.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpora.json_stream import REMEDY, readable, values
from corpora.jsonl import open_text
from domain.errors import Misconfigured


@dataclass(frozen=True, slots=True)
class Record:
    """One JSON object and where it stands. The getters raise ``Misconfigured`` for a field that is not as promised."""

    where: str
    fields: Mapping[str, Any]

    def text(self, key: str, default: str | None = None) -> str:
        """A string field; ``default``, when given, stands for a field that is missing or null."""
        value = self.fields.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, str):
            raise self.wrong(f"{key!r} should be a string and is {shown(value)}")
        return value

    def name(self, key: str) -> str:
        """A field that identifies: a string, or a number as data sets often have it, as a string."""
        value = self.fields.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        return self.text(key)

    def number(self, key: str) -> float:
        """A finite number, or a string that reads as one, as DPR writes its scores."""
        value = self.fields.get(key)
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            with suppress(ValueError, OverflowError):
                if math.isfinite(number := float(value)):
                    return number
        raise self.wrong(f"{key!r} should be a number and is {shown(value)}")

    def flag(self, key: str) -> bool:
        """A field that is true or false."""
        value = self.fields.get(key)
        if not isinstance(value, bool):
            raise self.wrong(f"{key!r} should be true or false and is {shown(value)}")
        return value

    def items(self, key: str) -> list[Any]:
        """A list field."""
        value = self.fields.get(key)
        if not isinstance(value, list):
            raise self.wrong(f"{key!r} should be a list and is {shown(value)}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A field that is a list of strings."""
        values = self.items(key)
        for value in values:
            if not isinstance(value, str):
                raise self.wrong(f"{key!r} should hold strings only and holds {shown(value)}")
        return tuple(values)

    def records(self, key: str) -> Iterator[Record]:
        """A field that is a list of objects."""
        for number, value in enumerate(self.items(key), 1):
            yield record(value, f"{self.where}, {key} {number}")

    def record(self, key: str) -> Record:
        """A field that is an object."""
        return record(self.fields.get(key), f"{self.where}, {key}")

    def children(self) -> Iterator[tuple[str, Record]]:
        """The objects of an object whose keys are names (of domains, of documents), in the order of the file."""
        for name in self.fields:
            yield name, self.record(name)

    def wrong(self, what: str) -> Misconfigured:
        """The error for this object; raise it."""
        return Misconfigured(f"{self.where}: {what}. {REMEDY}")


def record(value: Any, where: str) -> Record:
    """``value`` as a record. Raises ``Misconfigured`` when it is not an object."""
    if not isinstance(value, dict):
        raise Misconfigured(f"{where}: there should be an object and there is {shown(value)}. {REMEDY}")
    return Record(where, value)


def records(path: Path, member: str = "") -> Iterator[Record]:
    """The objects of a file: the elements of a JSON array, the rows of JSON Lines, or one whole JSON document. Where
    that document has a list named ``member``, the elements of that list.

    Plain, ``.gz`` or ``.xz``; lists and lines are streamed. Raises ``Misconfigured`` for a file that is not there,
    empty, broken off or anything else, when the reading gets to where it is wrong.
    """
    for number, value in enumerate(values(path, member), 1):
        yield record(value, f"{path}, row {number}")


def document(path: Path) -> Record:
    """A file that is one JSON object. Raises ``Misconfigured`` when it is anything else."""
    found = list(values(path))
    if len(found) != 1:
        raise Misconfigured(f"{path} holds {len(found)} JSON values and should be one object. {REMEDY}")
    return record(found[0], str(path))


def lines(path: Path, columns: int, quoted: bool = False) -> Iterator[tuple[int, list[str]]]:
    """(line number from 1, cells) of a file of tab-separated values; blank lines are passed over.

    ``quoted``: cells may be quoted as ``csv`` does. Raises ``Misconfigured`` for a line with another number of cells.
    """
    with readable(path), open_text(path) as file:
        reader = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE)
        for cells in reader:
            if cells and len(cells) != columns:
                where = f"{path}, line {reader.line_num}"
                raise Misconfigured(f"{where}: there should be {columns} columns, not {len(cells)}. {REMEDY}")
            if cells:
                yield reader.line_num, cells


def shown(value: Any) -> str:
    """A value for an error message, short."""
    text = "missing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:60]}…"
