"""An encoder without weights and documents of drawn words: enough to exercise an index, and of use for nothing else."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from domain.passage import Document, Passage
from retrieval.prepared import PreparedDocument

Matrix = npt.NDArray[np.float32]

_WORD = re.compile(r"\w+")
_SYLLABLES = "ba ce di fo gu ha ke li mo nu pa re si to va we".split()
VOCABULARY = tuple(first + second for first in _SYLLABLES for second in _SYLLABLES)
"""256 words that mean nothing, none of which is another one's stem."""


class WordHashing:
    """Each word is a fixed direction, a text the sum of its words at length one: shared words make texts near."""

    def __init__(self, dimension: int = 32) -> None:
        self._dimension = dimension

    @property
    def dimension(self) -> int:
        return self._dimension

    @property
    def fingerprint(self) -> str:
        return "word hashing"

    def encode_queries(self, texts: Sequence[str]) -> Matrix:
        """(n, dimension)."""
        rows = np.zeros((len(texts), self._dimension), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in _WORD.findall(text.lower()):
                row += _direction(word, self._dimension)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows / np.where(lengths > 0, lengths, 1), dtype=np.float32)

    def encode_passages(self, texts: Sequence[str]) -> Matrix:
        """(n, dimension), as queries are encoded."""
        return self.encode_queries(texts)


def drawn_words(rng: random.Random, least: int, most: int) -> str:
    """Between ``least`` and ``most`` words, drawn so that some are frequent and most are rare."""
    count = rng.randint(least, most)
    return " ".join(VOCABULARY[int(len(VOCABULARY) * rng.random() ** 2)] for _ in range(count))


def document_of(id_: str, texts: Sequence[str], metadata: Mapping[str, str] | None = None) -> PreparedDocument:
    """A document whose passages are ``texts``; its hash follows from them and from ``metadata``."""
    document = Document(id_, id_, f"{id_}.md", dict(metadata or {}))
    passages, start = [], 0
    for number, text in enumerate(texts):
        span = (start, start + len(text))
        passages.append(Passage(f"{id_}#{number}", id_, id_, text, document.source, span))
        start = span[1] + 2
    whole = "\n\n".join(texts)
    digest = hashlib.sha256(f"{whole}\0{sorted(document.metadata.items())}".encode()).hexdigest()
    return PreparedDocument(document, whole, tuple(passages), digest)


@lru_cache(maxsize=4096)
def _direction(word: str, dimension: int) -> Matrix:
    seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "little")
    return np.random.default_rng(seed).standard_normal(dimension).astype(np.float32)
