"""Remembering millions of document ids in little memory."""

from __future__ import annotations

_MAX_NUMBER = 2**27
"""Row numbers below this are kept as bits: 16 MiB for the largest file, where a set would need gigabytes."""


class SeenIds:
    """The document ids met in one ingestion. Numbered rows (``wiki.tsv#17``) take one bit each."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._bits: dict[str, bytearray] = {}

    def __contains__(self, document_id: str) -> bool:
        prefix, number = _split(document_id)
        if number is None:
            return document_id in self._names
        bits = self._bits.get(prefix, b"")
        return number // 8 < len(bits) and bool(bits[number // 8] >> number % 8 & 1)

    def add(self, document_id: str) -> None:
        prefix, number = _split(document_id)
        if number is None:
            self._names.add(document_id)
            return
        bits = self._bits.setdefault(prefix, bytearray())
        if number // 8 >= len(bits):
            # Grown by an eighth at least, so that ascending numbers cost constant time each.
            bits.extend(bytes(number // 8 + 1 - len(bits) + len(bits) // 8))
        bits[number // 8] |= 1 << number % 8


def _split(document_id: str) -> tuple[str, int | None]:
    """The file and the row number; no number unless its digits can be got back from it (``#007`` is a name)."""
    prefix, mark, digits = document_id.rpartition("#")
    if mark and digits.isascii() and digits.isdigit() and len(digits) < 10 and str(int(digits)) == digits:
        return (prefix, int(digits)) if int(digits) < _MAX_NUMBER else (document_id, None)
    return document_id, None
