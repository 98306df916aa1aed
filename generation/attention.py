"""Teacher forcing: what the answerer makes of an answer that is already there, whoever wrote it.

The decoder is given the answer's tokens one after the other and asked for two things at once: where it looks while it
would write each of them, and how likely it finds them, with all passages and with one or another hidden. Passages are
encoded apart (fusion-in-decoder, Izacard & Grave 2021), so hiding one is exact: its states are masked, those of the
others are what they would be without it.

Where each token comes from is, for a copying model, the decomposition of its own probability (``copy_bart``):

    p(y_t) = g_t · P_vocab(y_t)  +  Σ_i (1 − g_t) · a_{t,i} · [x_i = y_t]

each summand divided by p(y_t): the share of the vocabulary, and of every place in the source that holds the token.
V variants (which passages are shown), N sources, L tokens of a source, S = N·L, T target tokens, H heads, D width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional
from transformers.modeling_outputs import BaseModelOutput

from domain.passage import Passage
from generation.copy_bart import CopyBart
from generation.surface import SourceText
from generation.tokenizing import EncodedSource, WordPieces

SOURCE_TOKENS = 256  # of question, heading and passage: as the answerer reads them
TARGET_TOKENS = 160  # of an answer; the longest list that is quoted has 160 words, and its end adds nothing
_HIDDEN = -1e9
_FLOOR = 1e-12  # keeps the logarithm finite where neither the vocabulary nor the source holds the token


@dataclass(frozen=True, slots=True)
class Target:
    """An answer as tokens: ids and, for each, its characters (start, end); the end token has none."""

    ids: tuple[int, ...]
    places: tuple[tuple[int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class ForcedReading:
    """``log_probabilities`` (V, T) of the target's tokens in each variant, in nats. Of the first variant: where each
    token looked, ``attended`` (T, S) with rows that sum to 1, and for models that copy where it came from,
    ``copied`` (T, S), and what is left to the vocabulary, ``written`` (T,)."""

    log_probabilities: Tensor
    attended: Tensor
    copied: Tensor | None = None
    written: Tensor | None = None


class ForcedModel(Protocol):
    """An answerer that can be asked about an answer.

    1. ``source`` has one source a passage; text 0 is the question, text n the n-th passage's ``searchable``; places
    that stand for no word are None. 2. ``read`` takes which sources are ``shown`` in each variant, (V, N), true where
    shown, every row with one at least. 3. Nothing is drawn by chance: same input, same reading.
    """

    def source(self, question: str, passages: Sequence[Passage]) -> EncodedSource: ...

    def target(self, answer: str) -> Target: ...

    def read(self, source: EncodedSource, target: Target, shown: Tensor) -> ForcedReading: ...


class ForcedCopyBart:
    """``ForcedModel`` on a copy BART, in float32 or int8."""

    def __init__(self, model: CopyBart, pieces: WordPieces) -> None:
        self._model, self._pieces = model, pieces

    def source(self, question: str, passages: Sequence[Passage]) -> EncodedSource:
        """Question and passages as ``CopyAnswerer`` lays them out."""
        return self._pieces.encode_pairs(question, [passage.searchable for passage in passages], SOURCE_TOKENS)

    def target(self, answer: str) -> Target:
        """The answer's word pieces, and the end."""
        encoded = self._pieces.encode_pairs("", [answer], TARGET_TOKENS)
        kept = [
            (number, place[1:])
            for number, place in zip(encoded.input_ids.flatten().tolist(), encoded.text.places, strict=True)
            if place is not None
        ]
        ids = (*(number for number, _ in kept), self._model.config.eos_token_id)
        return Target(ids, (*(place for _, place in kept), None))

    @torch.inference_mode()
    def read(self, source: EncodedSource, target: Target, shown: Tensor) -> ForcedReading:
        """See ``ForcedModel``. The encoder runs once, the decoder once over all variants."""
        model, ids, mask = self._model, source.input_ids, source.attention_mask
        visible = _visible(mask, shown)  # (V, S)
        memory, _ = model.encode(ids, mask)  # (1, S, D)
        targets = torch.tensor(target.ids)  # (T,)
        state, attended = decoder_states(model, targets, memory, visible)
        v = len(visible)
        a, g = model.copy_head(
            state,
            model.copy_keys(ids, memory).expand(v, -1, -1),
            memory.expand(v, -1, -1),
            model.copyable(ids, mask) & visible,
        )  # (V, T, S), (V, T, 1)
        taken = (1 - g) * a * (ids.flatten()[None, None] == targets[None, :, None])  # (V, T, S)
        own = g.squeeze(-1) * _chosen(model.lm_head(state), targets).exp()  # (V, T)
        p = (own + taken.sum(-1)).clamp(min=_FLOOR)
        return ForcedReading(p.log(), attended, taken[0] / p[0, :, None], own[0] / p[0])


