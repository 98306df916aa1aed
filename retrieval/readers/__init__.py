"""Readers: one a format, all giving the same values."""

from __future__ import annotations

from retrieval.readers.dispatch import SUPPORTED_SUFFIXES, holds_rows, open_documents
from retrieval.readers.parsed import Block, BlockKind, ParsedDocument

__all__ = ["SUPPORTED_SUFFIXES", "Block", "BlockKind", "ParsedDocument", "holds_rows", "open_documents"]
