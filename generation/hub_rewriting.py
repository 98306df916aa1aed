"""Makes a message standalone with any BART or T5 taught to, under the same invariants as the shipped rewriter.

Such a model has no gate: whether a message leans on the conversation is seen in its words, and one that does not is
searched as typed. One that only speaks of something as known ("the fee") is changed where the model finds the message
as typed clearly less likely. So a new topic that stands alone is not touched.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from domain.conversation import Gate, Query, Turn
from generation.invariants import broken_invariant, is_complete, points_back, words_of
from generation.rewriting_rules import NEARLY_NATS, context_of, exchange, leans, nothing_to_complete, reason_for
from generation.seq2seq import FusionMode, Seq2SeqRuntime, WritingRequest, Written

Encode = Callable[[str], Sequence[int]]
"""A text to token ids, with the special ones a source has."""


@dataclass(frozen=True, slots=True)
class RewritingOptions:
    """How the model was taught. ``separator`` stands between the utterances, oldest first, the message last:
    T5s trained on CANARD read " ||| ". ``instruction`` comes before them. Lengths in tokens of the model."""

    separator: str = " ||| "
    instruction: str = ""
    window: int = 512
    beams: int = 4
    max_tokens: int = 64
    answer_words: int = 32  # of one earlier answer: what a message points at stands early in it


class Seq2SeqRewriter:
    """``domain.protocols.QueryRewriter`` on a ``Seq2SeqRuntime``. Of the beam the first rewrite that keeps every
    invariant is taken; where none does, the message is searched as typed."""

    def __init__(self, runtime: Seq2SeqRuntime, encode: Encode, options: RewritingOptions | None = None) -> None:
        self._runtime, self._encode, self._options = runtime, encode, options or RewritingOptions()

    def rewrite(self, question: str, history: Sequence[Turn]) -> Query:
        """``question`` made standalone; see the promises of ``QueryRewriter``."""
        exchanges = [exchange(turn) for turn in history]
        if (as_typed := nothing_to_complete(question, exchanges)) is not None:
            return as_typed
        context = context_of(exchanges)
        if not (leans(question) or points_back(question)) or is_complete(question):
            return Query(question, question, Gate.KEEP, "the message says everything itself", 1.0, context)
        source, seen = self._source(question, exchanges)
        if len(source) > self._options.window:
            return Query(question, question, Gate.KEEP, "long enough to say everything itself", 1.0, context)
        found = self._written(source)
        if found and not leans(question) and self._stands(question, source, found[0]):
            reason = "the message as typed is as likely as any rewrite"
            return Query(question, question, Gate.KEEP, reason, 1.0, context)
        return self._chosen(question, seen, found, context)

    def _stands(self, question: str, source: Sequence[int], best: Written) -> bool:
        typed = self._runtime.score([source], question)[0] / len(self._encode(question))
        return typed >= _per_token(best) - NEARLY_NATS

    def _source(self, question: str, exchanges: Sequence[tuple[str, str]]) -> tuple[Sequence[int], str]:
        """What the model reads, the oldest exchanges left out until it fits, and the words of those it sees."""
        chosen = self._options
        for first in range(len(exchanges) + 1):
            told = [utterance for pair in exchanges[first:] for utterance in self._shortened(*pair)]
            source = self._encode(chosen.instruction + chosen.separator.join([*told, question]))
            if len(source) <= chosen.window:
                break
        return source, " ".join(told)

    def _shortened(self, asked: str, told: str) -> list[str]:
        answer = " ".join(told.split()[: self._options.answer_words])
        return [utterance for utterance in (asked, answer) if utterance]

    def _written(self, source: Sequence[int]) -> tuple[Written, ...]:
        chosen = self._options
        request = WritingRequest((tuple(source),), (0.0,), FusionMode.CONCAT, chosen.beams, chosen.max_tokens)
        found: tuple[Written, ...] = ()
        for step in self._runtime.write(request):
            found = step if isinstance(step, tuple) else found
        return tuple(one for one in found if one.finished and one.text)

    def _chosen(self, question: str, seen: str, found: Sequence[Written], context: tuple[str, ...]) -> Query:
        refused = ""
        for one in found:
            if words_of(one.text) == words_of(question):
                break
            broken = broken_invariant(question, one.text, seen)
            if broken is None:
                return Query(one.text, question, Gate.REWRITE, reason_for(question), math.exp(_per_token(one)), context)
            refused = refused or f"; a rewrite was refused because {broken}"
        reason = f"searched as typed, with what was said before{refused}"
        return Query(question, question, Gate.KEEP, reason, 1.0, context)


def _per_token(text: Written) -> float:
    return text.log_probability / text.token_count
