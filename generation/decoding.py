"""Beam search over the copy distribution, with cached keys and values.

transformers' ``generate`` cannot mix a copy distribution in, and CTranslate2 cannot run the copy head, so the decoder
of ``CopyBart`` is run here step by step: each layer's cross-attention keys and values are computed once a source, its
self-attention keys and values are kept. The states agree with the full forward pass (tested to 1e-4).
K beams, C candidates, S source tokens, T tokens so far, H heads, D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from generation.copy_bart import CopyBart

_FLOOR = 1e-12  # under any probability that matters; keeps log finite
_CONTINUE = 1.0  # attention bonus for the place after the last copied one: more than any attention, so that a run of
# the source stays one run, whose very characters come back
_NOWHERE = -1


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A decoded text: vocabulary ids, for each the source position it stands at (−1: written, not copied), and the
    summed natural log-probability. ``finished`` is False where the length limit cut it off."""

    ids: tuple[int, ...]
    positions: tuple[int, ...]
    log_probability: float
    finished: bool

    @property
    def score(self) -> float:
        """Log-probability per token, the end token counted in."""
        return self.log_probability / (len(self.ids) + 1)


@dataclass(frozen=True, slots=True)
class Step:
    """What is certain so far: the longest common beginning of all live beams."""

    ids: tuple[int, ...]
    positions: tuple[int, ...]


class _Source:
    """One encoded source, repeated for K beams."""

    def __init__(self, model: CopyBart, input_ids: Tensor, attention_mask: Tensor) -> None:
        self.ids = input_ids.flatten()  # (S,)
        self.distinct, self.place_of = torch.unique(self.ids, return_inverse=True)  # (U,), (S,)
        self.memory, self.gate_logits = model.encode(input_ids, attention_mask)  # (1, S, D)
        self.mask = attention_mask.flatten(1).bool()  # (1, S)
        self.copyable = model.copyable(input_ids, attention_mask)
        self.keys = model.copy_keys(input_ids, self.memory)
        self.cross = [_heads(layer.encoder_attn, self.memory) for layer in model.model.decoder.layers]


@torch.inference_mode()
def beam_search(
    model: CopyBart, input_ids: Tensor, attention_mask: Tensor, *, beams: int, max_tokens: int
) -> Iterator[Step | tuple[Hypothesis, ...]]:
    """Decodes one example, ``input_ids`` and ``attention_mask`` (1, N, L).

    Yields ``Step`` whenever more of the text is certain, and last the hypotheses, best first by ``score``. Closing
    the iterator stops the work.
    """
    source = _Source(model, input_ids, attention_mask)
    search = _Search(model, source, beams)
    certain = 0
    for _ in range(max_tokens):
        search.advance()
        if search.is_over:
            break
        common = search.common_prefix()
        if len(common.ids) > certain:
            certain = len(common.ids)
            yield common
    yield search.hypotheses()


class _Search:
    """The live beams and those that reached the end token."""

    def __init__(self, model: CopyBart, source: _Source, beams: int) -> None:
        self.model, self.source, self.beams = model, source, beams
        self.end, start = model.config.eos_token_id, model.config.decoder_start_token_id
        self.ids = torch.full((1, 1), start)  # (K, T), the start token first
        self.positions = torch.full((1, 1), _NOWHERE)
        self.scores = torch.zeros(1)
        self.cache: list[tuple[Tensor, Tensor] | None] = [None] * len(model.model.decoder.layers)
        self.done: list[Hypothesis] = []

    @property
    def is_over(self) -> bool:
        """True when K texts are finished and no live beam, were it certain to end now, would beat the best of them.

        A heuristic: a longer text may still have a better score per token. One beam is greedy decoding."""
        if not len(self.ids):
            return True
        if self.beams == 1:
            return bool(self.done)
        return len(self.done) >= self.beams and max(h.score for h in self.done) > float(
            self.scores.max() / self.ids.shape[1]
        )

    def advance(self) -> None:
        """One token more for every live beam."""
        width = 2 * self.beams  # twice, so that K stay live if K end here
        tokens, probability, attention = _next_tokens(self.model, self.source, self.ids, self.cache, width)
        total = self.scores[:, None] + probability.clamp(min=_FLOOR).log()  # (K, C)
        best, flat = total.flatten().topk(min(width, total.numel()))
        parents, tokens = flat // total.shape[1], tokens.flatten()[flat]
        self._finish(best, parents, tokens)
        alive = (tokens != self.end).nonzero().flatten()[: self.beams]
        self._keep(best[alive], parents[alive], tokens[alive], attention)

    def _finish(self, best: Tensor, parents: Tensor, tokens: Tensor) -> None:
        for rank in range(min(self.beams, len(tokens))):
            if tokens[rank] == self.end:
                self.done.append(self._hypothesis(int(parents[rank]), float(best[rank]), finished=True))

    def _keep(self, scores: Tensor, parents: Tensor, tokens: Tensor, attention: Tensor) -> None:
        places = _positions(self.source.ids, tokens, attention[parents], self.positions[parents, -1])
        self.ids = torch.cat([self.ids[parents], tokens[:, None]], 1)
        self.positions = torch.cat([self.positions[parents], places[:, None]], 1)
        self.scores = scores
        self.cache = [(k[parents], v[parents]) for k, v in (kept for kept in self.cache if kept is not None)]

    def _hypothesis(self, beam: int, score: float, *, finished: bool) -> Hypothesis:
        return Hypothesis(tuple(self.ids[beam, 1:].tolist()), tuple(self.positions[beam, 1:].tolist()), score, finished)

    def common_prefix(self) -> Step:
        """The tokens all live beams agree on, with the best beam's positions."""
        same = (self.ids == self.ids[:1]).all(0).long().cumprod(0)
        length = int(same.sum())
        return Step(tuple(self.ids[0, 1:length].tolist()), tuple(self.positions[0, 1:length].tolist()))

    def hypotheses(self) -> tuple[Hypothesis, ...]:
        """Finished beams, or the live ones where none finished; best first, no text twice."""
        found = self.done or [self._hypothesis(i, float(s), finished=False) for i, s in enumerate(self.scores)]
        unique = {h.ids: h for h in sorted(found, key=lambda h: h.score)}
        return tuple(sorted(unique.values(), key=lambda h: (-h.score, h.ids)))[: self.beams]


