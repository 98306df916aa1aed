"""Makes a message standalone with the copy BART, under a gate and invariants."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from domain.conversation import Gate, Query, Turn
from generation.copy_bart import CopyBart
from generation.decoding import Hypothesis, beam_search
from generation.invariants import broken_invariant, is_elliptic, pronouns_in, words_of
from generation.sources import history_text
from generation.surface import surface
from generation.tokenizing import EncodedSource, WordPieces
from generation.weights import open_copy_bart

SOURCE_TOKENS = 160  # the model was trained on 128; positions beyond it are MiniLM's own and still good
_MAX_TOKENS = 48
_RESET_AT = 0.6  # of the gate's probability: a wrong reset loses the thread, a missed one only adds words
_KEEP_AT = 0.6
_GATES = (Gate.KEEP, Gate.REWRITE, Gate.RESET)
_CONTEXT_EXCHANGES = 2  # what a search may lean on: the last exchanges, where the thread of a dialogue is


class CopyRewriter:
    """``domain.protocols.QueryRewriter`` on the weights of ``models/rewriter``."""

    def __init__(self, folder: Path, minilm: Path, *, beams: int = 4) -> None:
        """Loads the weights; raises ``Misconfigured`` when they are missing or damaged."""
        self._model: CopyBart = open_copy_bart(folder, minilm)
        self._pieces = WordPieces(minilm)
        self._beams = beams

    def rewrite(self, question: str, history: Sequence[Turn]) -> Query:
        exchanges = [(turn.query.text or turn.question, turn.answer.text) for turn in history]
        if not exchanges:
            return Query(question, question, Gate.KEEP, "the conversation starts here")
        said = history_text(exchanges)
        source = self._pieces.encode_pairs(question, [said], SOURCE_TOKENS)
        gate, probability = self._decide(question, source)
        context = tuple(f"{asked} {told}".strip() for asked, told in exchanges[-_CONTEXT_EXCHANGES:])
        if gate is Gate.RESET:
            return Query(question, question, gate, "a new topic: nothing of the conversation is used", probability)
        if gate is Gate.KEEP:
            return Query(question, question, gate, "the message says everything itself", probability, context)
        return self._rewritten(question, said, source, probability, context)

    def _decide(self, question: str, source: EncodedSource) -> tuple[Gate, float]:
        """The gate's decision, pronouns and fragments overruling it: those cannot stand alone."""
        with torch.inference_mode():
            _, logits = self._model.encode(source.input_ids, source.attention_mask)
        keep, rewrite, reset = logits[0].softmax(-1).tolist()
        leans = bool(pronouns_in(question)) or is_elliptic(question)
        if reset >= _RESET_AT and not leans:
            return Gate.RESET, reset
        if keep >= _KEEP_AT and not leans:
            return Gate.KEEP, keep
        return Gate.REWRITE, max(rewrite, 1 - keep - reset)

    def _rewritten(
        self, question: str, said: str, source: EncodedSource, probability: float, context: tuple[str, ...]
    ) -> Query:
        refused = ""
        for hypothesis in self._hypotheses(source):
            text = surface(hypothesis, source.text, self._pieces.vocabulary)
            if words_of(text) == words_of(question):
                reason = "nothing in the conversation completes it"
                return Query(question, question, Gate.KEEP, reason, probability, context)
            broken = broken_invariant(question, text, said)
            if broken is None:
                return Query(text, question, Gate.REWRITE, _reason(question), probability, context)
            refused = refused or f"; a rewrite was refused because {broken}"
        reason = f"searched as typed, with what was said before{refused}"
        return Query(question, question, Gate.KEEP, reason, probability, context)

    def _hypotheses(self, source: EncodedSource) -> tuple[Hypothesis, ...]:
        found: tuple[Hypothesis, ...] = ()
        for step in beam_search(
            self._model, source.input_ids, source.attention_mask, beams=self._beams, max_tokens=_MAX_TOKENS
        ):
            if isinstance(step, tuple):
                found = tuple(h for h in step if h.finished)
        return found


def _reason(question: str) -> str:
    pronouns = pronouns_in(question)
    if pronouns:
        return f"“{pronouns[0]}” stands for something said before"
    return "completed from the conversation"
