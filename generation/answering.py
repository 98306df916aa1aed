"""Writes drafts from the evidence with the copy BART, by default reading every passage apart and together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from domain.conversation import Turn
from domain.errors import Misconfigured
from domain.passage import RetrievedPassage
from domain.protocols import Draft, PassageReader
from generation.copy_fusing import rag_sequence_search
from generation.decoding import Hypothesis, Step, beam_search
from generation.fusing import fair_shares
from generation.seq2seq import FusionMode
from generation.seq2seq_answering import best_first, passage_prior, readable, what_is_missing
from generation.shortening import Shortened, shorten
from generation.surface import surface
from generation.tokenizing import EncodedSource, WordPieces
from generation.weights import open_to_serve

SOURCE_TOKENS = 256  # question, heading and passage; the product's chunks are at most 180 words
CONCAT_TOKENS = 512  # all positions that MiniLM has


class CopyAnswerer:
    """``domain.protocols.AnswerGenerator`` on the weights of ``models/answerer``."""

    def __init__(
        self,
        folder: Path,
        minilm: Path,
        *,
        beams: int = 4,
        max_tokens: int = 64,
        modes: Sequence[FusionMode] = (FusionMode.FID,),
        reader: PassageReader | None = None,
    ) -> None:
        """Loads the weights; ``fid`` is what they were trained for. ``reader`` says which sentences of a passage stay
        when it is too long (without one its beginning does). Raises ``Misconfigured`` when the weights are missing or
        damaged, or there is no mode."""
        if not modes:
            raise Misconfigured(f"Answers are to be written by no mode at all; choose of: {', '.join(FusionMode)}.")
        self._model = open_to_serve(folder, minilm)
        self._pieces = WordPieces(minilm)
        self._beams, self._max_tokens, self._modes, self._reader = beams, max_tokens, tuple(modes), reader

    def stream(
        self,
        question: str,
        history: Sequence[Turn],  # noqa: ARG002  # the protocol's; see the docstring
        evidence: Sequence[RetrievedPassage],
    ) -> Iterator[str | tuple[Draft, ...]]:
        """Growing text of what all beams of the first mode agree on, then the drafts of all modes, best first per
        token. ``question`` is standalone, so ``history`` adds nothing this model was trained to use."""
        found: list[Draft] = []
        shown = ""
        for number, mode in enumerate(self._modes if evidence else ()):
            passages = self._fitting(mode, question, evidence)
            source = self._encoded(mode, question, passages)
            for step in self._search(mode, source, passage_prior(evidence)):
                if isinstance(step, Step):
                    shown = shown if number else surface(step, source.text, self._pieces.vocabulary)
                    yield shown
                else:
                    found += self._drafts(step, source, mode, what_is_missing(passages))
        yield best_first(found)

    def _fitting(self, mode: FusionMode, question: str, evidence: Sequence[RetrievedPassage]) -> list[Shortened]:
        """The passages as they fit into one source each, or into one together."""
        together = mode is FusionMode.CONCAT
        lengths = [self._pieces.count(one.passage.searchable) for one in evidence]
        room = self._pieces.room_beside(question, CONCAT_TOKENS if together else SOURCE_TOKENS)
        rooms = fair_shares(lengths, room) if together else [room] * len(evidence)
        whole = [Shortened(one.passage.heading, one.passage.text) for one in evidence]
        if all(length <= most for length, most in zip(lengths, rooms, strict=True)):
            return whole
        passages = readable(question, evidence, self._reader)
        return [shorten(one, most, self._count) for one, most in zip(passages, rooms, strict=True)]

    def _count(self, heading: str, text: str) -> int:
        return self._pieces.count(_searchable(heading, text))

    def _encoded(self, mode: FusionMode, question: str, passages: Sequence[Shortened]) -> EncodedSource:
        texts = [_searchable(one.heading, one.text) for one in passages]
        if mode is FusionMode.CONCAT:
            return self._pieces.encode_pairs(question, ["\n".join(texts)], CONCAT_TOKENS)
        return self._pieces.encode_pairs(question, texts, SOURCE_TOKENS)

    def _search(
        self, mode: FusionMode, source: EncodedSource, prior: Sequence[float]
    ) -> Iterator[Step | tuple[Hypothesis, ...]]:
        ids, mask, beams, most = source.input_ids, source.attention_mask, self._beams, self._max_tokens
        if mode is FusionMode.RAG_SEQUENCE:
            return rag_sequence_search(self._model, ids, mask, beams=beams, max_tokens=most, log_prior=prior)
        mixed = prior if mode is FusionMode.RAG_TOKEN else None
        return beam_search(self._model, ids, mask, beams=beams, max_tokens=most, log_prior=mixed)

    def _drafts(
        self, hypotheses: Sequence[Hypothesis], source: EncodedSource, mode: FusionMode, missing: str
    ) -> list[Draft]:
        by = "" if mode is FusionMode.FID else f"{mode} "  # what it was trained for goes without saying
        texts = [(surface(one, source.text, self._pieces.vocabulary), one) for one in hypotheses]
        return [
            Draft(
                text,
                one.log_probability,
                len(one.ids) + 1,
                f"{by}beam {number}{'' if one.finished else ', cut off'}{missing}",
                one.finished,
            )
            for number, (text, one) in enumerate((pair for pair in texts if pair[0]), 1)
        ]


def _searchable(heading: str, text: str) -> str:
    """As ``Passage.searchable``, which the model was trained to read."""
    return f"{heading}\n{text}" if heading else text
