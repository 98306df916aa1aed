"""Trains a cross-encoder: one logit that orders passages and says whether one of them answers the query.

Any encoder with a sequence-classification head will do. Binary cross-entropy on near negatives (Nogueira & Cho 2019),
then one temperature (Guo et al. 2017) fitted on development pairs. The temperature is divided into the last layer
itself, so that σ(logit) is the calibrated probability in whatever library opens the folder; ``config.json`` names it
as ``calibration_temperature``. (``temperature`` alone is a word of generation, which transformers refuses there.)
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from datasets import Dataset
from sentence_transformers import CrossEncoder
from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss
from torch import nn

from domain.errors import Misconfigured
from training import loop
from training.calibration import expected_calibration_error, fit_temperature, negative_log_likelihood, roc_auc
from training.cards import READING_SOURCES, Card
from training.development import Development
from training.minilm import minilm_folder
from training.pairs import Pair, Pairs, mined_pairs, reading_pairs
from training.quantizing import quantize
from training.starts import start_folder

_FOLDED_WITHIN = 1e-3  # of the largest logit, against logits / T: more means that the layer was not the last


@dataclass(frozen=True, slots=True)
class CrossEncoderOptions:
    """``start``: a folder (MiniLM itself when None). ``tokens``: the window of query and passage.

    ``train``: a file of mined rows in place of the reading sets. ``limit`` keeps that many training pairs (a
    rehearsal). ``quantize`` writes a CTranslate2 conversion to ``int8/`` beside the weights.
    """

    start: str | None = None
    tokens: int = 256
    train: Path | None = None
    limit: int | None = None
    quantize: Literal["int8"] | None = None


@dataclass(frozen=True, slots=True)
class Figures:
    """On pairs that nothing was chosen on: AUROC of the start and of the trained model, expected calibration error
    and negative log-likelihood (nats) without and with the temperature."""

    pairs: int
    auroc_before: float
    auroc_after: float
    ece_before: float
    ece_after: float
    nll_before: float
    nll_after: float
    temperature: float


def cross_encoder_card(figures: Figures, files: Sequence[str] = ()) -> Card:
    """The card of a trained cross-encoder; ``files``: what it was trained on in place of the reading sets."""
    return Card(
        model="cross-encoder",
        what="the probability that a passage answers a query: reranking and “nothing here answers this” in one.",
        architecture="the encoder it was started from (all-MiniLM-L6-v2 by default) with one output; the temperature "
        "is folded into the last layer, so σ(logit) is calibrated as it stands.",
        sources=files or READING_SOURCES,
        command="",
        figures=(
            f"AUROC {figures.auroc_before:.3f} at the start, {figures.auroc_after:.3f} trained; expected calibration "
            f"error {figures.ece_before:.3f} without and {figures.ece_after:.3f} with temperature "
            f"{figures.temperature:.2f}; on {figures.pairs} held-out pairs that nothing was chosen on",
        ),
        limits=("English.",),
    )


def train_cross_encoder(
    data: Path | None,
    settings: loop.LoopSettings,
    destination: Path,
    options: CrossEncoderOptions | None = None,
) -> tuple[loop.Trained, Figures]:
    """Trains, calibrates, and writes a folder that ``CrossEncoder`` and ``AutoModelForSequenceClassification`` open.

    ``figures.json`` and the curve lie beside the weights. Raises ``Misconfigured`` when there are neither ``data``
    nor ``options.train``, when the start cannot be opened, or when a development half lacks one of the labels.
    """
    options = options or CrossEncoderOptions()
    pairs = _pairs(data, settings.seed, options)
    torch.manual_seed(settings.seed)
    model = open_cross_encoder(
        str(start_folder(options.start) if options.start else minilm_folder()), options.tokens, settings.device
    )
    before = _logits(model, pairs.report)
    trainer = _trainer(model, pairs, settings)
    trained = loop.run(trainer, settings, Development(lambda: _measured(model, pairs.choose)))
    temperature = fit_temperature(_logits(model, pairs.choose), _labels(pairs.choose))
    after = _logits(model, pairs.report)
    fold_temperature(model, temperature, [(pair.query, pair.passage) for pair in pairs.choose[:4]])
    figures = _figures(before, after, _labels(pairs.report), temperature)
    _export(model, destination, figures, settings)
    if options.quantize:
        quantize(destination, destination / options.quantize)
    return trained, figures


def open_cross_encoder(name: str, tokens: int, device: str = "auto") -> Any:
    """The model ``name`` (folder or hub name) with one output, in float32 from safetensors, its head new if it had
    another. Raises ``Misconfigured`` when it cannot be opened."""
    try:
        return CrossEncoder(
            name,
            num_labels=1,
            max_length=tokens,
            device=None if device == "auto" else device,
            local_files_only=Path(name).is_dir(),
            model_kwargs={"use_safetensors": True, "dtype": torch.float32, "ignore_mismatched_sizes": True},
            activation_fn=nn.Sigmoid(),
        )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = (str(error).strip().splitlines() or ["unreadable"])[0]
        raise Misconfigured(
            f"The model {name!r} cannot be opened as a cross-encoder ({reason}); give a folder or hub name of an "
            "encoder whose weights are stored as safetensors."
        ) from error


def fold_temperature(model: Any, temperature: float, probe: Sequence[tuple[str, str]]) -> None:
    """Divides the last layer of ``model`` by ``temperature`` and notes it in the configuration.

    ``probe``: pairs on which the effect is checked. Raises ``Misconfigured`` when no layer makes the logit alone.
    """
    layers = [m for m in model.modules() if isinstance(m, nn.Linear) and m.out_features == 1]
    if not layers:
        raise Misconfigured(f"{type(model.model).__name__} has no linear layer with one output; choose another start.")
    wanted = np.asarray(_scores(model, probe)) / temperature
    with torch.no_grad():
        for parameter in layers[-1].parameters():
            parameter.div_(temperature)
    if not np.allclose(_scores(model, probe), wanted, rtol=0, atol=_FOLDED_WITHIN * np.abs(wanted).max(initial=1.0)):
        raise Misconfigured(
            f"The last layer of {type(model.model).__name__} does not make the logit alone, so it cannot be "
            "calibrated; choose another start."
        )
    model.model.config.calibration_temperature = temperature


def _pairs(data: Path | None, seed: int, options: CrossEncoderOptions) -> Pairs:
    if options.train is not None:
        found = mined_pairs(options.train, seed)
    elif data is not None:
        found = reading_pairs(data, seed)
    else:
        raise Misconfigured("There is nothing to train on; give --data a folder or --train a file of mined rows.")
    for name, half in (("choosing", found.choose), ("reporting", found.report)):
        if len(set(_labels(half))) < 2:
            raise Misconfigured(
                f"The {len(half)} held-out pairs for {name} do not hold both labels; give more rows, each with "
                "a positive and negatives."
            )
    return Pairs(found.train[: options.limit], found.choose, found.report)


def _trainer(model: Any, pairs: Pairs, settings: loop.LoopSettings) -> Any:
    columns = {
        "query": [pair.query for pair in pairs.train],
        "passage": [pair.passage for pair in pairs.train],
        "label": [float(pair.label) for pair in pairs.train],
    }
    encoder = f"0.model.{model.model.base_model_prefix}."
    return _Trainer(
        model=model,
        args=CrossEncoderTrainingArguments(**loop.common_arguments(settings)),
        train_dataset=Dataset.from_dict(columns),
        loss=BinaryCrossEntropyLoss(model),
        optimizers=(loop.optimizer(model, settings, lambda name: not name.startswith(encoder)), None),
    )


class _Trainer(CrossEncoderTrainer):  # type: ignore[misc]  # sentence-transformers' types are not followed
    """Writes no automatic card: it would quote sentences of the training data."""

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Leaves the callback out."""


