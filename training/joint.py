"""Trains retriever and answerer together (RAG, Lewis et al. 2020): gradients of the answer reach the question tower.

Only questions and answers are needed. Runs on transformers' trainer as all training here does; what is its own is the
index, which is searched at every step, is part of every checkpoint, and is made anew where the passage tower learns.
"""

from __future__ import annotations

import logging
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments, TrainerCallback

from domain.errors import Misconfigured
from training import loop
from training.cards import Card
from training.development import Development
from training.joint_data import JointCorpus, Passage
from training.joint_decoding import Mode
from training.joint_model import JointModel, JointOutput, Marginal, Outcomes
from training.joint_reward import AnswerF1, Baseline, Reinforce, Reward
from training.joint_towers import PassageTower, Retriever, open_towers
from training.joint_writers import open_writer
from training.starts import model_name
from training.tower_export import export_sentence_transformers

_log = logging.getLogger(__name__)

TOWERS_FOLDER, GENERATOR_FOLDER = "towers", "generator"
"""Where the two models are written inside the destination."""


@dataclass(frozen=True, slots=True)
class JointOptions:
    """``towers``: a folder ("": MiniLM); ``start``: the folder of the answerer. ``k``: passages read a
    question. ``refresh_every``: steps between two encodings of the whole corpus, where the passage tower learns.
    ``tower_rate``: learning rate of the towers, 0 keeps them still (the separate start, or a control).
    ``reinforce_weight``: 0 leaves REINFORCE out. ``window``, ``answer_tokens``: tokens of a source and of an answer.
    """

    start: Path
    towers: str = ""
    mode: Mode = "rag-sequence"
    k: int = 5
    passages: PassageTower = "frozen"
    refresh_every: int = 50
    tower_rate: float = 5e-5
    reinforce_weight: float = 0.0
    support_weight: float = 0.5
    baseline: Baseline = "self-critical"
    window: int = 256
    answer_tokens: int = 32


@dataclass(frozen=True, slots=True)
class JointlyTrained:
    """The run, and what it did to the questions held out: ``before`` the first step and ``after`` the last."""

    trained: loop.Trained
    before: Outcomes
    after: Outcomes


def train_joint(
    corpus: JointCorpus, settings: loop.LoopSettings, destination: Path, options: JointOptions, f1: AnswerF1
) -> JointlyTrained:
    """Trains on ``corpus.learnt``; the weights kept are those with the best F1 on ``corpus.development``.

    Decoder and copy head learn at ``settings.new_rate``, the answerer's encoder (of a hub model: all of it) at
    ``settings.old_rate``, 0 for not at all. Writes ``towers/`` (a sentence-transformers folder) and ``generator/``
    to ``destination``. Raises ``Misconfigured`` for options that cannot work, before anything is trained.
    """
    _check(options, settings)
    torch.manual_seed(settings.seed)
    model = joint_model(corpus, settings, options, f1)
    trainer = make_trainer(model, len(corpus.learnt), settings, options)
    model.retriever.refresh()
    before = model.outcomes(corpus.held_out, f1)
    development = Development(lambda: _figures(model.outcomes(corpus.development, f1)), "dev_F1", "higher")
    trained = loop.run(trainer, settings, development)
    model.retriever.refresh()
    after = model.outcomes(corpus.held_out, f1)
    export_sentence_transformers(model.retriever.towers, destination / TOWERS_FOLDER)
    model.writer.write(destination / GENERATOR_FOLDER, settings.output)
    return JointlyTrained(trained, before, after)


def joint_model(corpus: JointCorpus, settings: loop.LoopSettings, options: JointOptions, f1: AnswerF1) -> JointModel:
    """Both models on their start weights, over the passages and learnt questions of ``corpus``; the index is empty
    until it is refreshed."""
    towers = open_towers(options.towers)
    if not options.tower_rate:
        towers.requires_grad_(False)
    retriever = Retriever(towers, [_searchable(passage) for passage in corpus.passages], options.passages)
    writer = open_writer(
        options.start, window=options.window, reply=options.answer_tokens, frozen=not settings.old_rate
    )
    marginal = Marginal(options.mode, options.k, options.reinforce_weight, options.answer_tokens)
    reinforce = Reinforce(Reward(f1, options.support_weight), options.baseline, options.answer_tokens)
    return JointModel(retriever, writer, corpus.passages, corpus.learnt, marginal, reinforce)


