"""Denoising pre-training on plain text: the model learns to write back what noise took away.

BART and copy BART are shown permuted sentences with infilled spans and write the text as it was (Lewis et al. 2020);
T5 is shown sentinels and writes what they hide (Raffel et al. 2020). The folder that comes out is a start for
``train answerer``.
"""

from __future__ import annotations

import json
import random
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import torch

from corpora.jsonl import rows
from corpora.splits import is_development
from domain.errors import Misconfigured
from generation.fusing import special_tokens
from generation.torch_fid import FusionInDecoder
from generation.weights import open_copy_bart
from retrieval.sentences import sentence_spans
from training import loop
from training.batches import mean_loss
from training.cards import Card
from training.development import Development
from training.export import export_copy_bart
from training.minilm import copy_bart_from_minilm, is_new, minilm_folder, minilm_tokenizer
from training.noise import corrupt_spans, infill, permute
from training.seq2seq import Collator, export, open_seq2seq

Piece = tuple["array[int]", ...]
"""Sentences, as token ids, that together fit the window."""

Noise = Callable[[Piece, random.Random], tuple[list[int], list[int]]]
"""A piece -> source and target token ids, special ones included."""

_HELD_OUT = 128  # pieces: enough for a steady loss, few enough to measure in seconds
_SPARE_TOKENS = 8  # special tokens, and masks of spans that hide nothing


CARD = Card(
    model="denoising",
    what="a start for `colloquy train answerer`: it has learnt to fill in and reorder plain text, not to answer.",
    architecture="that of the model it was started from (the copy BART on all-MiniLM-L6-v2 by default).",
    sources=("public service pages (doc_*)", "Schema-Guided Dialogue", "STAR", "Taskmaster-4"),
    command="",
    figures=(),
    limits=("Not a model to serve.",),
)


@dataclass(frozen=True, slots=True)
class DenoisingOptions:
    """``start``: None for copy BART on MiniLM, the folder of a copy BART, or the folder of a BART or T5.

    ``tokens`` a piece of text holds at most. ``rate`` of them is hidden (None: the papers' 0.3 for BART and 0.15 for
    T5), in spans of ``mean_span`` on average. ``limit`` keeps that many pieces (a rehearsal).
    """

    start: str | None = None
    tokens: int = 192
    rate: float | None = None
    mean_span: float = 3.0
    limit: int | None = None


def train_denoising(
    data: Path, settings: loop.LoopSettings, destination: Path, options: DenoisingOptions | None = None
) -> loop.Trained:
    """Trains on the pages and dialogues under ``data/train``; writes what the start was: copy BART as it ships, or a
    folder in hub format. Raises ``Misconfigured`` when there is no text or the start cannot be opened."""
    options = options or DenoisingOptions()
    torch.manual_seed(settings.seed)
    if options.start is None or is_copy_bart(Path(options.start)):
        return _train_copy_bart(data, settings, destination, options)
    inner, tokenizer = open_seq2seq(options.start)
    parts = _Parts(FusionInDecoder(inner), tokenizer, noise_for(inner, tokenizer, options), lambda _: False)
    trained = _train(parts, data, settings, options)
    export(inner, tokenizer, destination, settings.output)
    return trained


def is_copy_bart(folder: Path) -> bool:
    """True when ``folder`` holds a copy BART of ours rather than a model in hub format."""
    config = folder / "config.json"
    return config.is_file() and json.loads(config.read_text("utf-8")).get("architectures") == ["CopyBart"]


def noise_for(model: Any, tokenizer: Any, options: DenoisingOptions) -> Noise:
    """The noise that ``model``'s paper trained it on. Raises ``Misconfigured`` without mask or sentinel tokens."""
    left, right = special_tokens(tokenizer)
    if model.config.model_type == "bart":
        if tokenizer.mask_token_id is None:
            raise Misconfigured("The model's tokenizer has no mask token; give another start.")
        written = left if model.config.decoder_start_token_id not in left else []  # never begin with it twice
        return _infilling(tokenizer.mask_token_id, (left, written, right), options)
    ids = tokenizer.convert_tokens_to_ids([f"<extra_id_{i}>" for i in range(100)])
    first, sentinels = ids[0], sum(1 for _ in takewhile(lambda pair: pair[1] == ids[0] - pair[0], enumerate(ids)))
    if sentinels < 2:
        raise Misconfigured("The model's tokenizer has no sentinels <extra_id_0>, <extra_id_1>, …; give a T5.")

    def corrupted(piece: Piece, rng: random.Random) -> tuple[list[int], list[int]]:
        tokens = [token for sentence in piece for token in sentence]
        rate = 0.15 if options.rate is None else options.rate
        source, target = corrupt_spans(tokens, rng, first, rate, options.mean_span, sentinels)
        return [*left, *source, *right], [*target, *right]

    return corrupted


