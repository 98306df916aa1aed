"""The retriever of joint training: two towers, the vectors of a small corpus, and an exact search with gradients.

B questions, P passages of the corpus, k of them found, D dimension.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any, Literal

import torch
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.modules import Router
from torch import Tensor, nn

from domain.errors import Misconfigured
from training.ranking import SCALES, SIMILARITIES, Similarity
from training.starts import start_folder
from training.towers import TowerOptions, build_towers, encoders, loaded, open_lean

PassageTower = Literal["frozen", "refreshed"]

_SIMILARITY_OF: dict[str, Similarity] = {"dot": "dot", "cosine": "cosine", "euclidean": "l2"}
_ENCODED_AT_A_TIME = 32


def open_towers(name: str) -> SentenceTransformer:
    """What ``colloquy train bi-encoder`` wrote, the folder of an encoder or sentence-transformers model, or MiniLM for
    "".

    Raises ``Misconfigured`` for what is no folder, and when it cannot be loaded.
    """
    if not name:
        return build_towers(TowerOptions())
    folder = start_folder(name)
    if (folder / "modules.json").is_file() or not (folder / "config.json").is_file():
        return _sentence_transformer(name)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    return open_lean(folder, config) if "pooling" in config else build_towers(TowerOptions(name))


def _sentence_transformer(name: str) -> SentenceTransformer:
    options = {"use_safetensors": True}
    model = loaded(name, lambda: SentenceTransformer(name, device="cpu", model_kwargs=options))
    if model.similarity_fn_name not in _SIMILARITY_OF:
        raise Misconfigured(
            f"The towers {name!r} compare by {model.similarity_fn_name!r}; give some that compare by "
            f"{', '.join(sorted(_SIMILARITY_OF))}."
        )
    return model


class Retriever(nn.Module):
    """Finds the passages of one corpus. ``vectors`` (P, D) is the index: a buffer, so that checkpoints hold it.

    ``frozen``: only the question tower learns, and the vectors never change. ``refreshed``: the passage tower learns
    too; what is found is encoded anew with gradients (REALM, Guu et al. 2020), while the search goes by vectors that
    are as old as the last ``refresh``.
    """

    vectors: Tensor

    def __init__(self, towers: SentenceTransformer, passages: Sequence[str], kind: PassageTower) -> None:
        super().__init__()
        self.kind = kind
        self.towers = _apart(towers) if kind == "frozen" else towers
        similarity = _SIMILARITY_OF[self.towers.similarity_fn_name]
        self._score, self._scale = SIMILARITIES[similarity], SCALES[similarity]
        self._passages = list(passages)
        if kind == "frozen":
            encoders(self.towers)["document"].requires_grad_(False)
        self.register_buffer("vectors", torch.zeros(len(self._passages), self.towers.get_embedding_dimension() or 0))

    def forward(self, questions: Sequence[str], k: int) -> tuple[Tensor, Tensor]:
        """The logits of p(z|x) of the nearest passages, and which they are, best first: (B, min(k, P)) twice.

        Gradients reach the question tower, and the passage tower where it learns.
        """
        q = self._encoded(questions, "query")
        scores = self._score(q, self.vectors)  # (B, P)
        places = scores.detach().topk(min(k, len(self._passages)), dim=1).indices
        if self.kind == "frozen" or not torch.is_grad_enabled():
            return self._scale * scores.gather(1, places).float(), places
        return self._scale * self._anew(q, places).float(), places

    @torch.no_grad()
    def refresh(self) -> None:
        """Encodes the whole corpus with the passage tower as it is now: the new index."""
        learning = self.training
        self.eval()
        for first in range(0, len(self._passages), _ENCODED_AT_A_TIME):
            texts = self._passages[first : first + _ENCODED_AT_A_TIME]
            self.vectors[first : first + len(texts)] = self._encoded(texts, "document").float()
        self.train(learning)

    def _anew(self, q: Tensor, places: Tensor) -> Tensor:
        """The scores of ``places`` (B, k) with their passages encoded once each, with gradients."""
        distinct, rows = torch.unique(places, return_inverse=True)
        p = self._encoded([self._passages[place] for place in distinct.tolist()], "document")
        found: Tensor = self._score(q, p).gather(1, rows)
        return found

    def _encoded(self, texts: Sequence[str], task: str) -> Tensor:
        features = self.towers.preprocess(list(texts), task=task)
        moved = {
            name: value.to(self.vectors.device) if isinstance(value, Tensor) else value
            for name, value in features.items()
        }
        vectors: Tensor = self.towers(moved, task=task)["sentence_embedding"]
        return vectors


def _apart(towers: SentenceTransformer) -> SentenceTransformer:
    """``towers`` with a passage tower of its own, equal to what it shared, so that it can stay still."""
    if isinstance(towers[0], Router):
        return towers
    modules: list[Any] = list(towers)
    made = SentenceTransformer(modules=[Router.for_query_document(modules, copy.deepcopy(modules))], device="cpu")
    made.similarity_fn_name = towers.similarity_fn_name
    return made
