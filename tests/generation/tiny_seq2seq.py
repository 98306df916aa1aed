"""Tiny random BARTs and T5s that say different things of different passages, and end at times."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from generation.fusing import Layout, log_prior
from generation.seq2seq import FusionMode, WritingRequest
from tests.training.tiny_models import tiny_bart, tiny_t5
from training.seq2seq import open_seq2seq

PASSAGES = [("router", "a red light means a fault"), ("", "the late bill costs nine pounds"), ("desk", "closed sunday")]
SCORES = (1.0, 0.5, -0.3)
STARTS = {"bart": tiny_bart, "t5": tiny_t5}
_SHARPER = {"bart": 6.0, "t5": 1.7}


@dataclass(frozen=True, slots=True)
class Tiny:
    """A model in float32 with its tokenizer, and a question laid out with ``PASSAGES``."""

    model: Any
    tokenizer: Any

    def sources(self, fusion: FusionMode) -> tuple[tuple[int, ...], ...]:
        layout = Layout("concat" if fusion is FusionMode.CONCAT else "fid", window=60)
        return tuple(map(tuple, layout.sources(self.tokenizer, "what is the fee", PASSAGES)))

    def request(
        self, mode: FusionMode, *, beams: int = 4, max_tokens: int = 8, thorough: bool = False
    ) -> WritingRequest:
        return WritingRequest(self.sources(mode), self.log_prior(mode), mode, beams, max_tokens, thorough)

    def log_prior(self, mode: FusionMode) -> tuple[float, ...]:
        scores = SCORES[:1] if mode is FusionMode.CONCAT else SCORES
        return tuple(log_prior(torch.tensor(scores)).tolist())

    def padded(self, mode: FusionMode) -> tuple[Tensor, Tensor]:
        """All sources as (N, L) ids and mask, as transformers wants them."""
        sources, pad = self.sources(mode), self.model.config.pad_token_id
        length = max(map(len, sources))
        ids = torch.tensor([[*one, *[pad] * (length - len(one))] for one in sources])
        return ids, (ids != pad).long()


def tiny(family: str, seed: int) -> Tiny:
    """Weights drawn wider than the families' own start; the limit forces no end."""
    with TemporaryDirectory() as folder:
        model, tokenizer = open_seq2seq(str(STARTS[family](Path(folder), seed)))
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() > 1:
                weights.mul_(_SHARPER[family])
    model.generation_config.forced_eos_token_id = None
    return Tiny(model.eval(), tokenizer)
