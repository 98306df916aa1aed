"""BART with a copy head, started from MiniLM.

MiniLM's encoder is a BART encoder (post-layer-norm blocks, learned positions, GELU, biases), so its weights start
BART's encoder exactly; the decoder's layers start from encoder layers spread over the depth. The copy head is the
pointer-generator of See, Liu & Manning (2017, "Get To The Point"):

    p(y_t) = g_t · P_vocab(y_t) + (1 − g_t) · Σ_{i : x_i = y_t} a_{t,i}

with ``a`` one attention of the decoder state over (encoder state + token embedding) of the source, and ``g`` a
sigmoid of the decoder state and what it attended to. What is copied has a source position: its case, spacing and
digits come back exactly, and it is a citation by construction.

Several passages are read by fusion-in-decoder (Izacard & Grave 2021): encoded apart, decoded together.
B batch, N sources of one example, L tokens of a source, S = N·L, T target tokens, D model width, V vocabulary.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import BartConfig, BartForConditionalGeneration

GATE_CLASSES = 3
"""keep, rewrite, reset: the order of ``domain.conversation.Gate``. Only the rewriter uses it."""

_LOWEST_PROBABILITY = 1e-9  # keeps the logarithm finite where neither the vocabulary nor the source holds the token


@dataclass
class CopyBartOutput:
    """``loss``: mean negative log-likelihood per target token (nats), plus the gate's cross-entropy if asked for."""

    loss: Tensor
    gate_logits: Tensor  # (B, 3)


