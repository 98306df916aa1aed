"""An encoder that kills its own process, as the system does when memory runs out."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from tests.retrieval.word_encoder import Matrix, WordEncoder


class DeadlyEncoder(WordEncoder):
    """Like ``WordEncoder`` until a text holds “poison”: then its process is gone, unless ``antidote`` is there."""

    def __init__(self, antidote: Path) -> None:
        super().__init__(16)
        self._antidote = antidote

    def encode_passages(self, texts: Sequence[str]) -> Matrix:
        if any("poison" in text for text in texts) and not self._antidote.exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().encode_passages(texts)
