"""A tiny retriever and tiny writers over passages whose answers are one word each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import BertTokenizer

from tests.generation.tiny import tiny_model
from training.joint_data import JointCorpus, JointQuestion, Passage
from training.joint_model import JointModel, Marginal
from training.joint_reward import Reinforce
from training.joint_towers import PassageTower, Retriever, open_towers
from training.joint_writers import CopyWriter, Writer, open_writer

THINGS = ("bill", "card", "router", "light", "shop", "desk", "fault", "fee")
VALUES = ("red", "green", "blue", "two", "nine", "pounds", "weeks", "days")
PASSAGES: tuple[Passage, ...] = tuple(
    ("", f"the {thing} means {value}") for thing, value in zip(THINGS, VALUES, strict=True)
)
QUESTIONS = tuple(
    JointQuestion(f"what is the {thing}", (value,), frozenset([n]), thing)
    for n, (thing, value) in enumerate(zip(THINGS, VALUES, strict=True))
)
CORPUS = JointCorpus("toys", PASSAGES, QUESTIONS, QUESTIONS[:4], QUESTIONS[4:])


def f1(told: str, wanted: Any) -> float:
    """1 where the first right answer is told, else 0."""
    return float(told == wanted[0])


def retriever(start: Path, kind: PassageTower = "frozen") -> Retriever:
    """Towers of width 32 over ``PASSAGES``, their index made."""
    made = Retriever(open_towers(str(start)), [text for _, text in PASSAGES], kind)
    made.refresh()
    return made


def plain_writer(start: Path, *, frozen: bool = False) -> Writer:
    """A BART or T5 of width 32."""
    return open_writer(start, window=48, reply=8, frozen=frozen)


def copy_writer(*, frozen: bool = False) -> CopyWriter:
    """A copy BART of width 32 on a vocabulary of its own: padding 0, start 1, end 2."""
    words = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]", "what", "is", "the", "means", *THINGS, *VALUES]
    tokenizer = BertTokenizer(vocab={word: i for i, word in enumerate(words)}, model_max_length=64)
    return CopyWriter(tiny_model(0, len(words), sharp=2.0).float(), tokenizer, frozen=frozen)


def joint(found: Retriever, writer: Writer, reinforce: Reinforce | None = None, **more: Any) -> JointModel:
    """Both over ``QUESTIONS``; ``more`` as of ``Marginal``."""
    torch.manual_seed(0)
    chosen: dict[str, Any] = {"mode": "rag-sequence", "k": 3, "most": 4, **more}
    return JointModel(found, writer, PASSAGES, QUESTIONS, Marginal(**chosen), reinforce)
