"""The settings every training command shares, and how their trainers run.

All of them run on transformers' trainers (``Seq2SeqTrainer``, sentence-transformers' own), which use accelerate: the
same command under ``accelerate launch`` takes several GPUs. Checkpoints hold model, optimiser, schedule and random
state; ``resume=True`` goes on from the newest whole one and gives the same loss curve as an unbroken run, even after
``kill -9``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Seq2SeqTrainer, Seq2SeqTrainingArguments

from domain.errors import Misconfigured
from training.curves import draw_curve, write_curve
from training.development import Development


@dataclass(frozen=True, slots=True)
class LoopSettings:
    """How long and how fast to train.

    ``new_rate`` is the learning rate of parts that start from noise or from another task's weights (decoder, heads),
    ``old_rate`` that of the pretrained encoder. ``patience``: stop after so many measurements on the development
    set without a better one (None: never).
    """

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
    patience: int | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """What a run did: ``best`` are the development figures of the weights that were kept ({} without any)."""

    steps: int
    examples: int
    seconds: float
    device: str
    best: dict[str, float]


def train(
    model: nn.Module,
    examples: Any,
    collate: Callable[[list[Any]], dict[str, Tensor]],
    settings: LoopSettings,
    is_new: Callable[[str], bool],
    development: Development | None = None,
) -> Trained:
    """Trains ``model`` in place for ``settings.steps`` steps with the loss it computes itself.

    ``examples`` is a sized, indexable collection of dictionaries with ``input_ids`` (for batching like with like);
    ``collate`` makes a batch of them; ``is_new`` says by parameter name which learning rate applies.
    """
    trainer = _OwnLossTrainer(
        model=model,
        args=Seq2SeqTrainingArguments(**common_arguments(settings), train_sampling_strategy="group_by_length"),
        train_dataset=examples,
        data_collator=collate,
        optimizers=(optimizer(model, settings, is_new), None),
    )
    return run(trainer, settings, development)


def common_arguments(settings: LoopSettings) -> dict[str, Any]:
    """Keyword arguments for any of transformers' ``TrainingArguments``.

    bfloat16 on GPUs, and on processors whose instructions multiply it (measured on two cores with AVX-512: 1.4 times
    as fast; where they are missing it is emulated, 80 times slower); the weights stay float32. Raises
    ``Misconfigured`` for ``device="cuda"`` on a machine without.
    """
    cuda = torch.cuda.is_available()
    if settings.device == "cuda" and not cuda:
        raise Misconfigured("--device cuda: this machine has no CUDA device. Use --device auto or cpu.")
    on_cpu = settings.device == "cpu" or not cuda
    return {
        "output_dir": str(settings.output),
        "max_steps": settings.steps,
        "per_device_train_batch_size": settings.batch_size,
        "gradient_accumulation_steps": settings.accumulate,
        "learning_rate": settings.new_rate,
        "lr_scheduler_type": "linear",
        "warmup_steps": settings.warmup_steps,
        "max_grad_norm": 1.0,
        "bf16": multiplies_bfloat16() if on_cpu else True,
        "use_cpu": on_cpu,
        "seed": settings.seed,
        "data_seed": settings.seed,
        "save_steps": settings.save_steps,
        "save_total_limit": 1,
        "logging_steps": 25,
        "report_to": "none",
        "remove_unused_columns": False,
        "dataloader_num_workers": 0,
        "disable_tqdm": False,
    }


def multiplies_bfloat16() -> bool:
    """Whether this processor has instructions for products of bfloat16 (AVX-512 BF16, AMX, ARMv8.6 BF16)."""
    capabilities = torch.cpu.get_capabilities()
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))


def optimizer(model: nn.Module, settings: LoopSettings, is_new: Callable[[str], bool]) -> torch.optim.Optimizer:
    """AdamW with the two learning rates of ``settings`` over the parameters that learn."""
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    groups = [
        {"params": [p for name, p in named if is_new(name)], "lr": settings.new_rate},
        {"params": [p for name, p in named if not is_new(name)], "lr": settings.old_rate},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], weight_decay=0.01)


def run(trainer: Any, settings: LoopSettings, development: Development | None = None) -> Trained:
    """Runs a transformers trainer to its end: development figures, early stopping, the best weights put back.

    Goes on from the newest whole checkpoint in ``settings.output``; writes ``curve.csv`` and ``curve.png`` there.
    """
    if development is not None:
        development.attach(trainer, settings)
    checkpoint = newest_checkpoint(settings.output) if settings.resume else None
    with _fast_matrices():
        done = trainer.train(resume_from_checkpoint=checkpoint and str(checkpoint))
    # bf16 for training only: accelerate would leave its autocast on the model, and on whatever is measured after.
    trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
    best = development.restore_best(trainer.model) if development is not None else {}
    write_curve(settings.output / "curve.csv", trainer.state.log_history)
    draw_curve(settings.output / "curve.csv", settings.output / "curve.png")
    return Trained(
        steps=trainer.state.global_step,
        examples=trainer.state.global_step * trainer.args.train_batch_size * settings.accumulate,
        seconds=float(done.metrics["train_runtime"]),
        device=str(trainer.args.device),
        best=best,
    )


def newest_checkpoint(folder: Path) -> Path | None:
    """The checkpoint with the highest step that was written to its end; one cut short by a crash is passed over.

    The trainer writes ``trainer_state.json`` last, so a folder that holds it whole is whole.
    """
    found = sorted(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]), reverse=True)
    return next((path for path in found if _is_whole(path / "trainer_state.json")), None)


def _is_whole(state: Path) -> bool:
    try:
        json.loads(state.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return True


@contextmanager
def _fast_matrices() -> Iterator[None]:
    """TF32 on GPUs while it lasts: bf16's range with more digits, for what autocast leaves in float32."""
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("high")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)


class _OwnLossTrainer(Seq2SeqTrainer):  # type: ignore[misc]  # transformers ships no types for it
    """Takes the loss that the model itself computes."""

    def compute_loss(self, model: nn.Module, inputs: dict[str, Tensor], **_: Any) -> Tensor:
        loss: Tensor = model(**inputs).loss
        return loss
