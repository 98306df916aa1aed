"""The parts of the ``hub`` profile: models named by the operator, opened as what the assistant is made of.

Each function takes a ``Named`` and plain options; a part that nobody names stays the one that ships.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bot.hub import model_folder
from domain.protocols import PassageReader
from generation.ctranslate_runtime import CTRANSLATE2_MODES, CTranslate2Runtime
from generation.fusing import LAYOUT_FILE, Layout, read_layout
from generation.hub_models import check_folder, open_seq2seq, open_tokenizer
from generation.hub_rewriting import RewritingOptions, Seq2SeqRewriter
from generation.seq2seq import FusionMode, Seq2SeqRuntime
from generation.seq2seq_answering import Prompt, Seq2SeqAnswerer, WritingOptions
from generation.torch_runtime import TorchSeq2SeqRuntime
from retrieval.hub_encoders import HubEncoder, dpr_pair, sentence_transformer
from retrieval.hub_reader import CrossEncoderReader

RuntimeChoice = Literal["auto", "pytorch", "ctranslate2"]


@dataclass(frozen=True, slots=True)
class Named:
    """A model by folder, or by hub name and commit; see ``bot.hub.model_folder``."""

    name: str
    revision: str | None = None

    def folder(self) -> Path:
        return model_folder(self.name, self.revision)


@dataclass(frozen=True, slots=True)
class Machine:
    """What models run on. ``converted``: where CTranslate2 keeps its copies; ``device``: cpu, cuda or cuda:1;
    ``compute_type`` is CTranslate2's, ``precision`` PyTorch's."""

    converted: Path
    runtime: RuntimeChoice = "auto"
    device: str = "cpu"
    compute_type: str = "int8"
    precision: Literal["float32", "bfloat16"] = "float32"  # not float16: T5's activations overflow in it


def open_runtime(folder: Path, modes: Collection[FusionMode], machine: Machine) -> Seq2SeqRuntime:
    """The runtime for writing by ``modes``. ``auto`` is CTranslate2 on a processor wherever it can write by all of
    them, since it is about twice as fast there (docs/hub.md), and PyTorch otherwise."""
    light = machine.device == "cpu" and CTRANSLATE2_MODES.issuperset(modes)
    if machine.runtime == "ctranslate2" or (machine.runtime == "auto" and light):
        return CTranslate2Runtime(
            folder, machine.converted, compute_type=machine.compute_type, device=machine.device.partition(":")[0]
        )
    return TorchSeq2SeqRuntime(*open_seq2seq(folder, device=machine.device, dtype=machine.precision))


def open_answerer(
    named: Named,
    machine: Machine,
    options: WritingOptions,
    *,
    prompt: Prompt,
    window: int,
    reader: PassageReader | None = None,
) -> Seq2SeqAnswerer:
    """The answerer on any BART or T5. One that ``colloquy train`` wrote reads as it was taught; any other at most
    ``window`` tokens of a source."""
    folder = named.folder()
    layout = (
        read_layout(folder) if (folder / LAYOUT_FILE).is_file() else Layout(window=window, reply=options.max_tokens)
    )
    runtime = open_runtime(folder, options.modes, machine)
    return Seq2SeqAnswerer(runtime, open_tokenizer(folder), layout, options=options, reader=reader, prompt=prompt)


def open_rewriter(named: Named, machine: Machine, options: RewritingOptions) -> Seq2SeqRewriter:
    """The rewriter on a BART or T5 that was taught to make messages standalone."""
    folder = named.folder()
    check_folder(folder)
    tokenizer: Any = open_tokenizer(folder)
    runtime = open_runtime(folder, (FusionMode.CONCAT,), machine)
    return Seq2SeqRewriter(runtime, lambda text: tokenizer(text, verbose=False).input_ids, options)


def open_encoder(named: Named, machine: Machine) -> HubEncoder:
    """The encoder on any sentence-transformers model."""
    return sentence_transformer(str(named.folder()), device=machine.device)


def open_dpr(question: Named, context: Named, machine: Machine) -> HubEncoder:
    """The encoder on a DPR pair."""
    return dpr_pair(str(question.folder()), str(context.folder()), device=machine.device)


def open_reader(named: Named, machine: Machine) -> CrossEncoderReader:
    """The reader on any cross-encoder."""
    return CrossEncoderReader(named.folder(), device=machine.device)
