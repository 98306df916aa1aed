"""The answerer of joint training: any BART or T5, or a copy BART, reading one passage a row.

RAG needs two things of a generator: log p(y_t | x, z, y_<t) of given tokens, with gradients, and the distribution of
the next token, to write. M rows (question and passage), L source tokens, T target tokens, D width, V vocabulary.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import DynamicCache, EncoderDecoderCache
from transformers.modeling_outputs import BaseModelOutput

from generation.copy_bart import CopyBart
from generation.fusing import PADDING, Layout, token_log_probabilities
from generation.torch_fid import FusionInDecoder
from generation.weights import open_copy_bart
from training.answerer import TARGET_TOKENS, encode
from training.answering_data import AnswerRow
from training.batches import pad
from training.denoising import is_copy_bart
from training.export import export_copy_bart
from training.joint_data import Passage
from training.minilm import is_new, minilm_folder, minilm_tokenizer
from training.seq2seq import Seq2SeqOptions, export, layout_for, open_seq2seq

_FLOOR = 1e-9  # keeps log finite where neither the vocabulary nor the source holds a token


@dataclass(frozen=True, slots=True)
class Memory:
    """Encoded rows: ``ids`` and ``mask`` (M, L), ``states`` (M, L, D)."""

    ids: Tensor
    mask: Tensor
    states: Tensor

    def rows(self, places: Tensor) -> Memory:
        """Those of ``places`` (R,), in their order; gradients pass."""
        return Memory(self.ids[places], self.mask[places], self.states[places])


NextTokens = Callable[[Tensor], Tensor]
"""The newest token of every row (M,) -> log p of what follows (M, V); remembers what came before."""


class Writer(nn.Module, ABC):
    """A generator with its tokenizer. ``frozen`` keeps its encoder still, and spares the time of its gradients."""

    tokenizer: Any

    def __init__(self, inner: Any, *, frozen: bool) -> None:
        super().__init__()
        self._holder = FusionInDecoder(inner)  # for its state_dict, which holds tied weights once
        self._frozen = frozen

    @property
    def inner(self) -> Any:
        """The model as transformers knows it."""
        return self._holder.inner

    @property
    def start(self) -> int:
        """The token every text begins after."""
        return int(self.inner.config.decoder_start_token_id)

    @property
    def end(self) -> int:
        """The token every text ends with."""
        return int(self.inner.config.eos_token_id)

    @abstractmethod
    def sources(self, question: str, passages: Sequence[Passage]) -> list[list[int]]:
        """The token ids of each passage with the question."""

    @abstractmethod
    def labels(self, answer: str) -> list[int]:
        """The tokens that are to be written, the end included."""

    @abstractmethod
    def log_p_targets(self, memory: Memory, labels: Tensor) -> Tensor:
        """log p(y_t | x, z, y_<t) of ``labels`` (M, T), 0 where they are padding -> (M, T)."""

    @abstractmethod
    def writing(self, memory: Memory) -> NextTokens:
        """Writes a text for each row, token by token, each row given its own."""

    @abstractmethod
    def is_new(self, name: str) -> bool:
        """Whether the parameter of that name learns at the higher of the two rates."""

    @abstractmethod
    def write(self, destination: Path, run: Path) -> None:
        """Writes a folder that ``open_writer`` opens, with the curves of ``run``."""

    def read(self, sources: Sequence[Sequence[int]]) -> Memory:
        """Encodes every source alone, padded to the longest."""
        device = next(self.parameters()).device
        lengths = torch.tensor([len(source) for source in sources], device=device)
        ids = pad(sources, int(self.inner.config.pad_token_id or 0)).to(device)
        mask = (torch.arange(ids.shape[1], device=device)[None] < lengths[:, None]).long()
        with self._learning():
            states = self.inner.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state
        return Memory(ids, mask, states)

    def text(self, ids: Sequence[int]) -> str:
        """The words of ``ids``, without special tokens."""
        told: str = self.tokenizer.decode(list(ids), skip_special_tokens=True)
        return told.strip()

    def _learning(self) -> AbstractContextManager[Any]:
        return torch.no_grad() if self._frozen else torch.set_grad_enabled(torch.is_grad_enabled())


class PlainWriter(Writer):
    """BART or T5. All of it is pretrained, so all learns at the lower rate."""

    def __init__(self, inner: Any, tokenizer: Any, layout: Layout, *, frozen: bool = False) -> None:
        super().__init__(inner, frozen=frozen)
        self.tokenizer, self._layout = tokenizer, layout
        if frozen:
            inner.requires_grad_(False)

    def sources(self, question: str, passages: Sequence[Passage]) -> list[list[int]]:
        """As ``generation.fusing.Layout`` lays them out."""
        return self._layout.sources(self.tokenizer, question, passages)

    def labels(self, answer: str) -> list[int]:
        """With the special tokens the tokenizer puts around a text."""
        return self._layout.labels(self.tokenizer, answer)

    def log_p_targets(self, memory: Memory, labels: Tensor) -> Tensor:
        """See ``Writer``."""
        before = _shifted(labels, self.start, int(self.inner.config.pad_token_id or 0))
        logits = self._decoded(memory, before).logits.float()
        return token_log_probabilities(logits, labels)[0]

    def writing(self, memory: Memory) -> NextTokens:
        """See ``Writer``."""
        cache = _empty_cache()

        def following(tokens: Tensor) -> Tensor:
            out = self._decoded(memory, tokens[:, None], past_key_values=cache, use_cache=True)
            log_p: Tensor = out.logits[:, -1].float().log_softmax(-1)
            return log_p

        return following

    def is_new(self, name: str) -> bool:
        """Nothing is."""
        del name
        return False

    def write(self, destination: Path, run: Path) -> None:
        """In hub format, with the layout."""
        export(self.inner, self.tokenizer, destination, run)
        self._layout.write(destination)

    def _decoded(self, memory: Memory, tokens: Tensor, **more: Any) -> Any:
        read = BaseModelOutput(last_hidden_state=memory.states)
        return self.inner(encoder_outputs=read, attention_mask=memory.mask, decoder_input_ids=tokens, **more)


class CopyWriter(Writer):
    """A copy BART on MiniLM's vocabulary (``generation.copy_bart``): p(y_t) is the mixture of writing and copying."""

    def __init__(self, inner: CopyBart, tokenizer: Any, *, frozen: bool = False) -> None:
        super().__init__(inner, frozen=frozen)
        self.tokenizer = tokenizer
        inner.model.shared.weight.requires_grad_(False)  # the words are MiniLM's own, and do not travel with the rest
        inner.gate_head.requires_grad_(False)  # only a rewriter needs it
        if frozen:
            inner.model.encoder.requires_grad_(False)

    def sources(self, question: str, passages: Sequence[Passage]) -> list[list[int]]:
        """As ``training.answerer`` lays them out."""
        found: list[list[int]] = encode(self.tokenizer, AnswerRow(question, tuple(passages), ""))["sources"]
        return found

    def labels(self, answer: str) -> list[int]:
        """Without a first token: decoding starts with it."""
        ids: list[int] = self.tokenizer(answer, truncation=True, max_length=TARGET_TOKENS).input_ids
        return ids[1:]

    def log_p_targets(self, memory: Memory, labels: Tensor) -> Tensor:
        """See ``Writer``."""
        targets = labels.clamp(min=0)
        state = self._decoded(memory, _shifted(labels, self.start, 0)).last_hidden_state
        attention, written = self._copied(memory, state)
        probability = self.inner.target_probability(state, targets, memory.ids, attention, written)
        log_p: Tensor = probability.clamp(min=_FLOOR).log().masked_fill(labels == PADDING, 0.0)
        return log_p

    def writing(self, memory: Memory) -> NextTokens:
        """See ``Writer``."""
        cache = _empty_cache()

        def following(tokens: Tensor) -> Tensor:
            state = self._decoded(memory, tokens[:, None], past_key_values=cache, use_cache=True).last_hidden_state
            attention, written = self._copied(memory, state)  # (M, 1, L), (M, 1, 1)
            spoken = written[:, 0] * self.inner.lm_head(state[:, 0]).float().softmax(-1)  # (M, V)
            mixed = spoken.scatter_add(1, memory.ids, (1 - written[:, 0]) * attention[:, 0])
            log_p: Tensor = mixed.clamp(min=_FLOOR).log()
            return log_p

        return following

    def is_new(self, name: str) -> bool:
        """The decoder and the copy head."""
        return is_new(name)

    def write(self, destination: Path, run: Path) -> None:
        """As the shipped answerer: fp16, without the word embeddings."""
        export_copy_bart(self.inner, destination, run)

    def _decoded(self, memory: Memory, tokens: Tensor, **more: Any) -> Any:
        read = {"encoder_hidden_states": memory.states, "encoder_attention_mask": memory.mask}
        return self.inner.model.decoder(input_ids=tokens, **{"use_cache": False, **read, **more})

    def _copied(self, memory: Memory, state: Tensor) -> tuple[Tensor, Tensor]:
        """The copy attention (M, T, L) and the share that is written, (M, T, 1)."""
        ids = memory.ids[:, None]  # (M, 1, L): one source an example
        keys = self.inner.copy_keys(ids, memory.states)
        allowed = self.inner.copyable(ids, memory.mask[:, None])
        found: tuple[Tensor, Tensor] = self.inner.copy_head(state, keys, memory.states, allowed)
        return found


def open_writer(start: Path, *, window: int, reply: int, frozen: bool) -> Writer:
    """The generator of a folder: a copy BART of ours, or a hub model with a window and replies of so many tokens.

    Raises ``Misconfigured`` when it cannot be opened or has fewer positions.
    """
    if is_copy_bart(start):
        return CopyWriter(open_copy_bart(start, minilm_folder()), minilm_tokenizer(), frozen=frozen)
    inner, tokenizer = open_seq2seq(str(start))
    layout = layout_for(inner, Seq2SeqOptions(str(start), window=window, reply=reply))
    return PlainWriter(inner, tokenizer, layout, frozen=frozen)


def _shifted(labels: Tensor, start: int, padding: int) -> Tensor:
    """What the decoder has seen before each label: (M, T) -> (M, T)."""
    before = labels.masked_fill(labels == PADDING, padding)[:, :-1]
    return torch.cat([torch.full_like(labels[:, :1], start), before], 1)


def _empty_cache() -> Any:
    return EncoderDecoderCache(DynamicCache(), DynamicCache())
