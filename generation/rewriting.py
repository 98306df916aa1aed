"""Makes a message standalone with the copy BART, under a gate and invariants."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from domain.conversation import Gate, Query, Turn
from generation.copy_bart import CopyBart
from generation.decoding import Hypothesis, beam_search
from generation.fragments import completed, is_fragment
from generation.invariants import broken_invariant, is_complete, points_back, words_of
from generation.rewriting_rules import NEARLY_NATS, context_of, exchange, leans, nothing_to_complete, reason_for
from generation.sources import history_text
from generation.surface import surface
from generation.tokenizing import EncodedSource, WordPieces
from generation.weights import open_to_serve

SOURCE_TOKENS = 160  # as in training
QUESTION_TOKENS = SOURCE_TOKENS // 3  # what ``encode_pairs`` lets the model see of the message
_MAX_TOKENS = 48
_MAX_JOINED_WORDS = 16  # a longer question before would outweigh the fragment in a search
_RESET_AT = 0.5  # of the gate's probability; at 0.6 it was wrong on none of 300 leaning CANARD turns (even rows) and on
# one of 146 of the service conversations held out, and right on 96 % of the switched topics, pronouns or not
_KEEP_AT = 0.6
_REWRITE_AT = 0.6  # for a message without any sign that it leans on the conversation
_GATES = (Gate.KEEP, Gate.REWRITE, Gate.RESET)


class CopyRewriter:
    """``domain.protocols.QueryRewriter`` on the weights of ``models/rewriter``."""

    def __init__(self, folder: Path, minilm: Path, *, beams: int = 4) -> None:
        """Loads the weights; raises ``Misconfigured`` when they are missing or damaged."""
        self._model: CopyBart = open_to_serve(folder, minilm)
        self._pieces = WordPieces(minilm)
        self._beams = beams

    def rewrite(self, question: str, history: Sequence[Turn]) -> Query:
        """``question`` made standalone; see the promises of ``QueryRewriter``."""
        exchanges = [exchange(turn) for turn in history]
        if (as_typed := nothing_to_complete(question, exchanges)) is not None:
            return as_typed
        context = context_of(exchanges)
        if self._pieces.count(question) > QUESTION_TOKENS:
            return Query(question, question, Gate.KEEP, "long enough to say everything itself", 1.0, context)
        said = history_text(exchanges)
        source = self._pieces.encode_pairs(question, [said], SOURCE_TOKENS)
        gate, probability = self._decide(question, source)
        if gate is Gate.RESET:
            return Query(question, question, gate, "a new topic: nothing of the conversation is used", probability)
        if gate is Gate.KEEP:
            return Query(question, question, gate, "the message says everything itself", probability, context)
        return _joined(question, exchanges[-1][0], probability, context) or self._rewritten(
            question, said, source, probability, context
        )

    def _decide(self, question: str, source: EncodedSource) -> tuple[Gate, float]:
        """The gate's decision, with what can be seen in the words: pronouns and fragments cannot stand alone, and a
        question that points back at nothing need not be completed."""
        with torch.inference_mode():
            _, logits = self._model.encode(source.input_ids, source.attention_mask)
        keep, rewrite, reset = logits[0].softmax(-1).tolist()
        leaning = leans(question)
        if reset >= _RESET_AT:
            return Gate.RESET, reset
        unclear = rewrite < _REWRITE_AT and not points_back(question)
        if not leaning and (keep >= _KEEP_AT or is_complete(question) or unclear):
            return Gate.KEEP, keep + reset
        return Gate.REWRITE, rewrite

    def _rewritten(
        self, question: str, said: str, source: EncodedSource, probability: float, context: tuple[str, ...]
    ) -> Query:
        refused = ""
        found = [(surface(h, source.text, self._pieces.vocabulary), h.score) for h in self._hypotheses(source)]
        for text, score in found:
            if words_of(text) == words_of(question) or (not _signs(question) and _stands(question, found, score)):
                reason = f"nothing in the conversation completes it{refused}"
                return Query(question, question, Gate.KEEP, reason, 1 - probability, context)
            broken = broken_invariant(question, text, said)
            if broken is None:
                return Query(text, question, Gate.REWRITE, reason_for(question), probability, context)
            refused = refused or f"; a rewrite was refused because {broken}"
        reason = f"searched as typed, with what was said before{refused}"
        return Query(question, question, Gate.KEEP, reason, 1 - probability, context)

    def _hypotheses(self, source: EncodedSource) -> tuple[Hypothesis, ...]:
        found: tuple[Hypothesis, ...] = ()
        for step in beam_search(
            self._model, source.input_ids, source.attention_mask, beams=self._beams, max_tokens=_MAX_TOKENS
        ):
            if isinstance(step, tuple):
                found = tuple(h for h in step if h.finished)
        return found


def _signs(question: str) -> bool:
    """Whether anything in its words points to the conversation."""
    return leans(question) or points_back(question)


def _stands(question: str, found: Sequence[tuple[str, float]], best: float) -> bool:
    """Whether the model finds the message as typed nearly as good as its best rewrite."""
    asked = words_of(question)
    return any(words_of(text) == asked and score >= best - NEARLY_NATS for text, score in found)


def _joined(question: str, previous: str, probability: float, context: tuple[str, ...]) -> Query | None:
    """A fragment completed from the question before it; None for other messages and where that goes wrong."""
    if not is_fragment(question) or not words_of(previous) or is_fragment(previous):
        return None
    text = completed(question, previous)
    dragged = text.startswith(previous) and len(words_of(previous)) > _MAX_JOINED_WORDS
    if dragged or words_of(text) == words_of(previous):
        return None
    reason = "a fragment, joined to the question before it"
    return Query(text, question, Gate.REWRITE, reason, probability, context)
