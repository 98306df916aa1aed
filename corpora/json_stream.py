"""JSON of any length, one value at a time: the public data sets' arrays of gigabytes, JSON Lines, single documents."""

from __future__ import annotations

import csv
import json
import lzma
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from corpora.jsonl import open_text
from domain.errors import Misconfigured

REMEDY = "Give the data set's own file, whole and unchanged."
CHUNK_CHARACTERS = 1 << 20
ELEMENT_LIMIT_CHARACTERS = 1 << 26
"""A longer array element is a missing bracket: without a limit a broken file of gigabytes would be read into memory."""

_SPACE = re.compile(r"\s*")


def values(path: Path, member: str = "") -> Iterator[Any]:
    """The elements of a JSON array, the rows of JSON Lines, or one whole JSON document. Where that document has a list
    named ``member``, the elements of that list.

    Plain, ``.gz`` or ``.xz``; lists and lines are streamed. Raises ``Misconfigured`` for a file that is not there,
    empty, broken off or anything else, when the reading gets to where it is wrong.
    """
    with readable(path), open_text(path) as file:
        start = _first_character(file)
        if not start:
            raise Misconfigured(f"{path} is empty. {REMEDY}")
        if start == "[":
            yield from _elements(_Window(file, path))
        elif member and _has(_Window(file, path), member):
            yield from _member(_Window(file, path), member)
        else:
            yield from _lines(file, path)


def _first_character(file: IO[str]) -> str:
    return next((line.strip()[0] for line in iter(lambda: file.readline(CHUNK_CHARACTERS), "") if line.strip()), "")


def _lines(file: IO[str], path: Path) -> Iterator[Any]:
    file.seek(0)
    lines = ((number, line) for number, line in enumerate(file, 1) if line.strip())
    _, first = next(lines)
    try:
        value = json.loads(first)
    except json.JSONDecodeError:  # not JSON Lines, but perhaps one document written over many lines
        yield _whole(file, path)
        return
    yield value
    for number, line in lines:
        try:
            value = json.loads(line)
        except json.JSONDecodeError as error:
            raise Misconfigured(f"{path}, line {number} is not JSON: {error}. {REMEDY}") from error
        yield value


def _whole(file: IO[str], path: Path) -> Any:
    file.seek(0)
    try:
        return json.load(file)
    except json.JSONDecodeError as error:
        raise Misconfigured(f"{path} is not JSON, or breaks off: {error}. {REMEDY}") from error


def _has(window: _Window, member: str) -> bool:
    """Whether the first object of the file has a list of that name; False where it is no whole object."""
    try:
        return any(key == member and window.peek() == "[" for key in window.members())
    except Misconfigured:
        return False


def _member(window: _Window, member: str) -> Iterator[Any]:
    for key in window.members():
        if key == member:
            yield from _elements(window)


def _elements(window: _Window) -> Iterator[Any]:
    """The elements of the array that comes next, decoded one at a time."""
    window.expect("[")
    if window.peek() == "]":
        raise window.wrong("the list is empty")
    while True:
        yield window.value()
        if window.expect(",]") == "]":
            return


class _Window:
    """A file from its beginning, of which only the part that is being decoded is in memory."""

    def __init__(self, file: IO[str], path: Path) -> None:
        file.seek(0)
        self._file, self._path = file, path
        self._text, self._at = "", 0
        self._count, self._moves = 0, 0  # values decoded; things taken
        self._decoder = json.JSONDecoder()

    def peek(self) -> str:
        """The next character that is not white space, "" at the end of the file; it stays the next."""
        while True:
            self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]  # it matches nothing, too
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(CHUNK_CHARACTERS):
                return ""

    def expect(self, characters: str) -> str:
        """Takes the next character, which must be one of ``characters``."""
        found = self.peek()
        if not found or found not in characters:
            what = f"{found!r} stands" if found else "the file ends"
            raise self.wrong(f"{what} where one of {characters!r} should be")
        self._at, self._moves = self._at + 1, self._moves + 1
        return found

    def members(self) -> Iterator[str]:
        """The keys of the object that comes next. Whoever asks may take the value of a key; else it is passed over."""
        self.expect("{")
        while self.peek() != "}":
            key = str(self.value())
            self.expect(":")
            before = self._moves
            yield key
            if self._moves == before:
                self.value()
            if self.expect(",}") == "}":
                return
        self.expect("}")

    def value(self) -> Any:
        """Takes the next JSON value, reading on as long as it is incomplete."""
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                size = len(self._text) - self._at  # twice as much each time, so that a long value costs no square
                if size > ELEMENT_LIMIT_CHARACTERS or not self._more(max(size, CHUNK_CHARACTERS)):
                    raise self.wrong(f"what comes is not JSON, or breaks off: {error.msg}") from error
                continue
            if end < len(self._text) or not self._more(CHUNK_CHARACTERS):  # else a number may go on in the next chunk
                self._at, self._count, self._moves = end, self._count + 1, self._moves + 1
                return value

    def wrong(self, what: str) -> Misconfigured:
        """The error for this place of the file; raise it."""
        return Misconfigured(f"{self._path}, after {self._count} values: {what}. {REMEDY}")

    def _more(self, characters: int) -> bool:
        """Drops what was taken and reads on; False at the end of the file."""
        chunk = self._file.read(characters)
        self._text, self._at = self._text[self._at :] + chunk, 0
        return bool(chunk)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turns what a damaged file raises while it is read into ``Misconfigured``."""
    try:
        yield
    except (EOFError, OSError, lzma.LZMAError, zlib.error, csv.Error, ValueError, RecursionError) as error:
        raise Misconfigured(f"{path} cannot be read to its end: {error}. {REMEDY}") from error
