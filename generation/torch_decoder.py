"""The decoder of a BART or T5 run token by token, with cached keys and values.

The keys and values of a source are computed once, however many rows read it; only those of the decoder's own tokens
follow the beams. R rows that are decoded together, N sources, S tokens of a source, D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.modeling_outputs import BaseModelOutput


@dataclass(frozen=True, slots=True)
class Memory:
    """Encoded sources: ``states`` (N, S, D) and ``mask`` (N, S), 1 where a token stands."""

    states: Tensor
    mask: Tensor


def encoded(model: Any, sources: Sequence[Sequence[int]]) -> Memory:
    """Every source alone, padded to the longest."""
    length = max(map(len, sources))
    pad = model.config.pad_token_id or 0
    ids = torch.tensor([[*one, *[pad] * (length - len(one))] for one in sources], device=model.device)
    mask = torch.tensor([[1] * len(one) + [0] * (length - len(one)) for one in sources], device=model.device)
    return Memory(model.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state, mask)


def joined(memory: Memory) -> Memory:
    """All sources as one (1, S, D), their padding left out: fusion-in-decoder's memory."""
    real = memory.mask.bool()
    return Memory(memory.states[real][None], memory.mask[real][None])


class CachedDecoder:
    """Decodes rows that each read one source of ``memory``. Rows begin as one a source, in their order."""

    def __init__(self, model: Any, memory: Memory) -> None:
        self._model, self._memory = model, memory
        self._reads = list(range(len(memory.states)))  # the source of each row
        self._cross: list[tuple[Tensor, Tensor]] = []  # of each layer, one row a source
        self._cache: Any = None

    def first(self, prompt: Sequence[int]) -> Tensor:
        """log p(v|x, prompt) (N, V) after the decoder's first tokens, the start token among them."""
        n = len(self._memory.states)
        log_p = self._run(torch.tensor([list(prompt)] * n, device=self._memory.states.device))
        self._cross = [(layer.keys, layer.values) for layer in self._cache.cross_attention_cache.layers]
        return log_p

    def next(self, rows: Sequence[int], tokens: Sequence[int]) -> Tensor:
        """log p(v|x, …) (R, V) after one token more: row r continues the former row ``rows[r]`` with ``tokens[r]``."""
        device = self._memory.states.device
        self._cache.self_attention_cache.reorder_cache(torch.tensor(rows, device=device))
        reads = [self._reads[row] for row in rows]
        if reads != self._reads:
            self._reads = reads
            self._spread()
        return self._run(torch.tensor([[token] for token in tokens], device=device))

    def _spread(self) -> None:
        for layer, (keys, values) in zip(self._cache.cross_attention_cache.layers, self._cross, strict=True):
            layer.keys, layer.values = self._for_rows(keys), self._for_rows(values)

    def _for_rows(self, of_sources: Tensor) -> Tensor:
        """(N, …) -> (R, …); of a single source a view, not R copies."""
        if len(of_sources) == 1:
            return of_sources.expand(len(self._reads), *of_sources.shape[1:])
        return of_sources[torch.tensor(self._reads, device=of_sources.device)]

    def _run(self, tokens: Tensor) -> Tensor:
        out = self._model(
            encoder_outputs=BaseModelOutput(last_hidden_state=self._for_rows(self._memory.states)),
            attention_mask=self._for_rows(self._memory.mask),
            decoder_input_ids=tokens,
            past_key_values=self._cache,
            use_cache=True,
        )
        self._cache = out.past_key_values
        log_p: Tensor = out.logits[:, -1].float().log_softmax(-1)
        return log_p
