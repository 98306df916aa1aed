"""The shipped cross-encoder at work: relevance, sentences and span of each passage, on CTranslate2 int8."""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from domain.errors import Misconfigured
from domain.passage import Passage
from domain.protocols import Evidence, PassageReader
from retrieval.conversion import convert_tuned, open_converted, read_weights, unfit
from retrieval.encoders import batches_by_length, minilm_folder
from retrieval.sentences import sentence_spans

Matrix = npt.NDArray[np.float32]

TOKENS_PER_BATCH = 2048  # measured with the encoder: larger batches fall out of the processor's cache
_HEADS = {f"{head}.{part}" for head in ("relevance", "span", "evidence") for part in ("weight", "bias")}
_MAX_ANSWER_TOKENS = 30  # longer "shortest answers" are sentences, which have scores of their own


@dataclass(frozen=True, slots=True)
class _Pair:
    """One query–passage input: ids, token types, and the characters of the passage's text under each token."""

    ids: list[int]
    types: list[int]
    places: list[tuple[int, int] | None]


class MiniLMReader:
    """``domain.protocols.PassageReader`` on the weights of ``models/reader``. Safe to call from several threads."""

    def __init__(self, folder: Path, cache_folder: Path, *, threads: int = 0) -> None:
        """Loads the model, converting it into ``cache_folder`` the first time. Raises ``Misconfigured`` when the
        weights are missing or damaged."""
        self._config = _config(folder)
        self._heads, self._model = _load(folder, cache_folder, threads)
        self._tokenizer = _tokenizer(int(self._config["tokens"]))

    def read(self, query: str, passages: Sequence[Passage]) -> list[Evidence]:
        """One ``Evidence`` per passage, in their order. What does not fit the model's window scores 0."""
        pairs = [self._pair(query, passage) for passage in passages]
        found: list[Evidence | None] = [None] * len(pairs)
        for rows in batches_by_length([len(pair.ids) for pair in pairs], TOKENS_PER_BATCH):
            states = self._states([pairs[row] for row in rows])
            for row, state in zip(rows, states, strict=True):
                found[row] = self._evidence(state[: len(pairs[row].ids)], pairs[row], passages[row].text)
        return [evidence for evidence in found if evidence is not None]

    def _pair(self, query: str, passage: Passage) -> _Pair:
        body = passage.searchable
        shift = len(body) - len(passage.text)
        encoded = self._tokenizer.encode(query, body)
        places = [
            (start - shift, end - shift) if kind == 1 and end > start >= shift else None
            for kind, (start, end) in zip(encoded.type_ids, encoded.offsets, strict=True)
        ]
        return _Pair(encoded.ids, encoded.type_ids, places)

    def _states(self, pairs: Sequence[_Pair]) -> Matrix:
        """The last hidden states, (B, L, D), padded."""
        longest = max(len(pair.ids) for pair in pairs)
        types = [pair.types + [0] * (longest - len(pair.types)) for pair in pairs]
        output = self._model.forward_batch([pair.ids for pair in pairs], token_type_ids=types)
        return np.asarray(output.last_hidden_state)

    def _evidence(self, states: Matrix, pair: _Pair, text: str) -> Evidence:
        """Heads on the states (L, D) of one pair."""
        relevance = float(_head(states[:1], self._heads, "relevance")[0, 0])
        scale, bias = float(self._config["relevance_scale"]), float(self._config["relevance_bias"])
        marks = _head(states, self._heads, "evidence")[:, 0]
        sentences = sentence_spans(text)
        return Evidence(
            relevance=_sigmoid(scale * relevance + bias),
            sentences=sentences,
            sentence_scores=tuple(_sentence_score(marks, pair.places, span) for span in sentences),
            best_span=_whole_words(text, _best_span(_head(states, self._heads, "span"), pair.places)),
        )


