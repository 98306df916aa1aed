"""Runs any BART or T5 on PyTorch: the four ways of evidence fusion, by one beam search of our own.

transformers' ``generate`` can neither mix passages at every token nor say what is certain while it searches; where
it can do the same (``concat``, ``fid``), the texts are the same (tested).
N sources, K beams, R rows decoded together, T tokens, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor
from transformers.modeling_outputs import BaseModelOutput

from domain.errors import Misconfigured
from generation.fusing import log_p_next_token, log_p_rag_sequence, token_log_probabilities
from generation.seq2seq import FusionMode, Hypothesis, WritingRequest, Written, check_request
from generation.torch_decoder import CachedDecoder, Memory, encoded, joined
from generation.torch_search import Beams

_Found = tuple[int, ...] | list[Hypothesis]
"""What a search yields: the certain beginning after each step, last the hypotheses, best first."""


class TorchSeq2SeqRuntime:
    """``generation.seq2seq.Seq2SeqRuntime`` on a transformers model and its tokenizer, on the model's device.

    A token that the model's configuration forces at the start counts with log-probability 0; an end that it would
    force at the limit is not forced: such a text says that it was cut off.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        """Raises ``Misconfigured`` for a model without an encoder or without an end token."""
        self._model, self._tokenizer = model.eval(), tokenizer
        self._start, self._forced, self._ends = _special(model)

    @property
    def modes(self) -> frozenset[FusionMode]:
        return frozenset(FusionMode)

    @torch.inference_mode()
    def write(self, request: WritingRequest) -> Iterator[str | tuple[Written, ...]]:
        """See ``Seq2SeqRuntime``. Text is yielded after every step, so that closing stops the work within one step:
        what all live beams agree on (for rag-sequence those of the likeliest passage), often unchanged.

        Hypotheses are ordered by log-probability per token, those of rag-sequence by p(y|x) as in its paper. Raises
        ``Misconfigured`` for a request that cannot be written.
        """
        self._check(request)
        memory = encoded(self._model, request.sources)
        decode = self._apart if request.mode is FusionMode.RAG_SEQUENCE else self._together
        shown = ""
        for step in decode(request, memory):
            if isinstance(step, list):
                yield self._written(step, request.beams)
                return
            grown = self._text(step).rstrip("\ufffd")  # half a character, until its last byte is written
            shown = grown if grown.startswith(shown) else shown
            yield shown

    @torch.inference_mode()
    def score(self, sources: Sequence[Sequence[int]], text: str) -> tuple[float, ...]:
        """See ``Seq2SeqRuntime``; the end token is counted in. Raises ``Misconfigured`` for no or empty sources."""
        labels = self._tokenizer(text_target=text).input_ids
        even = (-math.log(len(sources) or 1),) * len(sources)
        self._check(WritingRequest(tuple(map(tuple, sources)), even, FusionMode.RAG_TOKEN, 1, len(labels)))
        log_p = self._given(encoded(self._model, sources), labels)
        return tuple(log_p.sum(-1).tolist())

    def _check(self, request: WritingRequest) -> None:
        check_request(request, self.modes)
        places = getattr(self._model.config, "max_position_embeddings", None)  # T5's are relative: no bound
        longest = max(max(map(len, request.sources)), request.max_tokens)
        if places is not None and longest > places:
            raise Misconfigured(f"{longest} tokens are more than the model's {places} positions; lower the window.")

    def _together(self, request: WritingRequest, memory: Memory) -> Iterator[_Found]:
        """One search; its rows are the beams, in rag-token the beams of every passage, passage by passage."""
        mixed = request.mode is FusionMode.RAG_TOKEN
        decoder = CachedDecoder(self._model, memory if mixed else joined(memory))
        log_p_z = torch.tensor(request.log_prior if mixed else [0.0], device=memory.states.device)
        n, beams = len(log_p_z), Beams(request.beams, self._ends, self._forced)
        log_p = decoder.first([self._start, *self._forced])  # (N, V)
        for left in self._steps(request):
            live = len(log_p) // n
            by_beam = log_p.view(n, live, -1).transpose(0, 1)  # (K, N, V)
            parents = beams.advance(log_p_next_token(log_p_z, by_beam), last=not left)
            if beams.is_over:
                break
            yield beams.certain()
            rows = [i * live + parent for i in range(n) for parent in parents]
            log_p = decoder.next(rows, [ids[-1] for ids in beams.live] * n)
        yield beams.done

    def _apart(self, request: WritingRequest, memory: Memory) -> Iterator[_Found]:
        """One search a passage, side by side, then every hypothesis under several passages."""
        searches = [Beams(request.beams, self._ends, self._forced) for _ in request.sources]
        likeliest = searches[max(range(len(searches)), key=lambda i: request.log_prior[i])]
        decoder = CachedDecoder(self._model, memory)
        log_p = decoder.first([self._start, *self._forced])  # (N, V)
        running = searches
        for left in self._steps(request):
            rows = _advanced(running, log_p, last=not left)
            running = [one for one in running if not one.is_over]
            if not running:
                break
            yield likeliest.certain()
            log_p = decoder.next(rows, [ids[-1] for one in running for ids in one.live])
        yield from self._marginal(request, memory, [one.done for one in searches])

    def _steps(self, request: WritingRequest) -> range:
        """How many steps are left after each, down to 0."""
        return range(max(request.max_tokens - len(self._forced), 1) - 1, -1, -1)

    def _marginal(
        self, request: WritingRequest, memory: Memory, found: Sequence[Sequence[Hypothesis]]
    ) -> Iterator[_Found]:
        """log p_rag-sequence(y|x) of all that any passage's beam ended with, best first."""
        log_p_z = torch.tensor(request.log_prior)
        held = [{(one.ids, one.finished): one.log_probability for one in beam} for beam in found]
        scored: list[Hypothesis] = []
        for ids, finished in dict.fromkeys(text for beam in held for text in beam):
            if request.thorough:
                yield ()  # nothing new is certain, but here the work can be stopped
                log_p_y = self._given(memory, [*ids, min(self._ends)] if finished else ids).cpu()  # (N, T)
            else:
                log_p_y = torch.tensor([[beam.get((ids, finished), -math.inf)] for beam in held])  # (N, 1)
            log_p = log_p_rag_sequence(log_p_z, log_p_y, torch.ones(log_p_y.shape[1]))
            scored.append(Hypothesis(ids, float(log_p), finished))
        yield sorted(scored, key=lambda one: (-one.log_probability, one.ids))

    def _given(self, memory: Memory, text: Sequence[int]) -> Tensor:
        """log p(y_t|x, z_i, y_<t) of a given text under each source (N, T); 0 where it is forced."""
        n, labels = len(memory.states), torch.tensor(list(text), device=memory.states.device)
        inputs = torch.tensor([self._start, *text[:-1]], device=labels.device)
        logits = self._model(
            encoder_outputs=BaseModelOutput(last_hidden_state=memory.states),
            attention_mask=memory.mask,
            decoder_input_ids=inputs.expand(n, -1),
            use_cache=False,
        ).logits.float()  # (N, T, V)
        log_p, _ = token_log_probabilities(logits, labels.expand(n, -1))
        if self._forced and tuple(text[: len(self._forced)]) == self._forced:
            log_p[:, : len(self._forced)] = 0.0
        return log_p

    def _written(self, hypotheses: Sequence[Hypothesis], most: int) -> tuple[Written, ...]:
        """The texts without repetition: of ids that spell the same text the best stay."""
        texts: dict[str, Written] = {}
        for one in hypotheses:
            text = self._text(one.ids)
            texts.setdefault(text, Written(text, one.log_probability, one.token_count, one.finished))
        return tuple(texts.values())[:most]

    def _text(self, ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text.strip()


def _advanced(searches: Sequence[Beams], log_p: Tensor, *, last: bool) -> list[int]:
    """A token more for every search; the former rows (R, V) that the rows of those not over continue."""
    starts = [0, *accumulate(len(one.live) for one in searches)]
    rows: list[int] = []
    for search, start, stop in zip(searches, starts, starts[1:], strict=False):
        parents = search.advance(log_p[start:stop], last=last)
        if not search.is_over:
            rows += [start + parent for parent in parents]
    return rows


def _special(model: Any) -> tuple[int, tuple[int, ...], frozenset[int]]:
    """The decoder's start token, the tokens forced after it, and those that end a text."""
    of = model.generation_config
    ends = of.eos_token_id if of.eos_token_id is not None else model.config.eos_token_id
    start = of.decoder_start_token_id if of.decoder_start_token_id is not None else of.bos_token_id
    if start is None or ends is None:
        raise Misconfigured(
            f"The model {model.config.model_type!r} names no start or no end token of its decoder; give a BART or T5."
        )
    forced = () if of.forced_bos_token_id is None else (int(of.forced_bos_token_id),)
    return int(start), forced, frozenset([ends] if isinstance(ends, int) else ends)
