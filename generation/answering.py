"""Writes drafts from the evidence with the copy BART, reading every passage apart and together (fusion-in-decoder)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from domain.conversation import Turn
from domain.passage import RetrievedPassage
from domain.protocols import Draft
from generation.decoding import Step, beam_search
from generation.surface import surface
from generation.tokenizing import WordPieces
from generation.weights import open_to_serve

SOURCE_TOKENS = 256  # question, heading and passage; the product's chunks are at most 180 words


class CopyAnswerer:
    """``domain.protocols.AnswerGenerator`` on the weights of ``models/answerer``."""

    def __init__(self, folder: Path, minilm: Path, *, beams: int = 4, max_tokens: int = 64) -> None:
        """Loads the weights; raises ``Misconfigured`` when they are missing or damaged."""
        self._model = open_to_serve(folder, minilm)
        self._pieces = WordPieces(minilm)
        self._beams, self._max_tokens = beams, max_tokens

    def stream(
        self,
        question: str,
        history: Sequence[Turn],  # noqa: ARG002  # the protocol's; see the docstring
        evidence: Sequence[RetrievedPassage],
    ) -> Iterator[str | tuple[Draft, ...]]:
        """Growing text of what all beams agree on, then the drafts. ``question`` is standalone, so ``history`` adds
        nothing this model was trained to use."""
        if not evidence:
            yield ()
            return
        source = self._pieces.encode_pairs(question, [one.passage.searchable for one in evidence], SOURCE_TOKENS)
        for step in beam_search(
            self._model, source.input_ids, source.attention_mask, beams=self._beams, max_tokens=self._max_tokens
        ):
            if isinstance(step, Step):
                yield surface(step, source.text, self._pieces.vocabulary)
            else:
                yield tuple(
                    Draft(
                        surface(hypothesis, source.text, self._pieces.vocabulary),
                        hypothesis.log_probability,
                        len(hypothesis.ids) + 1,
                        f"beam {number}" if hypothesis.finished else f"beam {number}, cut off",
                    )
                    for number, hypothesis in enumerate(step, 1)
                )
