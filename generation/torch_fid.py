"""Fusion-in-decoder over any BART or T5 (Izacard & Grave 2021): passages encoded apart, decoded together.

B batch, N sources of one example, L tokens of a source, S = N·L, T target tokens, D model width, V vocabulary.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from transformers.modeling_outputs import BaseModelOutput


class FusionInDecoder(nn.Module):
    """A thin wrapper that lets ``inner`` (BART, T5, or what is built like them) read (B, N, L).

    Padding sources are never encoded: their states are zero and hidden from the decoder. ``state_dict`` holds every
    tensor once, tied or not, as safetensors demands.
    """

    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner
        self.register_state_dict_post_hook(_leave_ties_out)  # type: ignore[no-untyped-call]
        self.register_load_state_dict_pre_hook(_put_ties_back)  # type: ignore[no-untyped-call]

    def encode(self, input_ids: Tensor, attention_mask: Tensor) -> BaseModelOutput:
        """(B, N, L) twice -> states (B, S, D)."""
        b, n, length = input_ids.shape
        ids, mask = input_ids.reshape(b * n, length), attention_mask.reshape(b * n, length)
        real = mask.any(-1)  # (B·N,)
        states = self.inner.get_encoder()(input_ids=ids[real], attention_mask=mask[real]).last_hidden_state
        memory = states.new_zeros(b * n, length, states.shape[-1])
        memory[real] = states
        return BaseModelOutput(last_hidden_state=memory.reshape(b, n * length, -1))

    def forward(self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor) -> Any:
        """Labels (B, T) with −100 for padding -> an output with ``loss`` (nats a token) and ``logits`` (B, T, V)."""
        return self.inner(
            encoder_outputs=self.encode(input_ids, attention_mask),
            attention_mask=attention_mask.flatten(1),
            labels=labels,
        )

    def generate(self, input_ids: Tensor, attention_mask: Tensor, **options: Any) -> Tensor:
        """Replies as token ids (B, T); ``options`` as of transformers' ``generate``."""
        written: Tensor = self.inner.generate(
            encoder_outputs=self.encode(input_ids, attention_mask),
            attention_mask=attention_mask.flatten(1),
            **options,
        )
        return written


def _ties(module: nn.Module) -> list[list[str]]:
    """The names of each tensor of ``module`` that has more than one."""
    names: dict[int, list[str]] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    return [group for group in names.values() if len(group) > 1]


def _leave_ties_out(module: nn.Module, state: dict[str, Any], prefix: str, _: Any) -> None:
    for _first, *others in _ties(module):
        for name in others:
            state.pop(prefix + name, None)


def _put_ties_back(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    for first, *others in _ties(module):
        for name in others:
            if prefix + first in state:
                state.setdefault(prefix + name, state[prefix + first])