def _next_tokens(
    model: CopyBart, source: _Source, ids: Tensor, cache: list[tuple[Tensor, Tensor] | None], width: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Candidates for the next token: ids and p(y) of copy_bart's formula, (K, C) each, and the copy attention (K, S).

    C holds every token of the source and the ``width`` likeliest of the vocabulary, among which the ``width``
    likeliest of the mixture must be: a token outside has only its vocabulary share, and ``width`` others have more.
    The mixture over the whole vocabulary is never built, which halves the time of a step.
    """
    state = _decoder_state(model, source, ids, cache)  # (K, 1, D)
    k = len(ids)
    attention, written = model.copy_head(
        state, source.keys.expand(k, -1, -1), source.memory.expand(k, -1, -1), source.copyable.expand(k, -1)
    )
    attention, written = attention.squeeze(1), written.squeeze(1)  # (K, S), (K, 1)
    logits = model.lm_head(state.squeeze(1))  # (K, V)
    total = logits.logsumexp(-1, keepdim=True)
    top, written_ids = logits.topk(min(width, logits.shape[1]))  # (K, width)
    fresh = ~torch.isin(written_ids, source.distinct)  # the others are counted with the source's tokens
    copied = torch.zeros(k, len(source.distinct)).index_add_(1, source.place_of, attention)
    known = written * (logits[:, source.distinct] - total).exp() + (1 - written) * copied
    tokens = torch.cat([source.distinct.expand(k, -1), written_ids], 1)
    return tokens, torch.cat([known, written * (top - total).exp() * fresh], 1), attention


def _decoder_state(model: CopyBart, source: _Source, ids: Tensor, cache: list[tuple[Tensor, Tensor] | None]) -> Tensor:
    """The decoder's last state for the newest token (K, 1, D); ``cache`` grows by its keys and values."""
    decoder = model.model.decoder
    place = decoder.embed_positions.weight[ids.shape[1] - 1 + decoder.embed_positions.offset]
    x: Tensor = decoder.layernorm_embedding(decoder.embed_tokens(ids[:, -1:]) + place)
    for i, layer in enumerate(decoder.layers):
        key, value = _heads(layer.self_attn, x)
        past = cache[i]
        if past is not None:
            key, value = torch.cat([past[0], key], 2), torch.cat([past[1], value], 2)
        cache[i] = (key, value)
        x = layer.self_attn_layer_norm(x + _attend(layer.self_attn, x, key, value, None))
        key, value = source.cross[i]
        x = layer.encoder_attn_layer_norm(x + _attend(layer.encoder_attn, x, key, value, source.mask))
        x = layer.final_layer_norm(x + layer.fc2(functional.gelu(layer.fc1(x))))
    return x


def _heads(attention: Any, states: Tensor) -> tuple[Tensor, Tensor]:
    """Keys and values of (K, T, D) as (K, H, T, D/H)."""
    b, t, _ = states.shape
    shape = (b, t, attention.num_heads, attention.head_dim)
    return (
        attention.k_proj(states).view(shape).transpose(1, 2),
        attention.v_proj(states).view(shape).transpose(1, 2),
    )


def _attend(attention: Any, x: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> Tensor:
    """Attention of the newest tokens (K, 1, D) over keys (K or 1, H, T, D/H); ``mask`` (1, T) true where visible."""
    k = len(x)
    query = attention.q_proj(x).view(k, 1, attention.num_heads, attention.head_dim).transpose(1, 2)
    seen = functional.scaled_dot_product_attention(
        query,
        key.expand(k, -1, -1, -1),
        value.expand(k, -1, -1, -1),
        attn_mask=None if mask is None else mask[:, None, None, :].expand(k, 1, 1, -1),
    )
    projected: Tensor = attention.out_proj(seen.transpose(1, 2).reshape(k, 1, -1))
    return projected


def _positions(source: Tensor, tokens: Tensor, attention: Tensor, previous: Tensor) -> Tensor:
    """Where in the source each token (K,) stands, −1 for nowhere: the most attended place that holds it, the place
    after the last copied one preferred."""
    holds = source[None] == tokens[:, None]  # (K, S)
    following = torch.arange(len(source))[None] == (previous + 1)[:, None]
    weight = (attention + _CONTINUE * (following & (previous >= 0)[:, None])).masked_fill(~holds, -1.0)
    best, place = weight.max(1)
    return torch.where(best >= 0, place, torch.full_like(place, _NOWHERE))