def _scores(model: Any, pairs: Sequence[tuple[str, str]]) -> list[float]:
    """Raw logits, in order."""
    found: list[float] = model.predict(list(pairs), activation_fn=nn.Identity(), show_progress_bar=False).tolist()
    return found


def _logits(model: Any, pairs: Sequence[Pair]) -> list[float]:
    return _scores(model, [(pair.query, pair.passage) for pair in pairs])


def _labels(pairs: Sequence[Pair]) -> list[int]:
    return [pair.label for pair in pairs]


def _measured(model: Any, pairs: Sequence[Pair]) -> dict[str, float]:
    logits, labels = _logits(model, pairs), _labels(pairs)
    return {"dev_loss": negative_log_likelihood(logits, labels), "dev_auroc": roc_auc(logits, labels)}


def _figures(before: Sequence[float], after: Sequence[float], labels: Sequence[int], temperature: float) -> Figures:
    cooled = [logit / temperature for logit in after]
    return Figures(
        pairs=len(labels),
        auroc_before=roc_auc(before, labels),
        auroc_after=roc_auc(after, labels),
        ece_before=expected_calibration_error(_sigmoid(after), labels),
        ece_after=expected_calibration_error(_sigmoid(cooled), labels),
        nll_before=negative_log_likelihood(after, labels),
        nll_after=negative_log_likelihood(cooled, labels),
        temperature=temperature,
    )


def _sigmoid(logits: Sequence[float]) -> list[float]:
    found: list[float] = torch.tensor(logits, dtype=torch.float64).sigmoid().tolist()
    return found


def _export(model: Any, destination: Path, figures: Figures, settings: loop.LoopSettings) -> None:
    destination.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(str(destination), create_model_card=False)
    (destination / "figures.json").write_text(json.dumps(asdict(figures), indent=2) + "\n", "utf-8")
    for name in ("curve.csv", "curve.png"):
        shutil.copyfile(settings.output / name, destination / name)
