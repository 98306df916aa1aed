"""The parts that evaluations measure, just as the assistant is made of them."""

from __future__ import annotations

from bot.assembly import MODELS, Colloquy
from domain.protocols import PassageEncoder, Retriever
from retrieval.encoders import MiniLMEncoder
from settings import Settings


def retrievers(colloquy: Colloquy, knowledge_base: str) -> dict[str, Retriever]:
    """``fusion`` alone, and ``reranked``, threshold included as in a chat, where the reader's weights are there."""
    found: dict[str, Retriever] = {"fusion": colloquy.retriever(knowledge_base, rerank=False)}
    if (MODELS / "reader" / "model.safetensors").is_file():
        found["reranked"] = colloquy.retriever(knowledge_base)
    return found


def encoder(settings: Settings) -> PassageEncoder:
    """The shipped encoder, from the cache that the assistant uses."""
    return MiniLMEncoder(settings.data_dir / "models")