class ForcedSeq2Seq:
    """``ForcedModel`` on any BART or T5 of transformers, read by fusion-in-decoder.

    A source is the words of fusion-in-decoder's paper, ``question: … title: … context: …``, after ``prefix``; question
    and passages are cut to ``window`` tokens together, the question to a half of it.
    """

    def __init__(self, model: Any, tokenizer: Any, *, prefix: str = "", window: int = SOURCE_TOKENS) -> None:
        """``tokenizer`` must be a fast one: it is asked which characters each token stands for."""
        self._model, self._tokenizer, self._prefix, self._window = model, tokenizer, prefix, window

    def source(self, question: str, passages: Sequence[Passage]) -> EncodedSource:
        """One source a passage; "title:" and "context:" are nobody's words."""
        left, right = self._marks()
        lead = f"{self._prefix}question: "
        room = self._window - len(left) - len(right)
        asked = self._tokens(lead + question, {(len(lead), len(lead) + len(question)): (0, 0)})[: room // 2]
        rows = []
        for number, passage in enumerate(passages, 1):
            told = self._told(number, passage)[: room - len(asked)]
            rows.append([*((i, None) for i in left), *asked, *told, *((i, None) for i in right)])
        texts = (question, *(passage.searchable for passage in passages))
        return _padded(rows, self._tokenizer.pad_token_id, texts)

    def _told(self, number: int, passage: Passage) -> list[tuple[int, tuple[int, int, int] | None]]:
        heading, text = passage.heading, passage.text
        opening = f" title: {heading} context: " if heading else " context: "
        first = len(passage.searchable) - len(text)  # where the text begins in what columns are counted in
        known = {(len(opening), len(opening) + len(text)): (number, first)}
        if heading:
            known[(len(" title: "), len(" title: ") + len(heading))] = (number, 0)
        return self._tokens(opening + text, known)

    def _tokens(
        self, text: str, known: dict[tuple[int, int], tuple[int, int]]
    ) -> list[tuple[int, tuple[int, int, int] | None]]:
        """Ids with their places: a stretch of ``text`` is where ``known`` puts its beginning (text index, offset)."""
        made = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        found = []
        for number, (start, end) in zip(made["input_ids"], made["offset_mapping"], strict=True):
            stretch = next((s for s in known if start < s[1] and end > s[0]), None)
            place = None
            if stretch is not None:
                index, offset = known[stretch]
                begun = max(start, stretch[0])
                place = (index, begun - stretch[0] + offset, min(end, stretch[1]) - stretch[0] + offset)
            found.append((number, place))
        return found

    def _marks(self) -> tuple[list[int], list[int]]:
        """What the tokenizer puts before and after a text: <s> and </s> for BART, nothing and </s> for T5."""
        ids: list[int] = self._tokenizer("").input_ids
        cut = int(bool(ids) and ids[0] in (self._tokenizer.bos_token_id, self._tokenizer.cls_token_id))
        return ids[:cut], ids[cut:]

    def target(self, answer: str) -> Target:
        """The answer's tokens with the special ones the model writes."""
        made = self._tokenizer(
            text_target=answer, truncation=True, max_length=TARGET_TOKENS, return_offsets_mapping=True
        )
        places = tuple((start, end) if end > start else None for start, end in made["offset_mapping"])
        return Target(tuple(made["input_ids"]), places)

    @torch.inference_mode()
    def read(self, source: EncodedSource, target: Target, shown: Tensor) -> ForcedReading:
        """See ``ForcedModel``."""
        model, mask = self._model, source.attention_mask
        visible, targets = _visible(mask, shown), torch.tensor(target.ids)
        encoded = model.get_encoder()(input_ids=source.input_ids[0], attention_mask=mask[0]).last_hidden_state
        v, (n, length, width) = len(visible), encoded.shape
        with _attention_kept(model):
            made = model(
                encoder_outputs=BaseModelOutput(encoded.reshape(1, n * length, width).expand(v, -1, -1)),
                attention_mask=visible.long(),
                labels=targets.repeat(v, 1),
                output_attentions=True,
            )
        attended = torch.stack([layer[0] for layer in made.cross_attentions]).float().mean((0, 1))  # (T, S)
        return ForcedReading(_chosen(made.logits, targets), attended)


def decoder_states(model: CopyBart, targets: Tensor, memory: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
    """The decoder's last states for all targets at once, (V, T, D), and the first variant's cross-attention (T, S),
    the mean over heads and layers. (On 20 handbook answers the cited passage got most of it in 16; in 13 when only the
    last layer was looked at. What was copied came from the cited passage in all 20.)

    ``targets`` (T,), ``memory`` (1, S, D), ``visible`` (V, S) true where the decoder may look. Written out because
    the int8 model runs it in one pass and transformers' fast attention keeps no weights; the states are those of
    its own decoder (tested).
    """
    decoder, v = model.model.decoder, len(visible)
    ids = torch.cat([torch.tensor([model.config.decoder_start_token_id]), targets[:-1]])
    offset = decoder.embed_positions.offset
    places = decoder.embed_positions.weight[offset : offset + len(ids)]
    x: Tensor = decoder.layernorm_embedding(decoder.embed_tokens(ids)[None] + places).expand(v, -1, -1)
    looked = []
    for layer in decoder.layers:
        query, key, value = (_split(layer.self_attn, name, x) for name in ("q_proj", "k_proj", "v_proj"))
        x = layer.self_attn_layer_norm(
            x + _joined(layer.self_attn, functional.scaled_dot_product_attention(query, key, value, is_causal=True))
        )
        query = _split(layer.encoder_attn, "q_proj", x)
        key, value = (_split(layer.encoder_attn, name, memory) for name in ("k_proj", "v_proj"))
        scores = query @ key.transpose(2, 3) / layer.encoder_attn.head_dim**0.5  # (V, H, T, S)
        weights = scores.masked_fill(~visible[:, None, None], _HIDDEN).softmax(-1)
        looked.append(weights[0].mean(0))
        x = layer.encoder_attn_layer_norm(x + _joined(layer.encoder_attn, weights @ value))
        x = layer.final_layer_norm(x + layer.fc2(functional.gelu(layer.fc1(x))))
    return x, torch.stack(looked).mean(0)


def _split(attention: Any, projection: str, states: Tensor) -> Tensor:
    """(V, T, D) -> (V, H, T, D/H)."""
    v, t, _ = states.shape
    projected: Tensor = getattr(attention, projection)(states)
    return projected.view(v, t, attention.num_heads, attention.head_dim).transpose(1, 2)


def _joined(attention: Any, seen: Tensor) -> Tensor:
    """(V, H, T, D/H) -> (V, T, D)."""
    v, _, t, _ = seen.shape
    projected: Tensor = attention.out_proj(seen.transpose(1, 2).reshape(v, t, -1))
    return projected


def _visible(mask: Tensor, shown: Tensor) -> Tensor:
    """Mask (1, N, L) and shown (V, N) -> (V, S)."""
    return (mask.bool() & shown[..., None]).flatten(1)


def _chosen(logits: Tensor, targets: Tensor) -> Tensor:
    """log P(y_t): logits (V, T, vocabulary), targets (T,) -> (V, T)."""
    logits = logits.float()
    index = targets.expand(len(logits), -1)[..., None]
    return logits.gather(2, index).squeeze(2) - logits.logsumexp(-1)


def _padded(
    rows: Sequence[Sequence[tuple[int, tuple[int, int, int] | None]]], pad: int, texts: tuple[str, ...]
) -> EncodedSource:
    length = max(map(len, rows))
    ids = torch.tensor([[*(number for number, _ in row), *[pad] * (length - len(row))] for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (length - len(row)) for row in rows])
    places = tuple(place for row in rows for place in [*(p for _, p in row), *[None] * (length - len(row))])
    return EncodedSource(ids[None], mask[None], SourceText(texts, places))


@contextmanager
def _attention_kept(model: Any) -> Iterator[None]:
    """transformers returns attention weights from its plain implementation only; what it computes is the same, so a
    turn that is answered meanwhile is merely slower."""
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(before)
