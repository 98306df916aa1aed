"""Hard negatives from a model's own index (Xiong et al. 2021): what it takes for an answer and is none.

A passage nearly as near as the positive is more often an answer nobody marked than a negative; it is passed over
(Moreira et al. 2024), and so is one that holds the answer's words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from domain.errors import Misconfigured
from domain.protocols import PassageEncoder
from retrieval.dense import FlatIndex
from retrieval.encoders import minilm_folder
from retrieval.hub_encoders import HubEncoder, dpr_pair, sentence_transformer, weights_digest
from training.retrieval_data import RowSources, gather
from training.retrieval_rows import Passage, RetrievalRow, is_negative, positives_by_query, searchable, write_rows
from training.starts import start_folder
from training.tower_export import DPR_FOLDERS
from training.towers import open_lean

Matrix = npt.NDArray[np.float32]

_QUERIES_AT_A_TIME = 1024


@dataclass(frozen=True, slots=True)
class MiningOptions:
    """``depth``: how many nearest passages are looked at; ``count``: how many become negatives; ``skip_above``: the
    share of the positive's score above which a passage is taken for an unmarked answer."""

    depth: int = 30
    count: int = 4
    skip_above: float = 0.95


@dataclass(frozen=True, slots=True)
class Mined:
    """How many rows were written, how many negatives they have, and how many rows found none."""

    rows: int
    negatives: int
    without: int


def mine_negatives(
    sources: RowSources, output: Path, model: str, options: MiningOptions, *, device: str = "cpu"
) -> Mined:
    """Mines for every row of ``sources`` and writes JSON Lines to ``output`` that ``--train`` reads.

    ``model`` is a folder as ``open_encoder`` takes it ("": all-MiniLM-L6-v2). Raises ``Misconfigured``
    for options that cannot work, and for files or a model that cannot be read.
    """
    _check(options)
    encoder = open_encoder(model or str(minilm_folder()), device)
    pairs = {(row.query, row.positive): row for row in gather(sources).rows}  # a mixture may repeat its rows
    rows = mine(list(pairs.values()), encoder, options)
    write_rows(output, rows)
    found = [len(row.negatives) for row in rows]
    return Mined(len(rows), sum(found), found.count(0))


def mine(rows: Sequence[RetrievalRow], encoder: PassageEncoder, options: MiningOptions) -> list[RetrievalRow]:
    """``rows`` with mined negatives in place of their own, nearest first, from the passages of all of them.

    Never a positive of the same query, whatever row it is on. A row of which no neighbour passes has none.
    """
    passages = list(dict.fromkeys(passage for row in rows for passage in (row.positive, *row.negatives)))
    if not rows:
        return []
    vectors = cast(Matrix, encoder.encode_passages([searchable(passage) for passage in passages]))
    miner = _Miner(passages, vectors, positives_by_query(rows), options)
    found: list[RetrievalRow] = []
    for first in range(0, len(rows), _QUERIES_AT_A_TIME):
        batch = rows[first : first + _QUERIES_AT_A_TIME]
        queries = cast(Matrix, encoder.encode_queries([row.query for row in batch]))
        found += [miner.mined(row, query) for row, query in zip(batch, queries, strict=True)]
    return found


def ceiling(positive: float, share: float) -> float:
    """The highest score of a negative: ``share`` of the positive's, and as far below one that is negative."""
    return positive - (1 - share) * abs(positive)


def open_encoder(name: str, device: str = "cpu") -> PassageEncoder:
    """A model to mine with: what ``colloquy train bi-encoder`` wrote in any of its forms, or any
    sentence-transformers folder.

    Vectors are of length 1, so that nearness is the cosine. Raises ``Misconfigured`` for what is no folder, and when it
    cannot be loaded.
    """
    folder = start_folder(name)
    question, context = (folder / DPR_FOLDERS[task][0] for task in ("query", "document"))
    if question.is_dir() and context.is_dir():
        return dpr_pair(str(question), str(context), device=device)
    config = _config(folder)
    if "pooling" in config and not (folder / "modules.json").is_file():
        return _lean(folder, config, device)
    return sentence_transformer(str(folder), device=device)


class _Miner:
    def __init__(
        self, passages: Sequence[Passage], vectors: Matrix, known: Mapping[str, set[str]], options: MiningOptions
    ) -> None:
        self._passages, self._vectors, self._known, self._options = passages, vectors, known, options
        self._place = {passage: place for place, passage in enumerate(passages)}
        self._index = FlatIndex(vectors.shape[1], np.arange(len(passages)), vectors)

    def mined(self, row: RetrievalRow, query: Matrix) -> RetrievalRow:
        """``row`` with its mined negatives; ``query`` (D,)."""
        highest = ceiling(float(self._vectors[self._place[row.positive]] @ query), self._options.skip_above)
        scores, places = self._index.search(query, self._options.depth)
        near = [self._passages[place] for place, score in zip(places, scores, strict=True) if score <= highest]
        kept = [passage for passage in near if is_negative(passage, row, self._known)]
        return replace(row, negatives=tuple(kept[: self._options.count]))


def _lean(folder: Path, config: Mapping[str, Any], device: str) -> HubEncoder:
    model = open_lean(folder, config).to(device)
    encode = {"show_progress_bar": False}
    return HubEncoder(
        lambda texts: np.asarray(model.encode_query(texts, **encode)),
        lambda texts: np.asarray(model.encode_document(texts, **encode)),
        dimension=int(model.get_embedding_dimension() or 0),
        fingerprint=f"bi-encoder/{weights_digest(model)}/{model.max_seq_length}",
    )


def _config(folder: Path) -> dict[str, Any]:
    try:
        found = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}  # its loader will say more about it
    return found if isinstance(found, dict) else {}


def _check(options: MiningOptions) -> None:
    if options.depth < 1 or options.count < 1:
        raise Misconfigured(f"--depth is {options.depth} and --count {options.count}; both must be at least 1.")
    if not 0 < options.skip_above <= 1:
        raise Misconfigured(
            f"--skip-above is {options.skip_above}; choose a share of the positive's score, 0 < share <= 1."
        )
