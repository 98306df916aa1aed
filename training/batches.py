"""Batches of ragged token lists as tensors, and the mean loss over them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

IGNORED = -100
"""The label of what is not scored, as everywhere in torch."""


def pad(lists: Sequence[Sequence[int]], value: int) -> Tensor:
    """Ragged lists -> a matrix (B, longest), filled up with ``value`` on the right."""
    return torch.nn.utils.rnn.pad_sequence([torch.tensor(x) for x in lists], batch_first=True, padding_value=value)


def on_device_of(model: nn.Module, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``batch`` where the weights of ``model`` are."""
    device = next(model.parameters()).device
    return {name: value.to(device) for name, value in batch.items()}


@torch.no_grad()
def mean_loss(
    model: Any,
    examples: Sequence[dict[str, Any]],
    collate: Callable[[list[dict[str, Any]]], dict[str, Tensor]],
    batch_size: int = 16,
) -> float:
    """The mean loss over the target tokens of ``examples`` (nats), on whatever device the model is."""
    total, count = 0.0, 0
    for i in range(0, len(examples), batch_size):
        batch = on_device_of(model, collate(list(examples[i : i + batch_size])))
        tokens = int((batch["labels"] != IGNORED).sum())
        total += float(model(**batch).loss) * tokens
        count += tokens
    return total / count
