"""The settings every training command shares, and the transformers ``Seq2SeqTrainer`` they run on.

Checkpoints hold model, optimiser, schedule and random state; ``resume=True`` goes on from the newest one and gives
the same loss curve as an unbroken run.
"""

from __future__ import annotations

import csv
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments, TrainerCallback
from transformers.trainer_utils import get_last_checkpoint

from domain.errors import Misconfigured

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """How long and how fast to train. ``new_rate`` is the learning rate of parts that start from noise or from
    another task's weights (decoder, heads), ``old_rate`` that of the pretrained encoder."""

    output: Path
    steps: int
    batch_size: int = 32
    accumulate: int = 1
    new_rate: float = 1e-3
    old_rate: float = 2e-4
    warmup_steps: int = 100
    device: str = "auto"
    seed: int = 0
    save_steps: int = 200
    evaluate_steps: int = 400
    resume: bool = True


def train(
    model: nn.Module,
    examples: Any,
    collate: Callable[[list[Any]], dict[str, Tensor]],
    settings: LoopSettings,
    is_new: Callable[[str], bool],
    evaluate: Callable[[], dict[str, float]] | None = None,
) -> None:
    """Trains ``model`` in place for ``settings.steps`` steps.

    ``examples`` is a sized, indexable collection of dictionaries with ``length`` (tokens, for batching like with
    like); ``collate`` makes a batch of them; ``is_new`` says by parameter name which learning rate applies;
    ``evaluate`` returns development figures, written with the losses to ``curve.csv`` in the output folder.
    """
    arguments = _arguments(settings)
    trainer = _Trainer(
        model=model,
        args=arguments,
        train_dataset=examples,
        data_collator=collate,
        optimizers=(_optimizer(model, settings, is_new), None),
    )
    if evaluate is not None:
        trainer.add_callback(_Evaluate(evaluate, settings.evaluate_steps))
    checkpoint = get_last_checkpoint(str(settings.output)) if settings.resume and settings.output.is_dir() else None
    trainer.train(resume_from_checkpoint=checkpoint)
    _write_curve(settings.output / "curve.csv", trainer.state.log_history)


def _arguments(settings: LoopSettings) -> Seq2SeqTrainingArguments:
    cuda = torch.cuda.is_available()
    if settings.device == "cuda" and not cuda:
        raise Misconfigured("--device cuda: this machine has no CUDA device. Use --device auto or cpu.")
    return Seq2SeqTrainingArguments(
        output_dir=str(settings.output),
        max_steps=settings.steps,
        per_device_train_batch_size=settings.batch_size,
        gradient_accumulation_steps=settings.accumulate,
        learning_rate=settings.new_rate,
        lr_scheduler_type="linear",
        warmup_steps=settings.warmup_steps,
        max_grad_norm=1.0,
        bf16=True,
        use_cpu=settings.device == "cpu" or not cuda,
        seed=settings.seed,
        data_seed=settings.seed,
        save_steps=settings.save_steps,
        save_total_limit=1,
        logging_steps=25,
        report_to="none",
        remove_unused_columns=False,
        train_sampling_strategy="group_by_length",
        dataloader_num_workers=0,
        disable_tqdm=False,
    )


def _optimizer(model: nn.Module, settings: LoopSettings, is_new: Callable[[str], bool]) -> torch.optim.Optimizer:
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    groups = [
        {"params": [p for name, p in named if is_new(name)], "lr": settings.new_rate},
        {"params": [p for name, p in named if not is_new(name)], "lr": settings.old_rate},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], weight_decay=0.01)


class _Trainer(Seq2SeqTrainer):  # type: ignore[misc]  # transformers ships no types for it
    """Takes the loss that the model itself computes."""

    def compute_loss(self, model: nn.Module, inputs: dict[str, Tensor], **_: Any) -> Tensor:
        loss: Tensor = model(**inputs).loss
        return loss


class _Evaluate(TrainerCallback):  # type: ignore[misc]
    """Adds development figures to the trainer's log every so many steps."""

    def __init__(self, evaluate: Callable[[], dict[str, float]], every: int) -> None:
        self.evaluate, self.every = evaluate, every

    def on_step_end(self, args: Any, state: Any, control: Any, model: nn.Module | None = None, **_: Any) -> None:
        if model is not None and (state.global_step % self.every == 0 or state.global_step == args.max_steps):
            model.eval()
            state.log_history.append({"step": state.global_step, **self.evaluate()})
            _log.info("%s", state.log_history[-1])
            model.train()


def _write_curve(path: Path, history: list[dict[str, float]]) -> None:
    columns = sorted({key for row in history for key in row} - {"step"})
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["step", *columns], restval="")
        writer.writeheader()
        writer.writerows(history)
