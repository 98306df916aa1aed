"""How a person is told from another where the person must not be named."""

from __future__ import annotations

import hashlib

SHORT = 12
"""Hexadecimal digits that operators see: enough that two of a million owners rarely share them."""


def owner_hash(owner: str) -> str:
    """The SHA-256 of ``owner`` in 64 hexadecimal digits; any string has one, half a surrogate pair included."""
    return hashlib.sha256(owner.encode("utf-8", "surrogatepass")).hexdigest()


def short_owner_hash(owner: str) -> str:
    """The first ``SHORT`` digits of ``owner_hash``."""
    return owner_hash(owner)[:SHORT]
