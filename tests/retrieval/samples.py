"""A small exact encoder and documents made by hand, for tests of the index and the search."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence

import numpy as np

from domain.passage import Document, Passage
from retrieval.prepared import PreparedDocument


class WordEncoder:
    """Bags of words as unit vectors: the cosine of two texts is the overlap of their words, and nothing else.

    ``encoded`` holds the passages it was given, in order.
    """

    def __init__(self, dimension: int = 512, fingerprint: str = "words") -> None:
        self.dimension = dimension
        self.fingerprint = fingerprint
        self.encoded: list[str] = []

    def encode_queries(self, texts: Sequence[str]) -> np.ndarray:
        return self._encode(texts)

    def encode_passages(self, texts: Sequence[str]) -> np.ndarray:
        self.encoded.extend(texts)
        return self._encode(texts)

    def _encode(self, texts: Sequence[str]) -> np.ndarray:
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower()) or [""]:
                vectors[row, zlib.crc32(word.encode()) % self.dimension] += 1
        unit: np.ndarray = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return unit


def prepared(
    document_id: str, *texts: str, title: str = "", metadata: Mapping[str, str] | None = None
) -> PreparedDocument:
    """A document whose passages hold ``texts``; passage ``<id>#<n>`` has the metadata ``n``."""
    document = Document(document_id, title, f"{document_id}.md", dict(metadata or {}))
    whole, passages = "", []
    for n, text in enumerate(texts):
        whole += "\n\n" if whole else ""
        span = (len(whole), len(whole) + len(text))
        whole += text
        name = f"{document_id}#{n}"
        passages.append(Passage(name, document_id, title, text, document.source, span, metadata={"n": str(n)}))
    return PreparedDocument(document, whole, tuple(passages), f"hash of {whole}")
