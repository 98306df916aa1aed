"""Tiny random copy BARTs: the real class, small enough to check against plain formulas."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import BartConfig

from generation.copy_bart import CopyBart

PAD, START, END = 0, 1, 2


def tiny_config(vocabulary: int = 64, decoder_layers: int = 2, encoder_layers: int = 3) -> BartConfig:
    return BartConfig(
        vocab_size=vocabulary,
        d_model=32,
        encoder_layers=encoder_layers,
        decoder_layers=decoder_layers,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=64,
        activation_function="gelu",
        scale_embedding=False,
        normalize_before=False,
        normalize_embedding=True,
        pad_token_id=PAD,
        bos_token_id=START,
        eos_token_id=END,
        decoder_start_token_id=START,
        forced_eos_token_id=None,
    )


def tiny_model(seed: int, vocabulary: int = 64, *, sharp: float = 6.0) -> CopyBart:
    """Weights drawn wider than BART's own start, so that next-token distributions differ from uniform."""
    torch.manual_seed(seed)
    model = CopyBart(tiny_config(vocabulary))
    model.eval()
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if weights.dim() > 1 and "embed_positions" not in name:
                weights.mul_(sharp)
            elif "norm" not in name:
                weights.uniform_(-0.2, 0.2)
    return model


def tiny_source(seed: int, rows: int = 2, length: int = 9, vocabulary: int = 64) -> tuple[Tensor, Tensor]:
    """(1, N, L) ids and mask: [start] words [end] words [end], rows of different lengths."""
    made = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, vocabulary, (1, rows, length), generator=made)
    ids[..., 0], ids[..., 4], ids[..., -1] = START, END, END
    for row in range(1, rows):
        ids[0, row, length - row :] = PAD
        ids[0, row, length - row - 1] = END
    return ids, (ids != PAD).long()
