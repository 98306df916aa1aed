"""The two towers of the bi-encoder, as one sentence-transformers model: built, frozen, interpolated, opened again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from safetensors.torch import load_file
from sentence_transformers import SentenceTransformer, SentenceTransformerModelCardData
from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Router, Transformer
from torch import Tensor, nn

from domain.errors import Misconfigured
from training.minilm import minilm_folder
from training.ranking import Similarity
from training.starts import start_folder

Towers = Literal["shared", "separate"]
PoolingMode = Literal["mean", "cls"]

MAX_TOKENS = 256  # as retrieval/encoders.py serves MiniLM
WORD_EMBEDDINGS = "embeddings.word_embeddings.weight"
_SIMILARITY_NAMES: Mapping[Similarity, str] = {"dot": "dot", "cosine": "cosine", "l2": "euclidean"}
_NOT_LOADABLE = (OSError, ValueError, KeyError, RuntimeError)


@dataclass(frozen=True, slots=True)
class TowerOptions:
    """How the towers are made.

    ``start``: a folder with safetensors ("": all-MiniLM-L6-v2). ``towers``: one encoder for queries and
    passages, or one each. ``pooling``: the mean of the token states, or the first token's as DPR has it.
    ``freeze_words``: keep the word embeddings as they are (None: when starting from MiniLM, whose word embeddings
    the product has already and shipped weights go without).
    """

    start: str = ""
    towers: Towers = "shared"
    similarity: Similarity = "cosine"
    pooling: PoolingMode = "mean"
    max_tokens: int = MAX_TOKENS
    freeze_words: bool | None = None

    @property
    def words_frozen(self) -> bool:
        """Whether the word embeddings keep still."""
        return not self.start if self.freeze_words is None else self.freeze_words

    @property
    def is_lean(self) -> bool:
        """Whether MiniLM's package can supply the word embeddings, so that the weights need not."""
        return not self.start and self.towers == "shared" and self.words_frozen


def build_towers(options: TowerOptions, device: str = "cpu") -> SentenceTransformer:
    """Both towers on their start weights. ``encode_query`` and ``encode_document`` pick the tower.

    Vectors have length 1 where the similarity is the cosine. Raises ``Misconfigured`` when ``start`` cannot be
    loaded.
    """
    if options.towers == "shared":
        modules = _tower(options)
    else:
        modules = [Router.for_query_document(_tower(options), _tower(options))]
    if options.similarity == "cosine":
        modules = [*modules, Normalize()]
    card = SentenceTransformerModelCardData(local_files_only=True, generate_widget_examples=False)
    model = SentenceTransformer(modules=modules, device=device, model_card_data=card)
    model.similarity_fn_name = _SIMILARITY_NAMES[options.similarity]
    if options.words_frozen:
        for encoder in encoders(model).values():
            encoder.get_input_embeddings().weight.requires_grad_(False)
    return model


def encoders(model: SentenceTransformer) -> dict[str, Any]:
    """The transformers model behind each tower: ``query`` and ``document``, the same one where they share it."""
    return {task: modules[0].auto_model for task, modules in _routes(model).items()}


def tokenizer_of(model: SentenceTransformer, task: str) -> Any:
    """The tokenizer of a tower."""
    return _routes(model)[task][0].tokenizer


def interpolated(tuned: Mapping[str, Tensor], start: Mapping[str, Tensor], a: float) -> dict[str, Tensor]:
    """θ = a·θ_tuned + (1 − a)·θ_start (WiSE-FT, Wortsman et al. 2022): what was learnt, without what was forgotten.

    Exactly ``start`` at 0 and ``tuned`` at 1; what are not real numbers (positions) stays as it is.
    """
    return {
        name: start[name].lerp(value, a) if value.is_floating_point() else value.clone()
        for name, value in tuned.items()
    }


def snapshot(model: nn.Module) -> dict[str, Tensor]:
    """A copy of the weights, on the processor."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


def open_lean(folder: Path, config: Mapping[str, Any]) -> SentenceTransformer:
    """MiniLM with the weights of a shared tower that was written without its word embeddings.

    ``config`` is what stands in the folder's ``config.json``. Raises ``Misconfigured`` when the weights do not fit.
    """
    options = TowerOptions(
        similarity=config["similarity"], pooling=config["pooling"], max_tokens=int(config["max_tokens"])
    )
    model = build_towers(options)
    state = loaded(str(folder), lambda: load_file(folder / "model.safetensors"))
    missing, unexpected = encoders(model)["query"].load_state_dict(state, strict=False)
    wrong = [*unexpected, *(name for name in missing if name != WORD_EMBEDDINGS and not name.startswith("pooler."))]
    if wrong:
        raise Misconfigured(
            f"{folder} does not hold the weights of a MiniLM tower ({wrong[0]!r} does not fit); give the folder that "
            "`colloquy train bi-encoder` wrote."
        )
    return model


def loaded(name: str, load: Callable[[], Any]) -> Any:
    """What ``load`` gives; ``Misconfigured`` naming ``name`` where it cannot be read."""
    try:
        return load()
    except _NOT_LOADABLE as error:
        reason = (str(error).strip().splitlines() or ["unreadable"])[0]
        raise Misconfigured(
            f"The model {name!r} cannot be loaded from safetensors ({reason}); give a folder whose weights are "
            "stored as safetensors."
        ) from error


def _tower(options: TowerOptions) -> list[Any]:
    name = str(start_folder(options.start) if options.start else minilm_folder())
    transformer = loaded(
        name, lambda: Transformer(name, max_seq_length=options.max_tokens, model_kwargs={"use_safetensors": True})
    )
    return [transformer, Pooling(transformer.get_embedding_dimension(), options.pooling)]


def _routes(model: SentenceTransformer) -> dict[str, Any]:
    first = model[0]
    return dict(first.sub_modules) if isinstance(first, Router) else {"query": model, "document": model}
