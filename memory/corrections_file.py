"""Corrections as a file of JSON Lines beside the conversations: it outlives Redis, and training reads it without one.

A line is one ``domain.corrections.Correction``. A writer holds the file's lock, so that two processes never mix their
lines, ends a line that a killed writer left open, and flushes to the disk before it returns.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from domain.corrections import Correction
from domain.errors import PartUnavailable

FILE_NAME = "corrections.jsonl"
_CORRECTION = TypeAdapter(Correction)


class CorrectionFile:
    """A ``CorrectionStore`` in one file, made with the first correction. Safe for many threads and processes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, correction: Correction) -> None:
        """Appends one line; once this returns it is on the disk."""
        line = json.dumps(_CORRECTION.dump_python(correction), ensure_ascii=False) + "\n"
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.write(_ending(file.fileno()) + line.encode("utf-8", "replace"))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise PartUnavailable(
                f"The correction cannot be kept in “{self._path.name}” ({error.strerror}); make room or mend the "
                "folder's permissions, then try again."
            ) from error

    def all(self) -> Sequence[Correction]:
        """Every correction, oldest first; a line that a killed writer cut short was never acknowledged and is none."""
        try:
            lines = self._path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise PartUnavailable(
                f"The corrections in “{self._path.name}” cannot be read ({error.strerror}); mend its permissions."
            ) from error
        return [found for number, line in enumerate(lines, 1) if (found := self._read(line, number)) is not None]

    def _read(self, line: bytes, number: int) -> Correction | None:
        try:
            row = json.loads(line)
        except ValueError:
            return None
        try:
            return _CORRECTION.validate_python(row)
        except ValidationError as error:
            raise PartUnavailable(
                f"Line {number} of “{self._path.name}” is no correction that can be read; update Colloquy, or take "
                "the line out."
            ) from error


def _ending(file: int) -> bytes:
    """What ends a line that was left open: nothing, where none was."""
    size = os.fstat(file).st_size
    return b"\n" if size and os.pread(file, 1, size - 1) != b"\n" else b""
