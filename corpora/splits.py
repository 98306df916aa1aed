"""Which documents are for development: by name, so that every command draws the same line."""

from __future__ import annotations

import hashlib

DEVELOPMENT_SHARE = 5  # one document in five


def is_development(document_id: str) -> bool:
    """True when the document (and every turn about it) is held out of training."""
    digest = hashlib.sha256(document_id.encode("utf-8")).digest()
    return digest[0] % DEVELOPMENT_SHARE == 0