def make_trainer(model: JointModel, questions: int, settings: loop.LoopSettings, options: JointOptions) -> Any:
    """transformers' trainer over questions by number, with the index made anew where the passage tower learns.

    Raises ``Misconfigured`` when every learning rate is 0.
    """
    return _JointTrainer(
        model=model,
        args=Seq2SeqTrainingArguments(**loop.common_arguments(settings)),
        train_dataset=range(questions),
        data_collator=lambda rows: {"rows": torch.tensor(rows)},
        optimizers=(_optimizer(model, settings, options), None),
        callbacks=[_Refreshing(options.refresh_every)] if options.passages == "refreshed" else [],
    )


def joint_card(corpus: JointCorpus, options: JointOptions, figures: Sequence[str]) -> Card:
    """The card; the command line is filled in by who ran it."""
    reward = f", REINFORCE with weight {options.reinforce_weight:g}" if options.reinforce_weight else ""
    towers = model_name(Path(options.towers)) or "all-MiniLM-L6-v2"
    return Card(
        model="joint",
        what="a retriever's towers and an answerer, trained together on questions and answers alone (RAG).",
        architecture=f"towers {towers}, passage tower {options.passages}; "
        f"answerer {model_name(options.start)}; {options.mode} over {options.k} passages{reward}.",
        sources=(corpus.name,),
        command="",
        figures=tuple(figures),
        limits=(
            "Made for one corpus: the question tower has learnt its pages, and its vectors belong to this passage "
            "tower only.",
        ),
    )


class _Refreshing(TrainerCallback):  # type: ignore[misc]  # transformers ships no types for it
    """Makes the index anew every so many steps: before a checkpoint of the same step is written, so that it holds
    the new one."""

    def __init__(self, every: int) -> None:
        self._every = every

    def on_step_end(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        del args, control
        if state.global_step % self._every == 0:
            model.retriever.refresh()
            _log.info("step %d: the index was made anew", state.global_step)


class _JointTrainer(Seq2SeqTrainer):  # type: ignore[misc]  # as above
    """Takes the loss that the model itself computes."""

    def compute_loss(self, model: nn.Module, inputs: dict[str, Tensor], **_: Any) -> Tensor:
        output: JointOutput = model(**inputs)
        return output.loss


def _optimizer(model: JointModel, settings: loop.LoopSettings, options: JointOptions) -> torch.optim.Optimizer:
    """AdamW with a learning rate each for the towers, for new parts of the writer and for its pretrained ones."""
    rates = {"towers": options.tower_rate, "new": settings.new_rate, "old": settings.old_rate}
    groups: dict[str, list[Tensor]] = {name: [] for name in rates}
    for name, parameter in model.retriever.named_parameters():
        groups["towers"] += [parameter] if parameter.requires_grad and "pooler" not in name else []
    for name, parameter in model.writer.named_parameters():
        groups["new" if model.writer.is_new(name) else "old"] += [parameter] if parameter.requires_grad else []
    learning = [{"params": found, "lr": rates[name]} for name, found in groups.items() if found and rates[name]]
    if not learning:
        raise Misconfigured("Every learning rate is 0: set --tower-rate, --rate or --encoder-rate above 0.")
    return torch.optim.AdamW(learning, weight_decay=0.01)


def _figures(outcomes: Outcomes) -> dict[str, float]:
    """Means, in per cent but for the loss (nats an answer)."""
    return {
        "dev_loss": statistics.fmean(outcomes.loss),
        "dev_F1": 100 * statistics.fmean(outcomes.f1),
        "dev_R@1": 100 * statistics.fmean(outcomes.found_first),
        "dev_R@5": 100 * statistics.fmean(outcomes.found_in_five),
    }


def _check(options: JointOptions, settings: loop.LoopSettings) -> None:
    least: dict[str, tuple[float, float]] = {
        "--k": (options.k, 2),
        "--refresh-every": (options.refresh_every, 1),
        "--answer-tokens": (options.answer_tokens, 1),
        "--reinforce": (options.reinforce_weight, 0),
        "--support": (options.support_weight, 0),
        "--tower-rate": (options.tower_rate, 0),
        "--rate": (settings.new_rate, 0),
        "--encoder-rate": (settings.old_rate, 0),
    }
    for name, (value, lowest) in least.items():
        if not value >= lowest:
            raise Misconfigured(f"{name} is {value}; choose {lowest} or more.")
    if not options.start.exists():
        raise Misconfigured(f"There is no answerer in “{options.start}”; give --start the folder of one.")


def _searchable(passage: Passage) -> str:
    heading, text = passage
    return f"{heading}\n{text}" if heading else text