def texts(data: Path) -> Iterator[str]:
    """The plain text under ``data/train``: pages (``doc_*``: title and text), then dialogues (``dlg_*``: turns
    without their speakers). Raises ``Misconfigured`` when there is none."""
    files = [path for kind in ("doc_", "dlg_") for path in sorted((data / "train").glob(f"{kind}*.jsonl*"))]
    if not files:
        raise Misconfigured(f"There are no doc_* or dlg_* files in {data / 'train'}; give --data another folder.")
    for path in files:
        for row in rows(path):
            turns = row["t"] if isinstance(row, dict) else row
            if path.name.startswith("doc_"):
                yield f"{row['t']}\n{row['x']}"
            else:
                yield "\n".join(turn.partition(": ")[2] or turn for turn in turns)


def pieces(text: str, tokenizer: Any, most: int) -> Iterator[Piece]:
    """Consecutive sentences of ``text`` packed into pieces of at most ``most`` tokens; a longer one is cut up."""
    found = [text[start:end] for start, end in sentence_spans(text)]
    if not found:
        return
    packed: list[array[int]] = []
    for ids in tokenizer([f" {sentence}" for sentence in found], add_special_tokens=False, verbose=False).input_ids:
        for start in range(0, len(ids), most):
            sentence = array("i", ids[start : start + most])
            if packed and sum(map(len, packed)) + len(sentence) > most:
                yield tuple(packed)
                packed = []
            packed.append(sentence)
    if packed:
        yield tuple(packed)


class NoisedPieces:
    """``count`` examples: the pieces over and over, with other noise each time. Example i is always the same, so
    that a run that was broken off goes on with what it would have seen."""

    def __init__(self, found: Sequence[Piece], noise: Noise, count: int, seed: int) -> None:
        self._found, self._noise, self._count, self._seed = found, noise, count, seed

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return (self[i] for i in range(self._count))

    def __getitem__(self, i: int) -> dict[str, Any]:
        source, target = self._noise(self._found[i % len(self._found)], random.Random(f"{self._seed} {i}"))
        return {"input_ids": source, "sources": [source], "labels": target}


@dataclass(frozen=True, slots=True)
class _Parts:
    """``is_new`` says by parameter name what learns at the higher rate."""

    model: Any
    tokenizer: Any
    noise: Noise
    is_new: Callable[[str], bool]


def _train_copy_bart(
    data: Path, settings: loop.LoopSettings, destination: Path, options: DenoisingOptions
) -> loop.Trained:
    tokenizer = minilm_tokenizer()
    model = open_copy_bart(Path(options.start), minilm_folder()) if options.start else copy_bart_from_minilm()
    model.model.shared.weight.requires_grad_(False)
    parts = _Parts(model, tokenizer, noise_for(model, tokenizer, options), is_new)
    trained = _train(parts, data, settings, options)
    export_copy_bart(model, destination, settings.output)
    return trained


def _train(parts: _Parts, data: Path, settings: loop.LoopSettings, options: DenoisingOptions) -> loop.Trained:
    learnt, held_out = _split(data, parts.tokenizer, options, settings.seed)
    count = settings.steps * settings.batch_size * settings.accumulate
    examples = NoisedPieces(learnt, parts.noise, count, settings.seed)
    measured = list(NoisedPieces(held_out, parts.noise, len(held_out), seed=-1))
    collate = Collator(parts.tokenizer.pad_token_id)
    development = Development(lambda: {"dev_loss": mean_loss(parts.model, measured, collate)}) if measured else None
    return loop.train(parts.model, examples, collate, settings, parts.is_new, development)


def _split(data: Path, tokenizer: Any, options: DenoisingOptions, seed: int) -> tuple[list[Piece], list[Piece]]:
    """Pieces to learn from and pieces to measure on, which share no text."""
    most = options.tokens - _SPARE_TOKENS
    learnt: list[Piece] = []
    held_out: list[Piece] = []
    for text in texts(data):
        if options.limit is not None and len(learnt) >= options.limit:
            break
        kept = held_out if len(held_out) < _HELD_OUT and is_development(text) else learnt
        kept.extend(pieces(text, tokenizer, most))
    if not learnt:
        raise Misconfigured(f"The text in {data / 'train'} is too little to train on; give --data another folder.")
    random.Random(seed).shuffle(learnt)
    return learnt[: options.limit], held_out[:_HELD_OUT]


def _infilling(mask_id: int, special: tuple[list[int], list[int], list[int]], options: DenoisingOptions) -> Noise:
    left, written, right = special

    def infilled(piece: Piece, rng: random.Random) -> tuple[list[int], list[int]]:
        rate = 0.3 if options.rate is None else options.rate
        source = infill(permute(piece, rng), rng, mask_id, rate, options.mean_span)
        return [*left, *source, *right], [*written, *(token for sentence in piece for token in sentence), *right]

    return infilled
