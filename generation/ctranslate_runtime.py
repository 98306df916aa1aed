"""Runs any BART or T5 on CTranslate2, in int8 by default: ``concat`` and ``rag-sequence``.

CTranslate2 takes tokens, not encoder states, so what decodes several passages together (``fid``, ``rag-token``) is for
PyTorch. Rag-sequence needs only one source a passage and the probability of a given text under each.
N sources, K beams.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Event, Thread
from typing import Any, Self

from domain.errors import Misconfigured
from generation.ctranslate_conversion import open_converted
from generation.hub_models import open_tokenizer
from generation.seq2seq import FusionMode, Hypothesis, WritingRequest, Written, check_request

_IDLE_SECONDS = 0.05  # how long a caller who wants to stop may have to wait where no token tells of progress
CTRANSLATE2_MODES = frozenset({FusionMode.CONCAT, FusionMode.RAG_SEQUENCE})


class _Growing:
    """The text of one source while CTranslate2 writes it on threads of its own."""

    def __init__(self, spelt: Callable[[Sequence[int]], str]) -> None:
        self._spelt, self.shown, self._ids = spelt, "", list[int]()
        self._steps: SimpleQueue[Any] = SimpleQueue()
        self._watched = 0

    def watching(self, source: int) -> Self:
        """Itself, now listening to that source of a batch."""
        self._watched = source
        return self

    def listener(self, closed: Event) -> Callable[[Any], bool]:
        """CTranslate2's callback: true stops the search.

        It holds neither this nor the runtime: the thread that drops it last is one of CTranslate2's own, and a
        translator that is destroyed there waits for itself, which ends the process.
        """
        watched, steps = self._watched, self._steps

        def told(step: Any) -> bool:
            if step.batch_id == watched:
                steps.put(step)
            return closed.is_set()

        return told

    def end_after(self, jobs: Sequence[Any]) -> None:
        """Ends ``texts`` when ``jobs`` have ended, however that was."""
        for job in jobs:
            with suppress(Exception):  # whoever reads the result will see it
                job.result()
        self._steps.put(None)

    def texts(self) -> Iterator[str]:
        """The text as it grows, and what there is of it whenever nothing new comes, so that the caller may stop."""
        while True:
            try:
                step = self._steps.get(timeout=_IDLE_SECONDS)
            except Empty:
                yield self.shown
                continue
            if step is None:
                return
            self._ids.append(step.token_id)
            grown = self._spelt(self._ids).rstrip("\ufffd")  # half a character, until its last byte is written
            self.shown = grown if grown.startswith(self.shown) else self.shown
            yield self.shown


class CTranslate2Runtime:
    """``generation.seq2seq.Seq2SeqRuntime`` on a folder in the hub's format. Safe to call from several threads.

    Streams one greedy text; with more than one beam the beams are searched after it, which CTranslate2 does in one go:
    closing the iterator then returns at once, and what is left of that search (``max_tokens`` steps at most) runs to
    its end unseen. The greedy text is among the hypotheses.
    """

    def __init__(
        self, folder: Path, cache_folder: Path, *, compute_type: str = "int8", device: str = "cpu", threads: int = 0
    ) -> None:
        """Converts the model into ``cache_folder`` the first time. ``compute_type`` and ``device`` are CTranslate2's;
        ``threads`` 0 lets it choose. Raises ``Misconfigured`` for a model or machine that cannot."""
        converted = open_converted(folder, cache_folder, compute_type=compute_type, device=device, threads=threads)
        self._translator, self._forced = converted.translator, converted.forced
        self._positions = converted.positions
        self._tokenizer = open_tokenizer(folder)
        self._end: str = self._tokenizer.eos_token

    @property
    def modes(self) -> frozenset[FusionMode]:
        return CTRANSLATE2_MODES

    @property
    def is_busy(self) -> bool:
        """Whether anything is being searched, be it for a caller who has gone."""
        return bool(self._translator.num_active_batches or self._translator.num_queued_batches)

    def write(self, request: WritingRequest) -> Iterator[str | tuple[Written, ...]]:
        """See ``Seq2SeqRuntime``. Hypotheses are ordered by log-probability per token, those of rag-sequence by p(y|x)
        as in its paper. Raises ``Misconfigured`` for a request that cannot be written."""
        check_request(request, self.modes)
        self._check_length(max(map(len, request.sources)), request.max_tokens)
        sources = [self._tokenizer.convert_ids_to_tokens(list(source)) for source in request.sources]
        growing = _Growing(self._text)
        found = yield from self._hypotheses(request, sources, growing)
        if request.mode is FusionMode.CONCAT:
            best = sorted(found[0], key=lambda one: (-one.log_probability / one.token_count, one.ids))
        else:
            best = []
            for scored in self._marginal(request, sources, found):
                best.append(scored)
                yield growing.shown  # where much is scored, the work can be stopped
            best.sort(key=lambda one: (-one.log_probability, one.ids))
        yield self._written(best, request.beams)

    def score(self, sources: Sequence[Sequence[int]], text: str) -> tuple[float, ...]:
        """See ``Seq2SeqRuntime``; the end token is counted in. Raises ``Misconfigured`` for no or empty sources."""
        even = (-math.log(len(sources) or 1),) * len(sources)
        check_request(WritingRequest(tuple(map(tuple, sources)), even, FusionMode.RAG_SEQUENCE), self.modes)
        ids = tuple(self._tokenizer(text_target=text).input_ids[:-1])  # the end is put there by CTranslate2
        self._check_length(max(map(len, sources)), len(ids) + 1)
        tokens = [self._tokenizer.convert_ids_to_tokens(list(source)) for source in sources]
        return tuple(self._given(tokens, Hypothesis(ids, 0.0, finished=True)))

    def _check_length(self, *lengths: int) -> None:
        if self._positions is not None and max(lengths) > self._positions:
            raise Misconfigured(
                f"{max(lengths)} tokens are more than the model's {self._positions} positions; lower the window."
            )

    def _hypotheses(
        self, request: WritingRequest, sources: list[list[str]], growing: _Growing
    ) -> Generator[str, None, list[list[Hypothesis]]]:
        """Growing text, then what each source's search ended with."""
        likeliest = max(range(len(sources)), key=lambda i: request.log_prior[i])
        if request.beams == 1:
            return (yield from self._search(sources, request, growing.watching(likeliest)))
        alone = replace(request, beams=1)
        greedy = yield from self._search([sources[likeliest]], alone, growing.watching(0))
        found = yield from self._search(sources, request, growing)
        known = {one.ids for one in found[likeliest]}
        found[likeliest] += [one for one in greedy[0] if one.ids not in known]
        return found

    def _search(
        self, sources: list[list[str]], request: WritingRequest, growing: _Growing
    ) -> Generator[str, None, list[list[Hypothesis]]]:
        """One search a source, side by side."""
        closed = Event()
        jobs = self._started(sources, request, growing.listener(closed) if request.beams == 1 else None)
        Thread(target=growing.end_after, args=(jobs,), daemon=True).start()
        try:
            yield from growing.texts()
        except GeneratorExit:
            closed.set()
            raise
        return [self._read(job.result()) for job in jobs]

    def _started(
        self, sources: list[list[str]], request: WritingRequest, told: Callable[[Any], bool] | None
    ) -> list[Any]:
        """A running search for each source; ``told`` hears of every token of one beam and stops it by saying true."""
        prefix = [self._tokenizer.convert_ids_to_tokens(list(self._forced))] * len(sources) if self._forced else None
        jobs: list[Any] = self._translator.translate_batch(
            sources,
            target_prefix=prefix,
            asynchronous=True,
            length_penalty=1,  # as transformers' beam search compares
            min_decoding_length=0,
            max_decoding_length=request.max_tokens,
            max_input_length=0,  # nothing is cut off unsaid
            return_scores=True,
            return_end_token=True,
            beam_size=request.beams,
            num_hypotheses=request.beams,
            callback=told,
        )
        return jobs

    def _read(self, result: Any) -> list[Hypothesis]:
        return [
            Hypothesis(self._ids(tokens), score * len(tokens), tokens[-1:] == [self._end])
            for tokens, score in zip(result.hypotheses, result.scores, strict=True)
        ]

    def _ids(self, tokens: list[str]) -> tuple[int, ...]:
        return tuple(self._tokenizer.convert_tokens_to_ids(tokens[:-1] if tokens[-1:] == [self._end] else tokens))

    def _marginal(
        self, request: WritingRequest, sources: list[list[str]], found: Sequence[Sequence[Hypothesis]]
    ) -> Iterator[Hypothesis]:
        """log p_rag-sequence(y|x) of all that any source's search ended with."""
        held = [{(one.ids, one.finished): one.log_probability for one in beam} for beam in found]
        for ids, finished in dict.fromkeys(text for beam in held for text in beam):
            log_p = [beam.get((ids, finished), -math.inf) for beam in held]
            missing = [i for i, y in enumerate(log_p) if y == -math.inf] if request.thorough else []
            given = self._given([sources[i] for i in missing], Hypothesis(ids, 0.0, finished))
            for i, y in zip(missing, given, strict=True):
                log_p[i] = y
            total = log_sum_exp([z + y for z, y in zip(request.log_prior, log_p, strict=True)])
            yield Hypothesis(ids, total, finished)

    def _given(self, sources: list[list[str]], text: Hypothesis) -> list[float]:
        """log p(y|x, z_i) of a given text under each source, of which there may be none; forced tokens count 0."""
        target = self._tokenizer.convert_ids_to_tokens(list(text.ids))
        forced = len(self._forced) if text.ids[: len(self._forced)] == self._forced else 0
        if not sources:
            return []
        results = self._translator.score_batch(sources, [target] * len(sources), max_input_length=0)
        return [math.fsum(one.log_probs[forced : text.token_count]) for one in results]

    def _written(self, hypotheses: Sequence[Hypothesis], most: int) -> tuple[Written, ...]:
        """The texts without repetition: of ids that spell the same text the best stay. CTranslate2 ends with the first
        K texts that end, the empty one often among them; it goes where there are others."""
        texts: dict[str, Written] = {}
        for one in hypotheses:
            text = self._text(one.ids)
            texts.setdefault(text, Written(text, one.log_probability, one.token_count, one.finished))
        return tuple(one for one in texts.values() if one.text or len(texts) == 1)[:most]

    def _text(self, ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text.strip()


def log_sum_exp(terms: Sequence[float]) -> float:
    """log Σ exp(t) without overflow; −∞ for none and for −∞ alone."""
    highest = max(terms, default=-math.inf)
    if highest == -math.inf:
        return highest
    return highest + math.log(math.fsum(math.exp(term - highest) for term in terms))
