"""Writing in joint training: one token at a time, many rows at once, no beams.

It serves the figures and the reward; what people read comes from ``generation``'s runtimes. M rows, B questions, N
passages of each (M = B·N, the passages of one question in a row), T tokens, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

from generation.fusing import PADDING, log_p_next_token, log_p_rag_sequence
from training.batches import pad
from training.joint_writers import Memory, Writer

Mode = Literal["rag-sequence", "rag-token"]
Choose = Callable[[Tensor], Tensor]
"""log p (M, V) -> a token for every row (M,)."""


def greedy(log_p: Tensor) -> Tensor:
    """The likeliest token of each row."""
    return log_p.argmax(-1)


def sampled(log_p: Tensor) -> Tensor:
    """A token of each row, drawn by its probability."""
    return torch.multinomial(log_p.exp(), 1).squeeze(-1)


@torch.no_grad()
def written(writer: Writer, memory: Memory, choose: Choose, most: int) -> list[list[int]]:
    """A text for every row: token ids, the end included where it was reached within ``most`` tokens."""
    following = writer.writing(memory)
    tokens = torch.full((len(memory.ids),), writer.start, device=memory.ids.device)
    open_rows = torch.ones_like(tokens, dtype=torch.bool)
    found: list[Tensor] = []
    while len(found) < most and bool(open_rows.any()):
        tokens = choose(following(tokens))
        found.append(tokens.masked_fill(~open_rows, PADDING))
        open_rows = open_rows & (tokens != writer.end)
    return [[token for token in row if token != PADDING] for row in torch.stack(found, 1).tolist()]


@torch.no_grad()
def marginal_answers(writer: Writer, memory: Memory, log_p_z: Tensor, mode: Mode, most: int) -> list[list[int]]:
    """The answer to each question from log p(z|x) (B, N) and its B·N rows, greedily.

    ``rag-token``: the likeliest token of the mixture at every step. ``rag-sequence``: every passage's own greedy text
    is scored under every passage, as the paper's thorough decoding does, and the likeliest under all of them is taken.
    """
    if mode == "rag-token":
        return written(writer, memory, _of_the_mixture(log_p_z), most)[:: log_p_z.shape[1]]
    texts = written(writer, memory, greedy, most)
    n = log_p_z.shape[1]
    return [
        _likeliest(writer, memory.rows(torch.arange(b * n, b * n + n)), log_p_z[b], texts[b * n : b * n + n])
        for b in range(len(log_p_z))
    ]


def _of_the_mixture(log_p_z: Tensor) -> Choose:
    """All rows of a question are given the likeliest token under all of them."""
    b, n = log_p_z.shape

    def choose(log_p: Tensor) -> Tensor:
        mixed = log_p_next_token(log_p_z, log_p.reshape(b, n, -1))  # (B, V)
        return mixed.argmax(-1).repeat_interleave(n)

    return choose


def _likeliest(writer: Writer, memory: Memory, log_p_z: Tensor, texts: Sequence[list[int]]) -> list[int]:
    """Of the texts of one question the one with the highest log p_rag-sequence; memory and log_p_z of N passages."""
    distinct = [list(text) for text in dict.fromkeys(map(tuple, texts))]
    if len(distinct) == 1:
        return distinct[0]
    n, c = len(log_p_z), len(distinct)
    labels = pad(distinct, PADDING).to(memory.ids.device)  # (C, T)
    rows = torch.arange(n, device=labels.device).repeat(c)
    log_p_y = writer.log_p_targets(memory.rows(rows), labels.repeat_interleave(n, 0)).reshape(c, n, -1)
    found = log_p_rag_sequence(log_p_z.expand(c, -1), log_p_y, labels != PADDING)  # (C,)
    return distinct[int(found.argmax())]
