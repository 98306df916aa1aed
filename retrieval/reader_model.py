"""The reader: one cross-encoder that says whether a passage answers a query, which sentences do, and where.

Query and passage are encoded together (Nogueira & Cho 2019 for the relevance head; Devlin et al. 2019 for the span
head). Three heads read the same states, so reranking, quoting and "nothing here answers this" cost one pass.
B batch, L tokens, D model width.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from transformers import BertConfig, BertModel


@dataclass
class ReaderOutput:
    """Logits: ``relevance`` (B,), ``span`` (B, L, 2) for start and end, ``evidence`` (B, L)."""

    relevance: Tensor
    span: Tensor
    evidence: Tensor


class Reader(nn.Module):
    """MiniLM with a relevance head on the first token, and a span and an evidence head on every token."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.encoder = BertModel(config, add_pooling_layer=False)
        self.relevance = nn.Linear(config.hidden_size, 1)
        self.span = nn.Linear(config.hidden_size, 2)
        self.evidence = nn.Linear(config.hidden_size, 1)

    def forward(self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor) -> ReaderOutput:
        """Token matrices (B, L) -> logits."""
        states = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state  # (B, L, D)
        return ReaderOutput(
            relevance=self.relevance(states[:, 0]).squeeze(-1).float(),
            span=self.span(states).float(),
            evidence=self.evidence(states).squeeze(-1).float(),
        )


def reader_config() -> BertConfig:
    """The configuration of all-MiniLM-L6-v2."""
    return BertConfig(
        vocab_size=30522,
        hidden_size=384,
        num_hidden_layers=6,
        num_attention_heads=12,
        intermediate_size=1536,
        max_position_embeddings=512,
        type_vocab_size=2,
    )
