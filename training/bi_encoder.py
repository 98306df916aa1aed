"""Trains the bi-encoder that searches by meaning (DPR, Karpukhin et al. 2020): two towers and in-batch negatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, DatasetDict
from sentence_transformers import SentenceTransformer, SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer.training_args import BatchSamplers
from torch import Tensor

from domain.errors import Misconfigured
from training import loop
from training.cards import Card, write_card
from training.development import Development
from training.doc2dial_search import SearchTask
from training.ranking import MARGINS, SCALES, SIMILARITIES, Loss, ranking_loss
from training.retrieval_data import SOURCES, Gathered, RowSources, gather
from training.retrieval_rows import RetrievalRow, rows_of, searchable
from training.tower_export import check_dpr, export_dpr, export_sentence_transformers, export_towers
from training.towers import TowerOptions, build_towers, interpolated, snapshot

CUTOFFS = (1, 5, 10)
_WATCHED = "R@5"
_SCORED_AT_A_TIME = 64  # queries; their scores over every passage are one small matrix


@dataclass(frozen=True, slots=True)
class BiEncoderOptions:
    """What to train and what to write.

    ``scale`` and ``margin``: None takes that of ``training.ranking`` for the loss and similarity. ``mini_batch`` > 0
    caches gradients, so that a batch of any size fits into memory. ``interpolate``: the share a of the tuned weights
    in what is written, θ = a·θ_tuned + (1 − a)·θ_start. ``sentence_transformers`` and ``dpr``: folders to write the
    model to in those forms as well.
    """

    sources: RowSources
    towers: TowerOptions = field(default_factory=TowerOptions)
    loss: Loss = "nll"
    scale: float | None = None
    margin: float | None = None
    mini_batch: int = 0
    interpolate: float = 1.0
    sentence_transformers: Path | None = None
    dpr: Path | None = None


def train_bi_encoder(
    options: BiEncoderOptions, settings: loop.LoopSettings, destination: Path, limit: int | None = None
) -> loop.Trained:
    """Trains both towers at ``settings.old_rate`` and writes weights, card and curve to ``destination``.

    While it trains, recall on Doc2Dial's development turns is measured where ``sources.data`` is given, and the loss
    on ``sources.development`` where that is; the best weights are kept (by recall, where there are both). ``limit``
    keeps that many rows (a rehearsal). Raises ``Misconfigured`` for options and files that cannot work, before
    anything is trained.
    """
    _check(options)
    torch.manual_seed(settings.seed)
    model = build_towers(options.towers, _device(settings))
    if options.dpr is not None:
        check_dpr(model)
    start = snapshot(model)
    gathered = gather(options.sources, settings.seed, limit)
    task = gathered.doc2dial.development() if gathered.doc2dial is not None else None
    trained = _run(model, options, settings, gathered, task)
    if options.interpolate != 1:
        model.load_state_dict(interpolated(snapshot(model), start, options.interpolate))
    _export(model, options, destination, settings)
    figures = recalls(model, task, options.towers) if task is not None else {}
    write_card(destination, _card(options, figures), trained)
    return trained


def recalls(model: SentenceTransformer, task: SearchTask, options: TowerOptions) -> dict[str, float]:
    """``R@k`` in per cent: how many queries have an answering passage among the first k of an exact search."""
    encode = {"convert_to_tensor": True, "show_progress_bar": False}
    p = model.encode_document(list(task.passages), **encode)
    q = model.encode_query(list(task.queries), **encode)
    score, places = SIMILARITIES[options.similarity], []
    for start in range(0, len(task.queries), _SCORED_AT_A_TIME):
        scores = score(q[start : start + _SCORED_AT_A_TIME], p)  # (at most that many, passages)
        ranked = scores.topk(min(CUTOFFS[-1], len(p)), dim=1).indices.tolist()
        places += [_first(found, gold) for found, gold in zip(ranked, task.gold[start:], strict=False)]
    return {f"R@{k}": 100 * sum(place < k for place in places) / max(len(places), 1) for k in CUTOFFS}


def as_dataset(rows: Sequence[RetrievalRow]) -> DatasetDict:
    """Columns ``query``, ``positive``, ``negative_1`` …: one set for each number of negatives a row may have, since
    the rows of a batch must have the same columns."""
    groups: dict[int, list[RetrievalRow]] = {}
    for row in rows:
        groups.setdefault(len(row.negatives), []).append(row)
    return DatasetDict({f"{count} negatives": _columns(groups[count], count) for count in sorted(groups)})


def _columns(rows: Sequence[RetrievalRow], count: int) -> Dataset:
    columns = {"query": [row.query for row in rows], "positive": [searchable(row.positive) for row in rows]}
    for n in range(count):
        columns[f"negative_{n + 1}"] = [searchable(row.negatives[n]) for row in rows]
    return Dataset.from_dict(columns)


def _run(
    model: SentenceTransformer,
    options: BiEncoderOptions,
    settings: loop.LoopSettings,
    gathered: Gathered,
    task: SearchTask | None,
) -> loop.Trained:
    trainer = make_trainer(model, options, settings, gathered.rows)
    held_out = options.sources.development
    rows = list(rows_of(held_out, "dev", options.sources.negatives)) if held_out is not None else []
    held = as_dataset(rows) if rows else None

    def measure() -> dict[str, float]:
        found = recalls(model, task, options.towers) if task is not None else {}
        return {**found, "dev_loss": held_out_loss(trainer, held)} if held is not None else found

    if task is not None:
        return loop.run(trainer, settings, Development(measure, _WATCHED, "higher"))
    return loop.run(trainer, settings, Development(measure) if held is not None else None)


def make_trainer(
    model: SentenceTransformer, options: BiEncoderOptions, settings: loop.LoopSettings, rows: Sequence[RetrievalRow]
) -> Any:
    """sentence-transformers' trainer with the loss of ``options``; no text stands twice in a batch, or a query's own
    positive would count against it."""
    similarity = options.towers.similarity
    loss = ranking_loss(
        model,
        options.loss,
        similarity,
        scale=SCALES[similarity] if options.scale is None else options.scale,
        margin=MARGINS.get((options.loss, similarity), 0.0) if options.margin is None else options.margin,
        mini_batch=options.mini_batch,
    )
    data = as_dataset(rows)
    shared = {"learning_rate": settings.old_rate, "per_device_eval_batch_size": settings.batch_size}
    arguments = SentenceTransformerTrainingArguments(
        **{**loop.common_arguments(settings), **shared},
        batch_sampler=BatchSamplers.NO_DUPLICATES,
        router_mapping=_routes(data) if options.towers.towers == "separate" else {},
    )
    return _Trainer(model=model, args=arguments, train_dataset=data, loss=loss)


@torch.no_grad()
def held_out_loss(trainer: Any, data: DatasetDict) -> float:
    """The mean loss of a row of ``data`` in batches as they are trained on."""
    total, count = 0.0, 0
    for part in data.values():
        for inputs in trainer.get_eval_dataloader(part):
            size = len(inputs["query_input_ids"])
            with trainer.compute_loss_context_manager():
                loss: Tensor = trainer.compute_loss(trainer.model, inputs)
            total, count = total + loss.item() * size, count + size
    return total / max(count, 1)


class _Trainer(SentenceTransformerTrainer):  # type: ignore[misc]  # sentence-transformers' types are not followed
    """Writes no automatic card: it would quote sentences of the training data."""

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """Leaves the callback out."""


def _routes(data: DatasetDict) -> dict[str, str]:
    """Which tower reads which column."""
    columns = sorted({name for part in data.values() for name in part.column_names})
    return {name: "query" if name == "query" else "document" for name in columns}


def _first(found: Sequence[int], gold: frozenset[int]) -> float:
    return next((float(place) for place, passage in enumerate(found) if passage in gold), float("inf"))


def _device(settings: loop.LoopSettings) -> str:
    return "cuda" if settings.device != "cpu" and torch.cuda.is_available() else "cpu"


def _check(options: BiEncoderOptions) -> None:
    if not 0 <= options.interpolate <= 1:
        raise Misconfigured(f"--interpolate is {options.interpolate}; choose 0 (the start) to 1 (what was trained).")
    if options.sources.negatives < 0:
        raise Misconfigured(f"--negatives is {options.sources.negatives}; choose 0 or more hard negatives a row.")
    if options.scale is not None and options.scale <= 0:
        raise Misconfigured(f"--scale is {options.scale}; choose a number above 0.")


def _export(
    model: SentenceTransformer, options: BiEncoderOptions, destination: Path, settings: loop.LoopSettings
) -> None:
    export_towers(model, options.towers, destination, settings.output)
    if options.sentence_transformers is not None:
        export_sentence_transformers(model, options.sentence_transformers)
    if options.dpr is not None:
        export_dpr(model, options.dpr)


def _card(options: BiEncoderOptions, figures: Mapping[str, float]) -> Card:
    towers, sources = options.towers, options.sources
    words = "the word embeddings frozen" if towers.words_frozen else "all weights trained"
    limits = ["trained on English only"]
    if towers.similarity != "cosine":
        limits.append(f"trained for the similarity {towers.similarity}; a search over unit vectors orders otherwise")
    if towers.pooling != "cls":
        limits.append("an export for DPR's classes gives the first token's state, where this model takes the mean")
    return Card(
        model="bi-encoder",
        what="an encoder of queries and passages for search by meaning.",
        architecture=f"{towers.start or 'all-MiniLM-L6-v2'}, {towers.towers} towers, {towers.pooling} pooling over "
        f"{towers.max_tokens} tokens, {words}; {towers.similarity} similarity, {options.loss} loss.",
        sources=[*(SOURCES if sources.data is not None else ()), *(path.name for path in sources.train)],
        command=_command(options),
        figures=_lines(figures, options.interpolate),
        limits=limits,
    )


def _lines(figures: Mapping[str, float], a: float) -> list[str]:
    found = ", ".join(f"{name} {value:.1f}" for name, value in figures.items())
    mixed = f", with {a:g} of the trained weights and the rest of the start's" if a != 1 else ""
    return [f"what is written here{mixed}: {found} on Doc2Dial's development turns, exact search"] if found else []


def _command(options: BiEncoderOptions) -> str:
    towers, sources = options.towers, options.sources
    given = [f"--train {path.name}" for path in sources.train] + (["--data DATA"] if sources.data is not None else [])
    named = f"--loss {options.loss} --similarity {towers.similarity} --towers {towers.towers}"
    return f"colloquy train bi-encoder {' '.join(given)} {named} --interpolate {options.interpolate:g}"
