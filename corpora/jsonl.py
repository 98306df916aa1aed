"""Reading and writing training rows: JSON Lines, plain or packed with gzip or xz."""

from __future__ import annotations

import gzip
import json
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from domain.errors import Misconfigured


def open_text(path: Path) -> IO[str]:
    """Opens ``path`` for reading as UTF-8 text, unpacking by suffix (``.gz``, ``.xz``).

    Raises ``Misconfigured`` when the file does not exist.
    """
    if not path.is_file():
        raise Misconfigured(f"There is no training file {path}. Give --data the folder that holds it.")
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8")
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8")
    return path.open(encoding="utf-8")


OWN_DATA = Path(__file__).resolve().parent / "data"
"""The texts written for this project: they travel with it, unlike the public sets."""


def rows(path: Path) -> Iterator[Any]:
    """The rows of a JSON Lines file. Raises ``Misconfigured`` naming the line that is not JSON."""
    with open_text(path) as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    yield json.loads(line)
                except json.JSONDecodeError as error:
                    raise Misconfigured(f"{path}, line {number} is not JSON: {error}. Mend or remove it.") from error