class CopyHead(nn.Module):
    """One attention over the source and the gate between writing and copying."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.gate = nn.Linear(2 * width, 1)

    def keys(self, memory: Tensor, embedded: Tensor) -> Tensor:
        """(B, S, D), (B, S, D) -> (B, S, D); computed once per source."""
        projected: Tensor = self.key(memory + embedded)
        return projected

    def forward(self, state: Tensor, keys: Tensor, values: Tensor, copyable: Tensor) -> tuple[Tensor, Tensor]:
        """State (B, T, D) over keys and values (B, S, D), copyable (B, S) -> a (B, T, S), g (B, T, 1)."""
        scores = self.query(state) @ keys.transpose(1, 2) / state.shape[-1] ** 0.5
        scores = scores.float().masked_fill(~copyable[:, None], -1e9)
        attention = scores.softmax(-1)
        seen = attention.to(values.dtype) @ values
        written = torch.sigmoid(self.gate(torch.cat([state, seen], -1)).float())
        return attention, written


class CopyBart(BartForConditionalGeneration):  # type: ignore[misc]  # transformers ships no types for it
    """BART whose output distribution mixes the vocabulary with the tokens of the source.

    ``forward`` takes ``input_ids`` and ``attention_mask`` (B, N, L), ``labels`` (B, T) with −100 for padding (the
    decoder's input is made from them), and optionally ``gate_labels`` (B,).
    """

    def __init__(self, config: BartConfig) -> None:
        super().__init__(config)
        self.copy_head = CopyHead(config.d_model)
        self.gate_head = nn.Linear(config.d_model, GATE_CLASSES)
        self.post_init()

    def encode(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N, L) twice -> memory (B, S, D) and the gate's logits (B, 3) from each first source's first token."""
        b, n, length = input_ids.shape
        states = self.model.encoder(
            input_ids=input_ids.reshape(b * n, length), attention_mask=attention_mask.reshape(b * n, length)
        ).last_hidden_state  # (B·N, L, D)
        memory = states.reshape(b, n * length, -1)  # (B, S, D)
        return memory, self.gate_head(memory[:, 0])

    def copyable(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """(B, N, L) -> (B, S): true where a real word piece stands, false on padding and separators."""
        special = (input_ids == self.config.bos_token_id) | (input_ids == self.config.eos_token_id)
        allowed: Tensor = (attention_mask.bool() & ~special).flatten(1)
        return allowed

    def copy_keys(self, input_ids: Tensor, memory: Tensor) -> Tensor:
        """The keys of the copy attention, (B, S, D)."""
        keys: Tensor = self.copy_head.keys(memory, self.model.shared(input_ids.flatten(1)))
        return keys

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        labels: Tensor,
        gate_labels: Tensor | None = None,
        **_: Any,
    ) -> CopyBartOutput:
        memory, gate_logits = self.encode(input_ids, attention_mask)
        targets = labels.clamp(min=0)
        start = torch.full_like(targets[:, :1], self.config.decoder_start_token_id)
        state = self.model.decoder(
            input_ids=torch.cat([start, targets[:, :-1]], 1),
            encoder_hidden_states=memory,
            encoder_attention_mask=attention_mask.flatten(1),
            use_cache=False,
        ).last_hidden_state  # (B, T, D)
        keys = self.copy_keys(input_ids, memory)
        attention, written = self.copy_head(state, keys, memory, self.copyable(input_ids, attention_mask))
        probability = self.target_probability(state, targets, input_ids.flatten(1), attention, written)
        kept = (labels >= 0).float()
        loss = -(probability.clamp(min=_LOWEST_PROBABILITY).log() * kept).sum() / kept.sum().clamp(min=1)
        if gate_labels is not None:
            loss = loss + nn.functional.cross_entropy(gate_logits.float(), gate_labels)
        return CopyBartOutput(loss=loss, gate_logits=gate_logits)

    def target_probability(
        self, state: Tensor, targets: Tensor, source: Tensor, attention: Tensor, written: Tensor
    ) -> Tensor:
        """p(y_t) of the module's formula for the targets alone, (B, T): the whole (B, T, V) mixture is never built."""
        logits = self.lm_head(state).float()  # (B, T, V)
        vocabulary = (logits.gather(2, targets[..., None]).squeeze(2) - logits.logsumexp(-1)).exp()
        same = (source[:, None, :] == targets[..., None]).to(attention.dtype)  # (B, T, S)
        copied = (attention * same).sum(-1)
        g = written.squeeze(-1)
        mixed: Tensor = g * vocabulary + (1 - g) * copied
        return mixed


def copy_bart_config(decoder_layers: int = 3) -> BartConfig:
    """The configuration that MiniLM's weights fit: width 384, 12 heads, 6 encoder layers."""
    return BartConfig(
        vocab_size=30522,
        d_model=384,
        encoder_layers=6,
        decoder_layers=decoder_layers,
        encoder_attention_heads=12,
        decoder_attention_heads=12,
        encoder_ffn_dim=1536,
        decoder_ffn_dim=1536,
        max_position_embeddings=512,
        activation_function="gelu",
        scale_embedding=False,
        normalize_before=False,
        normalize_embedding=True,
        pad_token_id=0,
        bos_token_id=101,
        eos_token_id=102,
        decoder_start_token_id=101,
        forced_eos_token_id=None,
    )


def start_from_bert(model: CopyBart, weights: dict[str, Tensor]) -> None:
    """Fills ``model`` from the state of a MiniLM-shaped BERT (names as ``transformers.BertModel`` writes them).

    The position rows take token type 0's row with them, since BART has no token types.
    Decoder layer j starts from encoder layer j · encoder_layers // decoder_layers.
    """
    layers, depth = model.config.encoder_layers, model.config.decoder_layers
    with torch.no_grad():
        model.model.shared.weight.copy_(weights["embeddings.word_embeddings.weight"])
        positions = (
            weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
        )
        for side in (model.model.encoder, model.model.decoder):
            side.embed_positions.weight[2 : 2 + len(positions)].copy_(positions)  # BART keeps two spare rows
            _put(side.layernorm_embedding, weights, "embeddings.LayerNorm")
        for i, layer in enumerate(model.model.encoder.layers):
            _fill_block(layer, weights, i)
        for j, layer in enumerate(model.model.decoder.layers):
            _fill_block(layer, weights, j * layers // depth)
            _fill_attention(layer.encoder_attn, layer.encoder_attn_layer_norm, weights, j * layers // depth)


def _put(module: Any, weights: dict[str, Tensor], name: str) -> None:
    module.weight.copy_(weights[f"{name}.weight"])
    module.bias.copy_(weights[f"{name}.bias"])


def _fill_attention(attention: Any, norm: Any, weights: dict[str, Tensor], i: int) -> None:
    at = f"encoder.layer.{i}.attention."
    for ours, theirs in (("q_proj", "query"), ("k_proj", "key"), ("v_proj", "value")):
        _put(getattr(attention, ours), weights, f"{at}self.{theirs}")
    _put(attention.out_proj, weights, f"{at}output.dense")
    _put(norm, weights, f"{at}output.LayerNorm")


def _fill_block(layer: Any, weights: dict[str, Tensor], i: int) -> None:
    _fill_attention(layer.self_attn, layer.self_attn_layer_norm, weights, i)
    _put(layer.fc1, weights, f"encoder.layer.{i}.intermediate.dense")
    _put(layer.fc2, weights, f"encoder.layer.{i}.output.dense")
    _put(layer.final_layer_norm, weights, f"encoder.layer.{i}.output.LayerNorm")