class CachedReader:
    """Another reader whose last ``size`` readings are remembered, so that what was reranked is not read twice."""

    def __init__(self, inner: PassageReader, size: int = 512) -> None:
        self._inner, self._size = inner, size
        self._known: OrderedDict[tuple[str, str, str], Evidence] = OrderedDict()
        self._lock = Lock()

    def fresh(self) -> CachedReader:
        """The same reader with nothing remembered: for timing it."""
        return CachedReader(self._inner, self._size)

    def read(self, query: str, passages: Sequence[Passage]) -> list[Evidence]:
        """As the inner reader would."""
        keys = [(query, passage.id, passage.searchable) for passage in passages]
        with self._lock:
            known = {key: self._known[key] for key in keys if key in self._known}
        fresh = {key: passage for key, passage in zip(keys, passages, strict=True) if key not in known}
        if fresh:
            known |= zip(fresh, self._inner.read(query, list(fresh.values())), strict=True)
        with self._lock:
            for key in keys:
                self._known[key] = known[key]
                self._known.move_to_end(key)
            while len(self._known) > self._size:
                self._known.popitem(last=False)
        return [known[key] for key in keys]


def _sigmoid(x: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(x, -30, 30))))


def _head(states: Matrix, heads: dict[str, Matrix], name: str) -> Matrix:
    """States (L, D) -> logits (L, outputs)."""
    logits: Matrix = states @ heads[f"{name}.weight"].T + heads[f"{name}.bias"]
    return logits


def _sentence_score(marks: Matrix, places: Sequence[tuple[int, int] | None], span: tuple[int, int]) -> float:
    """The mean evidence probability of the tokens in a sentence."""
    inside = [i for i, place in enumerate(places) if place and place[0] < span[1] and place[1] > span[0]]
    return float(np.mean([_sigmoid(float(marks[i])) for i in inside])) if inside else 0.0


def _best_span(logits: Matrix, places: Sequence[tuple[int, int] | None]) -> tuple[int, int] | None:
    """The span of the passage with the highest start + end logit, at most ``_MAX_ANSWER_TOKENS`` tokens long."""
    tokens = [i for i, place in enumerate(places) if place]
    if not tokens:
        return None
    first = tokens[0]
    start, end = logits[first : tokens[-1] + 1, 0], logits[first : tokens[-1] + 1, 1]
    sums = start[:, None] + end[None, :]
    allowed = np.triu(np.ones_like(sums, dtype=bool)) & ~np.triu(np.ones_like(sums, dtype=bool), _MAX_ANSWER_TOKENS)
    i, j = np.unravel_index(int(np.where(allowed, sums, -np.inf).argmax()), sums.shape)
    left, right = places[first + int(i)], places[first + int(j)]
    return (left[0], right[1]) if left and right else None


def _whole_words(text: str, span: tuple[int, int] | None) -> tuple[int, int] | None:
    """The span with the words and amounts it cuts through taken in whole."""
    if span is None:
        return None
    start, end = span
    while start > 0 and _in_word(text[start - 1]) and _in_word(text[start]):
        start -= 1
    while end < len(text) and _in_word(text[end - 1]) and _in_word(text[end]):
        end += 1
    return start, end


def _in_word(character: str) -> bool:
    return character.isalnum() or character in "£$€%"


def _config(folder: Path) -> dict[str, Any]:
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text("utf-8"))
        return {name: config[name] for name in ("relevance_scale", "relevance_bias", "tokens")}
    except (OSError, ValueError, KeyError) as error:
        raise Misconfigured(
            f"The reader's {folder / 'config.json'} is missing or damaged ({error}). "
            "Restore it with: git checkout -- models"
        ) from error


def _tokenizer(max_tokens: int) -> Any:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(minilm_folder() / "tokenizer.json"))
    tokenizer.enable_truncation(max_tokens, strategy="longest_first")
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True  # a typed "[SEP]" is text: it must not forge the layout
    return tokenizer


def _load(folder: Path, cache_folder: Path, threads: int) -> tuple[dict[str, Matrix], Any]:
    """The heads, and the encoder converted to CTranslate2 int8 (once: the cache is named by the weights' hash)."""
    weights = read_weights(folder / "model.safetensors")
    heads = {name: value.astype(np.float32) for name, value in weights.items() if not name.startswith("encoder.")}
    if set(heads) != _HEADS:
        raise unfit(folder, f"heads {sorted(heads)} where {sorted(_HEADS)} are expected")
    encoder = {name.removeprefix("encoder."): v for name, v in weights.items() if name.startswith("encoder.")}
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()[:16]
    converted = cache_folder / f"reader-{digest}-int8"
    model = open_converted(
        converted,
        lambda: convert_tuned(folder, encoder, minilm_folder(), converted),
        device="cpu",
        compute_type="int8",
        intra_threads=threads,
    )
    return heads, model
