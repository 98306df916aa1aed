"""An encoder with an obvious rule, and documents of a few words, for the tests of index and search."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from domain.passage import Document, Passage
from retrieval.prepared import PreparedDocument

Matrix = npt.NDArray[np.float32]


class WordEncoder:
    """Each distinct word is a random direction, a text the sum of its words: shared words make texts near."""

    def __init__(self, dimension: int = 512, fingerprint: str = "words") -> None:
        self._dimension, self._fingerprint = dimension, fingerprint
        self.encoded: list[str] = []

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def fingerprint(self) -> str:
        return self._fingerprint

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        return self._encode(texts)

    def encode_passages(self, texts: Sequence[str]) -> Matrix:
        self.encoded.extend(texts)
        return self._encode(texts)

    def _encode(self, texts: Sequence[str]) -> Matrix:
        rows = np.zeros((len(texts), self._dimension), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in re.findall(r"\w+", text.lower()):
                seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "little")
                row += np.random.default_rng(seed).standard_normal(self._dimension).astype(np.float32)
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows / np.where(norms > 0, norms, 1), dtype=np.float32)


def prepared(id_: str, *texts: str, title: str = "", metadata: Mapping[str, str] | None = None) -> PreparedDocument:
    """A document whose passages are ``texts``, one a paragraph; its hash follows from them."""
    document = Document(id_, title or id_, f"{id_}.md", dict(metadata or {}))
    passages, start = [], 0
    for number, text in enumerate(texts):
        span = (start, start + len(text))
        passages.append(Passage(f"{id_}#{number}", id_, document.title, text, document.source, span, (), {"n": "0"}))
        start = span[1] + 2
    whole = "\n\n".join(texts)
    return PreparedDocument(document, whole, tuple(passages), hashlib.sha256(whole.encode()).hexdigest())
