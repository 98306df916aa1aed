"""WordPiece through the ``tokenizers`` library: ids with the characters they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor

from generation.surface import SourceText

CLS, SEP, PAD = 101, 102, 0
_QUESTION_SHARE = 3
_MARKS = 3  # [CLS], and [SEP] after either text


@dataclass(frozen=True, slots=True)
class EncodedSource:
    """N sources of one example: ``input_ids`` and ``attention_mask`` (1, N, L), and where each position stands."""

    input_ids: Tensor
    attention_mask: Tensor
    text: SourceText


class WordPieces:
    """MiniLM's uncased tokenizer; ``vocabulary`` lists its pieces by id."""

    def __init__(self, minilm: Path) -> None:
        self._tokenizer = Tokenizer.from_file(str(minilm / "tokenizer.json"))
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True  # a typed "[SEP]" is text: it must not forge the layout
        pieces = self._tokenizer.get_vocab()
        self.vocabulary: tuple[str, ...] = tuple(sorted(pieces, key=lambda piece: pieces[piece]))

    def count(self, text: str) -> int:
        """How many pieces ``text`` is."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def room_beside(self, first: str, max_tokens: int) -> int:
        """How many pieces of a second ``encode_pairs`` keeps."""
        return max_tokens - len(self._pieces(first, max_tokens // _QUESTION_SHARE)[0]) - _MARKS

    def encode_pairs(self, first: str, seconds: list[str], max_tokens: int) -> EncodedSource:
        """``[CLS] first [SEP] second [SEP]`` for each second, all padded to the longest, at most ``max_tokens``.

        ``first`` is cut to a third of the room (it is the question), each second to what is left.
        """
        head, head_spans = self._pieces(first, max_tokens // _QUESTION_SHARE)
        rows: list[list[int]] = []
        places: list[list[tuple[int, int, int] | None]] = []
        for number, second in enumerate(seconds, 1):
            tail, tail_spans = self._pieces(second, max_tokens - len(head) - _MARKS)
            rows.append([CLS, *head, SEP, *tail, SEP])
            places.append(
                [None, *((0, s, e) for s, e in head_spans), None, *((number, s, e) for s, e in tail_spans), None]
            )
        length = max(map(len, rows))
        ids = torch.tensor([row + [PAD] * (length - len(row)) for row in rows])
        flat = tuple(place for row in places for place in row + [None] * (length - len(row)))
        return EncodedSource(ids[None], (ids != PAD).long()[None], SourceText((first, *seconds), flat))

    def _pieces(self, text: str, limit: int) -> tuple[list[int], list[tuple[int, int]]]:
        encoded = self._tokenizer.encode(text, add_special_tokens=False)
        return encoded.ids[:limit], encoded.offsets[:limit]
