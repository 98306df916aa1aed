"""The parts that evaluations measure, just as the assistant is made of them."""

from __future__ import annotations

from collections.abc import Sequence

from bot.assembly import Colloquy
from bot.assembly_models import MODELS, shipped_encoder
from domain.conversation import Query
from domain.protocols import PassageEncoder, Retriever
from generation.decoding import Hypothesis, beam_search
from generation.rewriting import SOURCE_TOKENS
from generation.sources import history_text
from generation.surface import surface
from generation.tokenizing import WordPieces
from generation.weights import open_copy_bart
from retrieval.encoders import MiniLMEncoder, minilm_folder
from settings import Settings

REWRITE_TOKENS = 48  # as many as the rewriter writes in the product


def retrievers(colloquy: Colloquy, knowledge_base: str) -> dict[str, Retriever]:
    """``fusion`` alone, and ``reranked``, threshold included as in a chat, where the reader's weights are there."""
    found: dict[str, Retriever] = {"fusion": colloquy.retriever(knowledge_base, rerank=False)}
    if (MODELS / "reader" / "model.safetensors").is_file():
        found["reranked"] = colloquy.retriever(knowledge_base)
    return found


def encoder(settings: Settings) -> PassageEncoder:
    """The shipped encoder, from the cache that the assistant uses."""
    return shipped_encoder(settings.data_dir / "models")


def minilm(settings: Settings) -> PassageEncoder:
    """all-MiniLM-L6-v2 as its package ships it, unquantised."""
    return MiniLMEncoder(settings.data_dir / "models", compute_type="float32")


class ServedRewriter:
    """The rewriter as the assistant uses it: window, gate, guards and all."""

    def __init__(self, colloquy: Colloquy, knowledge_base: str) -> None:
        self._colloquy, self._knowledge_base = colloquy, knowledge_base

    def query(self, question: str, history: Sequence[tuple[str, str]]) -> Query:
        """What would be searched, and why."""
        return self._colloquy.replay(self._knowledge_base, question, history, until="rewrite").query

    def text(self, question: str, history: Sequence[tuple[str, str]]) -> str:
        """What would be searched."""
        return self.query(question, history).text


class ModelAlone:
    """The rewriter's model without gate, fragments and guards: its best beam, whatever it says."""

    def __init__(self, *, beams: int = 4) -> None:
        """Loads the shipped weights; raises ``Misconfigured`` when they are missing or damaged."""
        self._model = open_copy_bart(MODELS / "rewriter", minilm_folder())
        self._pieces, self._beams = WordPieces(minilm_folder()), beams

    def text(self, question: str, history: Sequence[tuple[str, str]]) -> str:
        """The best hypothesis as text."""
        source = self._pieces.encode_pairs(question, [history_text(history)], SOURCE_TOKENS)
        found: tuple[Hypothesis, ...] = ()
        for step in beam_search(
            self._model, source.input_ids, source.attention_mask, beams=self._beams, max_tokens=REWRITE_TOKENS
        ):
            found = step if isinstance(step, tuple) else found
        return surface(found[0], source.text, self._pieces.vocabulary) if found else question
