"""Files of many small documents, one a row: question–answer pairs, and passages as DPR and BEIR write them.

CSV, TSV and JSON Lines, each also gzipped. Rows are read one after the other, so that a file of millions of
rows needs no more memory than its longest row.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import BinaryIO, TextIO, cast

from domain.errors import DocumentRejected
from domain.passage import Document
from retrieval.readers.files import Origin, cannot_open, check_regular, stream_encoding, undecodable
from retrieval.readers.parsed import ParsedDocument, TextBuilder, one_line
from retrieval.readers.plain import add_plain

MAX_LINE_CHARACTERS = 4 * 1024 * 1024
"""No row is longer; a file without line ends must not be read into memory whole."""

_FREELY_UNPACKED = 32 * 1024 * 1024  # characters that any archive may hold
_MOST_UNPACKED = 200  # times its size; prose packs to a quarter, a table that repeats itself to a fiftieth

_QUESTION, _ANSWER = ("question", "q"), ("answer", "a", "response")
_TEXT, _TITLE, _ID = ("text", "passage", "contents"), ("title",), ("id", "_id")
_KNOWN = {*_QUESTION, *_ANSWER, *_TEXT, *_TITLE, *_ID}
_SAMPLE_BYTES = 256 * 1024

Row = Mapping[str, str]


def read(origin: Origin) -> Iterator[ParsedDocument | DocumentRejected]:
    """One document a row; its id is ``<path>#<row id>``, or the row's number (from 1) where it has no id.

    A row that cannot be used is given as the ``DocumentRejected`` that says why, so that the rows after it are
    still read; it is raised only where the file itself is unusable.
    """
    check_regular(origin)
    name = origin.path.name.lower().removesuffix(".gz")
    rows = _json_rows if name.endswith(".jsonl") else _table_rows
    seen_any = False
    with _opened(origin) as stream:
        for number, row in rows(stream, origin, "\t" if name.endswith(".tsv") else ","):
            seen_any = True
            yield row if isinstance(row, DocumentRejected) else _document(row, number, origin)
    if not seen_any:
        raise DocumentRejected(f"“{origin.source}” has no rows; add some or remove it.")


@contextmanager
def _opened(origin: Origin) -> Iterator[TextIO]:
    """The file as text, unpacked; whatever goes wrong while it is read becomes a rejection."""
    opener = cast("Callable[..., BinaryIO]", gzip.open if origin.path.name.lower().endswith(".gz") else io.open)
    try:
        with opener(origin.path, "rb") as sample:
            encoding = stream_encoding(origin, _beginning(sample))
        with opener(origin.path, "rb") as binary, io.TextIOWrapper(binary, encoding, newline="") as stream:
            yield stream
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DocumentRejected(f"“{origin.source}” is damaged or cut short; pack or copy it again.") from error
    except UnicodeDecodeError as error:
        raise undecodable(origin.source) from error
    except OSError as error:
        raise cannot_open(origin.source, error) from error


def _beginning(stream: BinaryIO) -> bytes:
    """Up to ``_SAMPLE_BYTES``; of an archive cut short within them what there is, for its rows are wanted."""
    sample = bytearray()
    try:
        while len(sample) < _SAMPLE_BYTES and (more := stream.read(min(8192, _SAMPLE_BYTES - len(sample)))):
            sample += more
    except (EOFError, zlib.error):
        if not sample:
            raise
    return bytes(sample)


def _table_rows(stream: TextIO, origin: Origin, delimiter: str) -> Iterator[tuple[int, Row | DocumentRejected]]:
    lines = _lines(stream, origin)
    header = next(lines, "")
    if delimiter == "," and header.count(";") > header.count(","):
        delimiter = ";"  # what spreadsheets write where the comma is the decimal sign
    names = [name.strip().lower() for name in next(csv.reader([header], delimiter=delimiter), [])]
    _check_columns(names, origin)
    try:
        for number, cells in enumerate(csv.reader(lines, delimiter=delimiter), start=1):
            if any(cell.strip() for cell in cells):
                yield number, dict(zip(names, cells, strict=False))
    except csv.Error as error:
        raise DocumentRejected(
            f"“{origin.source}” is not a well-formed table ({error}); check its quotation marks."
        ) from error


def _check_columns(names: list[str], origin: Origin) -> None:
    found = set(names)
    pairs = found & set(_QUESTION) and found & set(_ANSWER)
    if not pairs and not found & set(_TEXT):
        raise DocumentRejected(
            f"“{origin.source}” has the columns {', '.join(names)[:200] or '(none)'}; name them question and answer, "
            "or text (with id and title if you have them)."
        )


def _json_rows(stream: TextIO, origin: Origin, _: str) -> Iterator[tuple[int, Row | DocumentRejected]]:
    for number, line in enumerate(_lines(stream, origin), start=1):
        if line.strip():
            yield number, _json_row(line, number, origin)


def _json_row(line: str, number: int, origin: Origin) -> Row | DocumentRejected:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return DocumentRejected(f"Line {number} of “{origin.source}” is not valid JSON; write one object a line.")
    if not isinstance(row, dict):
        return DocumentRejected(f"Line {number} of “{origin.source}” is not a JSON object; write one object a line.")
    return {key.lower(): str(value) for key, value in row.items() if isinstance(value, str | int | float)}


def _lines(stream: TextIO, origin: Origin) -> Iterator[str]:
    # A kilobyte of an archive becomes a megabyte at most; text becomes a tenth of that.
    most = max(_FREELY_UNPACKED, origin.path.stat().st_size * _MOST_UNPACKED)
    while line := stream.readline(MAX_LINE_CHARACTERS):
        most -= len(line)
        if most < 0:
            raise DocumentRejected(
                f"“{origin.source}” unpacks to more than {_MOST_UNPACKED} times its size, as no text does; pack it "
                "again."
            )
        if len(line) >= MAX_LINE_CHARACTERS:
            raise DocumentRejected(
                f"“{origin.source}” has a line of more than {MAX_LINE_CHARACTERS} characters; write one row a line."
            )
        yield line


def _document(row: Row, number: int, origin: Origin) -> ParsedDocument | DocumentRejected:
    question, title = one_line(_first(row, _QUESTION)), one_line(_first(row, _TITLE))
    body = _first(row, _ANSWER if question else _TEXT).strip()
    if not body:
        return DocumentRejected(
            f"Row {number} of “{origin.source}” has no {'answer' if question else 'question or text'}; fill it in or "
            "delete the row."
        )
    row_id = one_line(_first(row, _ID)) or str(number)
    metadata = {
        key: one_line(value) for key, value in row.items() if key and key not in _KNOWN and value and value.strip()
    }
    fallback = f"{PurePosixPath(origin.relative).name} {row_id}"
    builder = TextBuilder()
    builder.heading(question, 1)
    add_plain(builder, body.replace("\r\n", "\n").replace("\r", "\n"))
    return builder.finish(
        Document(f"{origin.relative}#{row_id}", title or question or fallback, origin.source, metadata)
    )


def _first(row: Row, names: tuple[str, ...]) -> str:
    return next((row[name] for name in names if row.get(name)), "")
