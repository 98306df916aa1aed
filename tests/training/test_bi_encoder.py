"""The bi-encoder trains end to end in every kind: towers, losses, negatives, cached or not."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sentence_transformers import SentenceTransformer
from transformers import TrainerCallback

from domain.errors import Misconfigured
from tests.training.tiny_models import WORDS, tiny_bert
from training.bi_encoder import BiEncoderOptions, as_dataset, held_out_loss, make_trainer, recalls, train_bi_encoder
from training.doc2dial_search import SearchTask
from training.loop import LoopSettings, newest_checkpoint
from training.retrieval_data import RowSources, gather
from training.retrieval_rows import RetrievalRow, searchable, write_rows
from training.towers import TowerOptions, build_towers

TOPICS = WORDS[4:20]
PAGES = [("help", f"we send you the {topic}") for topic in TOPICS]


def topic_rows(negatives: int = 1) -> list[RetrievalRow]:
    """A question about each topic, its page, and the pages of the next topics as negatives."""
    return [
        RetrievalRow(
            f"what is it {topic}", page, tuple(PAGES[(n + step) % len(PAGES)] for step in range(1, negatives + 1))
        )
        for n, (topic, page) in enumerate(zip(TOPICS, PAGES, strict=True))
    ]


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_bert(tmp_path_factory.mktemp("bert")))


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    write_rows(path, topic_rows())
    return path


def settings(folder: Path, steps: int = 12, **more: Any) -> LoopSettings:
    chosen = {"batch_size": 8, "old_rate": 3e-3, "warmup_steps": 0, "device": "cpu", "evaluate_steps": steps, **more}
    return LoopSettings(folder, steps, **chosen)


def options(start: str, rows: Path, **more: Any) -> BiEncoderOptions:
    towers = {name: more.pop(name) for name in ("towers", "similarity", "pooling", "freeze_words") if name in more}
    return BiEncoderOptions(RowSources(train=(rows,), development=rows), TowerOptions(start, **towers), **more)


def curve(folder: Path) -> list[float]:
    """The losses on the rows held out, in the order of the steps."""
    with (folder / "curve.csv").open(encoding="utf-8") as file:
        return [float(row["dev_loss"]) for row in csv.DictReader(file) if row.get("dev_loss")]


@pytest.mark.parametrize(
    "kind",
    [
        {"towers": "shared", "similarity": "cosine", "loss": "nll"},
        {"towers": "separate", "similarity": "dot", "loss": "nll"},
        {"towers": "separate", "similarity": "cosine", "loss": "hinge", "mini_batch": 4},
        {"towers": "shared", "similarity": "l2", "loss": "bce"},
    ],
    ids=lambda kind: "-".join(str(value) for value in kind.values()),
)
def test_training_lowers_the_loss(start: str, rows: Path, tmp_path: Path, kind: dict[str, Any]) -> None:
    chosen = options(start, rows, **kind)
    before = loss_of(chosen, tmp_path)
    trained = train_bi_encoder(chosen, settings(tmp_path / "run", steps=30), tmp_path / "out")
    assert trained.steps == 30
    assert curve(tmp_path / "run")[-1] < 0.9 * before
    assert "bi-encoder" in (tmp_path / "out" / "README.md").read_text("utf-8")
    assert SentenceTransformer(str(tmp_path / "out"), device="cpu").encode_query(["what is it"]).shape == (1, 32)


def loss_of(chosen: BiEncoderOptions, folder: Path, model: SentenceTransformer | None = None) -> float:
    model = model or build_towers(chosen.towers)
    trainer = make_trainer(model, chosen, settings(folder / "before"), topic_rows())
    return held_out_loss(trainer, as_dataset(topic_rows()))


def test_what_is_written_is_what_was_trained(start: str, rows: Path, tmp_path: Path) -> None:
    written = {"sentence_transformers": tmp_path / "st", "dpr": tmp_path / "dpr"}
    chosen = options(start, rows, towers="separate", similarity="dot", pooling="cls", **written)
    train_bi_encoder(chosen, settings(tmp_path / "run", steps=4), tmp_path / "out")
    vectors = [SentenceTransformer(str(tmp_path / name), device="cpu").encode_query(["fee"]) for name in ("st", "out")]
    assert np.allclose(*vectors)
    assert (tmp_path / "dpr" / "question_encoder" / "model.safetensors").is_file()
    assert (tmp_path / "dpr" / "ctx_encoder" / "tokenizer_config.json").is_file()


def test_nothing_of_the_trained_weights_is_the_start(start: str, rows: Path, tmp_path: Path) -> None:
    train_bi_encoder(options(start, rows, interpolate=0.0), settings(tmp_path / "run", steps=2), tmp_path / "out")
    before = dict(build_towers(TowerOptions(start)).named_parameters())
    after = dict(SentenceTransformer(str(tmp_path / "out"), device="cpu").named_parameters())
    assert all(torch.equal(value, before[name]) for name, value in after.items())


def test_frozen_words_do_not_move(start: str, rows: Path, tmp_path: Path) -> None:
    train_bi_encoder(options(start, rows, freeze_words=True), settings(tmp_path / "run", steps=4), tmp_path / "out")
    before = dict(build_towers(TowerOptions(start)).named_parameters())
    after = dict(SentenceTransformer(str(tmp_path / "out"), device="cpu").named_parameters())
    still = {name for name, value in after.items() if torch.equal(value, before[name])}
    assert [name.endswith("word_embeddings.weight") for name in still if "pooler" not in name] == [True]


class StopAt(TrainerCallback):  # type: ignore[misc]
    """Ends a run early, as a crash would after its checkpoint."""

    def __init__(self, step: int) -> None:
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        control.should_training_stop = control.should_training_stop or state.global_step == self.step


def test_a_run_that_was_broken_off_ends_as_an_unbroken_one(start: str, rows: Path, tmp_path: Path) -> None:
    chosen = options(start, rows, towers="separate")
    train_bi_encoder(chosen, settings(tmp_path / "whole", steps=6), tmp_path / "a")
    rehearsal = settings(tmp_path / "broken", steps=6, save_steps=3)
    trainer = make_trainer(build_towers(chosen.towers), chosen, rehearsal, gather(chosen.sources).rows)
    trainer.add_callback(StopAt(3))
    trainer.train()
    assert newest_checkpoint(tmp_path / "broken") == tmp_path / "broken" / "checkpoint-3"
    train_bi_encoder(chosen, rehearsal, tmp_path / "b")
    first, second = (
        SentenceTransformer(str(tmp_path / name), device="cpu").encode_query(["fee"]) for name in ("a", "b")
    )
    assert np.allclose(first, second, atol=1e-5)


def test_rows_of_any_number_of_negatives_train_together(start: str, tmp_path: Path) -> None:
    mixed = [replace(row, negatives=row.negatives[: n % 3]) for n, row in enumerate(topic_rows(2))]
    parts = as_dataset(mixed)
    assert {name: part.column_names[2:] for name, part in parts.items()} == {
        "0 negatives": [],
        "1 negatives": ["negative_1"],
        "2 negatives": ["negative_1", "negative_2"],
    }
    write_rows(tmp_path / "mixed.jsonl", mixed)
    chosen = options(start, tmp_path / "mixed.jsonl", towers="separate")
    chosen = replace(chosen, sources=replace(chosen.sources, negatives=2, development=None))
    train_bi_encoder(chosen, settings(tmp_path / "run", steps=6), tmp_path / "out")
    assert (tmp_path / "out" / "modules.json").is_file()


def test_recall_counts_the_queries_that_find_an_answer(start: str) -> None:
    chosen = TowerOptions(start)
    passages = tuple(searchable(page) for page in PAGES)
    own = SearchTask(passages, tuple(frozenset([n]) for n in range(len(passages))), passages)
    assert recalls(build_towers(chosen), own, chosen) == {"R@1": 100.0, "R@5": 100.0, "R@10": 100.0}
    none = replace(own, gold=tuple(frozenset[int]() for _ in passages))
    assert recalls(build_towers(chosen), none, chosen) == {"R@1": 0.0, "R@5": 0.0, "R@10": 0.0}


def test_limit_keeps_so_many_rows(start: str, rows: Path, tmp_path: Path) -> None:
    chosen = options(start, rows)
    train_bi_encoder(replace(chosen, sources=RowSources(train=(rows,))), settings(tmp_path / "r", 2), tmp_path / "o", 3)
    state = json.loads((tmp_path / "r" / "checkpoint-2" / "trainer_state.json").read_text("utf-8"))
    assert state["epoch"] == 2.0  # three rows are one batch of eight


@pytest.mark.parametrize("wrong", [{"interpolate": 1.5}, {"interpolate": -0.1}, {"scale": 0.0}])
def test_options_that_cannot_work_are_refused(start: str, rows: Path, tmp_path: Path, wrong: dict[str, float]) -> None:
    with pytest.raises(Misconfigured, match=str(next(iter(wrong.values())))):
        train_bi_encoder(options(start, rows, **wrong), settings(tmp_path / "run"), tmp_path / "out")
