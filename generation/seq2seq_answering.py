"""Writes drafts from the evidence with any BART or T5, by one or several ways of fusion."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from domain.conversation import Turn
from domain.errors import Misconfigured
from domain.passage import RetrievedPassage
from domain.protocols import Draft, PassageReader
from generation.fusing import Layout, log_prior
from generation.seq2seq import FusionMode, Seq2SeqRuntime, WritingRequest, Written
from generation.shortening import Readable, Shortened

_LOWEST_RELEVANCE = 1e-6  # keeps the logarithm finite for what the reader is sure is beside the point

Example = tuple[str, str, str]
"""What a few-shot prompt shows: (context, question, answer)."""


@dataclass(frozen=True, slots=True)
class WritingOptions:
    """``modes``: drafts of each are written, and the text of the first is what streams. ``thorough``: see
    ``WritingRequest``. ``concat_window``: tokens of the one source of ``concat`` (None: the layout's window)."""

    modes: tuple[FusionMode, ...] = (FusionMode.FID,)
    beams: int = 4
    max_tokens: int = 256
    thorough: bool = False
    concat_window: int | None = None


@dataclass(frozen=True, slots=True)
class Prompt:
    """What an instruction-tuned model is told before the question; trained answerers need none."""

    instruction: str = ""
    examples: tuple[Example, ...] = ()

    def before(self, layout: Layout, tokenizer: Any, question: str) -> Layout:
        """``layout`` with the instruction and as many examples, the first ones first, as leave the question whole."""
        told = f"{layout.prefix}{self.instruction}\n\n" if self.instruction else layout.prefix
        shown = [
            f"question: {asked} context: {context} answer: {answer}\n\n" for context, asked, answer in self.examples
        ]
        for count in range(len(shown), 0, -1):
            made = replace(layout, prefix=told + "".join(shown[:count]))
            if made.keeps_question(tokenizer, question):
                return made
        return replace(layout, prefix=told)


NO_PROMPT = Prompt()


class Seq2SeqAnswerer:
    """``domain.protocols.AnswerGenerator`` over a ``Seq2SeqRuntime``.

    What does not fit the window is shortened by the reader's sentences (without a reader the beginning is kept); a
    draft's origin says how it was written and what was left out: "fid beam 1, 3 sentences left out".
    """

    def __init__(
        self,
        runtime: Seq2SeqRuntime,
        tokenizer: Any,
        layout: Layout,
        *,
        options: WritingOptions | None = None,
        reader: PassageReader | None = None,
        prompt: Prompt = NO_PROMPT,
    ) -> None:
        """``layout``: how the model was taught to read. Raises ``Misconfigured`` for no mode, or one that the runtime
        cannot run."""
        self._runtime, self._tokenizer, self._layout = runtime, tokenizer, layout
        self._options, self._reader, self._prompt = options or WritingOptions(), reader, prompt
        impossible = sorted(set(self._options.modes) - runtime.modes)
        if impossible or not self._options.modes:
            raise Misconfigured(
                f"Answers cannot be written by {', '.join(impossible) or 'no mode at all'} on this runtime; "
                f"choose of: {', '.join(sorted(runtime.modes))}."
            )

    def stream(
        self,
        question: str,
        history: Sequence[Turn],  # noqa: ARG002  # the protocol's: the question is standalone
        evidence: Sequence[RetrievedPassage],
    ) -> Iterator[str | tuple[Draft, ...]]:
        """Text of the first mode, then the drafts of all, best first per token; of equal texts the best one."""
        if not evidence:
            yield ()
            return
        found: list[Draft] = []
        shown = ""
        for number, mode in enumerate(self._options.modes):
            request, missing = self.request(mode, question, evidence)
            for piece in self._runtime.write(request):
                if isinstance(piece, tuple):
                    found += _drafts(piece, mode, missing)
                else:  # also while a later mode is silent, so that closing stops the work
                    shown = shown if number else piece
                    yield shown
        yield best_first(found)

    def request(
        self, mode: FusionMode, question: str, evidence: Sequence[RetrievedPassage]
    ) -> tuple[WritingRequest, str]:
        """What the model is given of a non-empty ``evidence``, and what is missing in it as ``what_is_missing`` words
        it. Raises ``Misconfigured`` when the window has no room for each passage."""
        layout = self._prompt.before(self._laid_out(mode), self._tokenizer, question)
        shown = self._fitting(layout, question, evidence)
        told = [(one.heading, one.text) for one in shown]
        sources = tuple(map(tuple, layout.sources(self._tokenizer, question, told)))
        prior = (0.0,) if mode is FusionMode.CONCAT else passage_prior(evidence)
        chosen = self._options
        request = WritingRequest(sources, prior, mode, chosen.beams, chosen.max_tokens, chosen.thorough)
        return request, what_is_missing(shown)

    def _laid_out(self, mode: FusionMode) -> Layout:
        if mode is not FusionMode.CONCAT:
            return replace(self._layout, fusion="fid")
        return replace(self._layout, fusion="concat", window=self._options.concat_window or self._layout.window)

    def _fitting(self, layout: Layout, question: str, evidence: Sequence[RetrievedPassage]) -> list[Shortened]:
        whole = [(one.passage.heading, one.passage.text) for one in evidence]
        if layout.fits(self._tokenizer, question, whole):
            return [Shortened(*one) for one in whole]
        return layout.shortened(self._tokenizer, question, readable(question, evidence, self._reader))


def readable(question: str, evidence: Sequence[RetrievedPassage], reader: PassageReader | None) -> list[Readable]:
    """The passages with what ``reader`` says of their sentences; without a reader each is one sentence."""
    passages = [one.passage for one in evidence]
    if reader is None:
        return [Readable(one.heading, one.text) for one in passages]
    return [
        Readable(one.heading, one.text, said.sentences, said.sentence_scores)
        for one, said in zip(passages, reader.read(question, passages), strict=True)
    ]


def passage_prior(evidence: Sequence[RetrievedPassage]) -> tuple[float, ...]:
    """log p(z_i|x): of the reader's relevance where every passage has it (its share of their sum), otherwise the
    softmax of the retrieval scores."""
    read = [one.signals["relevance"] for one in evidence if "relevance" in one.signals]
    if len(read) == len(evidence):
        scores = [math.log(max(one, _LOWEST_RELEVANCE)) for one in read]
    else:
        scores = [one.score for one in evidence]
    return tuple(log_prior(torch.tensor(scores, dtype=torch.float64)).tolist())


def what_is_missing(shown: Sequence[Shortened]) -> str:
    """ ", 3 sentences left out" for a draft's origin (one cut short counts as one), "" where nothing is missing."""
    count = sum(one.left_out + one.is_cut for one in shown)
    return f", {count} sentence{'s' * (count > 1)} left out" if count else ""


def best_first(drafts: Sequence[Draft]) -> tuple[Draft, ...]:
    """By log-probability per token, each text once."""
    distinct: dict[str, Draft] = {}
    for one in sorted(drafts, key=lambda one: -(one.log_probability / one.token_count)):
        distinct.setdefault(one.text, one)
    return tuple(distinct.values())


def _drafts(written: Sequence[Written], mode: FusionMode, missing: str) -> list[Draft]:
    return [
        Draft(
            one.text,
            one.log_probability,
            one.token_count,
            f"{mode} beam {number}{'' if one.finished else ', cut off'}{missing}",
            one.finished,
        )
        for number, one in enumerate((one for one in written if one.text), 1)
    ]
