"""Beam search over the copy distribution, with cached keys and values.

transformers' ``generate`` cannot mix a copy distribution in, and CTranslate2 cannot run the copy head, so the decoder
of ``CopyBart`` is run here step by step: each layer's cross-attention keys and values are computed once a source, its
self-attention keys and values are kept. The states agree with the full forward pass (tested to 1e-4).

Passages are decoded together (fusion-in-decoder: one source) or each for itself and mixed at every token (rag-token,
Lewis et al. 2020: N sources); ``generation.copy_fusing`` has rag-sequence.
K beams, N sources decoded apart (else 1), R = N·K rows source by source, C candidates, S tokens of a source, T tokens
so far, H heads, D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from generation.copy_bart import CopyBart
from generation.fusing import log_p_next_token

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
    """What all beams read: the passages together, or apart where ``log_prior`` says how likely each is."""

    def __init__(
        self, model: CopyBart, input_ids: Tensor, attention_mask: Tensor, log_prior: Sequence[float] | None = None
    ) -> None:
        self.log_p_z = None if log_prior is None else torch.tensor(log_prior)
        if log_prior is not None:
            input_ids, attention_mask = input_ids.transpose(0, 1), attention_mask.transpose(0, 1)  # (N, 1, L)
        self.flat = input_ids.flatten()  # (N·S,), in which positions are counted
        self.ids = input_ids.flatten(1)  # (N, S)
        self.distinct, self.place_of = torch.unique(self.flat, return_inverse=True)  # (U,), (N·S,)
        self.memory, self.gate_logits = model.encode(input_ids, attention_mask)  # (N, S, D)
        self.mask = attention_mask.flatten(1).bool()  # (N, S)
        self.copyable = model.copyable(input_ids, attention_mask)
        self.keys = model.copy_keys(input_ids, self.memory)
        self.cross = [_heads(layer.encoder_attn, self.memory) for layer in model.model.decoder.layers]

    def copied(self, model: CopyBart, state: Tensor) -> tuple[Tensor, Tensor]:
        """The copy attention (N, K, S) and the share of what is written (N, K, 1) of states (R, 1, D)."""
        by_source = state.view(len(self.ids), -1, state.shape[-1])  # the beams stand where target tokens do
        return model.copy_head(by_source, self.keys, self.memory, self.copyable)  # type: ignore[no-any-return]


@torch.inference_mode()
def beam_search(
    model: CopyBart,
    input_ids: Tensor,
    attention_mask: Tensor,
    *,
    beams: int,
    max_tokens: int,
    log_prior: Sequence[float] | None = None,
) -> Iterator[Step | tuple[Hypothesis, ...]]:
    """Decodes one example, ``input_ids`` and ``attention_mask`` (1, N, L): its sources together, or mixed at every
    token by ``log_prior``, log p(z_i|x) of each.

    Yields ``Step`` whenever more of the text is certain, and last the hypotheses, best first by ``score``. Closing
    the iterator stops the work.
    """
    search = _Search(model, _Source(model, input_ids, attention_mask, log_prior), beams)
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
        places = _positions(self.source.flat, tokens, attention[parents], self.positions[parents, -1])
        self.ids = torch.cat([self.ids[parents], tokens[:, None]], 1)
        self.positions = torch.cat([self.positions[parents], places[:, None]], 1)
        rows = (torch.arange(len(self.source.ids))[:, None] * len(self.scores) + parents).flatten()
        self.scores = scores
        self.cache = [(k[rows], v[rows]) for k, v in (kept for kept in self.cache if kept is not None)]

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
    """Candidates for the next token: ids and p(y) of copy_bart's formula, (K, C) each, and the copy attention
    (K, N·S).

    The ``width`` likeliest of all tokens are always among them.
    """
    state = _decoder_state(model, source, ids.repeat(len(source.ids), 1), cache)  # (R, 1, D)
    attention, written = source.copied(model, state)
    logits = model.lm_head(state.squeeze(1)).view(len(source.ids), len(ids), -1)  # (N, K, V)
    if source.log_p_z is None:
        return *_together(source, logits[0], attention[0], written[0], width), attention[0]
    log_p_v = _mixture(source.ids, logits, attention, written).clamp(min=_FLOOR).log()
    mixed = log_p_next_token(source.log_p_z, log_p_v.transpose(0, 1)).exp()  # (K, V)
    best, tokens = mixed.topk(min(width, mixed.shape[1]))
    copied = source.log_p_z.exp()[:, None, None] * (1 - written) * attention
    return tokens, best, copied.transpose(0, 1).flatten(1)


def _together(source: _Source, logits: Tensor, attention: Tensor, written: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Candidates of one source: logits (K, V), attention (K, S), written (K, 1) -> ids and p(y), (K, C) each.

    C holds every token of the source and the ``width`` likeliest of the vocabulary, among which the ``width``
    likeliest of the mixture must be: a token outside has only its vocabulary share, and ``width`` others have more.
    The mixture over the whole vocabulary is never built, which halves the time of a step.
    """
    k = len(logits)
    total = logits.logsumexp(-1, keepdim=True)
    top, written_ids = logits.topk(min(width, logits.shape[1]))  # (K, width)
    fresh = ~torch.isin(written_ids, source.distinct)  # the others are counted with the source's tokens
    copied = torch.zeros(k, len(source.distinct)).index_add_(1, source.place_of, attention)
    known = written * (logits[:, source.distinct] - total).exp() + (1 - written) * copied
    tokens = torch.cat([source.distinct.expand(k, -1), written_ids], 1)
    return tokens, torch.cat([known, written * (top - total).exp() * fresh], 1)


def _mixture(ids: Tensor, logits: Tensor, attention: Tensor, written: Tensor) -> Tensor:
    """p(y) of copy_bart's formula over the whole vocabulary: ids (N, S), logits (N, K, V), attention (N, K, S),
    written (N, K, 1) -> (N, K, V)."""
    places = ids[:, None].expand_as(attention)
    return (written * logits.softmax(-1)).scatter_add_(2, places, (1 - written) * attention)


def _decoder_state(model: CopyBart, source: _Source, ids: Tensor, cache: list[tuple[Tensor, Tensor] | None]) -> Tensor:
    """The decoder's last state for the newest token of each row (R, 1, D); ``cache`` grows by its keys and values."""
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
    """Attention of the newest tokens (R, 1, D) over keys (N, H, T, D/H), R/N rows over each as if they were so many
    target tokens; ``mask`` (N, T) true where visible."""
    n = len(key)
    query = attention.q_proj(x).view(n, -1, attention.num_heads, attention.head_dim).transpose(1, 2)
    seen = functional.scaled_dot_product_attention(
        query, key, value, attn_mask=None if mask is None else mask[:, None, None, :]
    )
    projected: Tensor = attention.out_proj(seen.transpose(1, 2).reshape(len(x), 1, -1))
    return projected


def _positions(source: Tensor, tokens: Tensor, attention: Tensor, previous: Tensor) -> Tensor:
    """Where in the source each token (K,) stands, −1 for nowhere: the most attended place that holds it, the place
    after the last copied one preferred."""
    holds = source[None] == tokens[:, None]  # (K, S)
    following = torch.arange(len(source))[None] == (previous + 1)[:, None]
    weight = (attention + _CONTINUE * (following & (previous >= 0)[:, None])).masked_fill(~holds, -1.0)
    best, place = weight.max(1)
    return torch.where(best >= 0, place, torch.full_like(place, _NOWHERE))
