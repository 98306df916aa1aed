"""Gives decoded text its surface back: case, spacing, digits, URLs, phone numbers, prices.

The vocabulary is uncased WordPiece, so ids alone would read "1 - 800 - 772". But every id that was copied has a
source position: runs of neighbouring positions become the very characters of the source between their ends.
Only words that stand nowhere in the source are spelt from the vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from generation.decoding import Hypothesis, Step

_NO_SPACE_BEFORE = frozenset(".,;:!?%)]}’'…/-–")
_NO_SPACE_AFTER = frozenset("([{£$€#/-–’'@")
_FUNCTION_WORDS = frozenset(
    "a an the this that these those it its they their them he she his her we our you your i if when while where what "
    "who which how why is are was were do does did can could will would should may might must have has had there here "
    "to of in on at for from with by as and or but not no yes after before during until unless once all any each both "
    "some most many more other another please".split()
)


@dataclass(frozen=True, slots=True)
class SourceText:
    """What the decoder could copy from: ``texts`` and, for every source position, ``(text index, start, end)`` in
    characters (end exclusive), or None for separators and padding."""

    texts: tuple[str, ...]
    places: tuple[tuple[int, int, int] | None, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    copied: bool
    glued: bool  # continues the word before it
    starts_sentence: bool = False  # in its source


def surface(decoded: Hypothesis | Step, source: SourceText, vocabulary: Sequence[str]) -> str:
    """The text a person reads. ``vocabulary`` maps ids to WordPiece strings (``##`` marks a continuation)."""
    text = ""
    for piece in _pieces(decoded, source, vocabulary):
        text = _joined(text, piece)
    return _sentence_cased(re.sub(r"\s+", " ", text).strip())


def _pieces(decoded: Hypothesis | Step, source: SourceText, vocabulary: Sequence[str]) -> Iterator[_Piece]:
    i, ids, positions = 0, decoded.ids, decoded.positions
    while i < len(ids):
        place = source.places[positions[i]] if positions[i] >= 0 else None
        word = vocabulary[ids[i]]
        if place is None:
            yield _Piece(word.removeprefix("##"), copied=False, glued=word.startswith("##"))
            i += 1
            continue
        end = i + 1
        while end < len(ids) and _follows(positions[end - 1], positions[end], source):
            end += 1
        last = source.places[positions[end - 1]] or place
        text = source.texts[place[0]]
        before = text[: place[1]].rstrip()
        yield _Piece(
            text[place[1] : last[2]],
            copied=True,
            glued=word.startswith("##"),
            starts_sentence=not before or before[-1] in ".!?:\n",
        )
        i = end


def _follows(position: int, following: int, source: SourceText) -> bool:
    """True when two positions are neighbours in one text, with nothing but a little space between them."""
    if following != position + 1:
        return False
    here, there = source.places[position], source.places[following]
    if here is None or there is None or here[0] != there[0]:
        return False
    return source.texts[here[0]][here[2] : there[1]].strip() == ""


def _joined(text: str, piece: _Piece) -> str:
    word = piece.text
    if not text:
        return word
    ends_sentence = text.rstrip()[-1:] in ".!?"
    if piece.starts_sentence and not ends_sentence:
        word = _uncapitalised(word)
    if piece.glued or word[:1] in _NO_SPACE_BEFORE or text[-1] in _NO_SPACE_AFTER:
        return text + word
    return f"{text} {word}"


def _uncapitalised(text: str) -> str:
    """Lower-cases the first word where it is capitalised only because it opened a sentence."""
    first = re.match(r"[A-Za-z]+", text)
    if first and first.group().lower() in _FUNCTION_WORDS and first.group() != "I":
        return text[0].lower() + text[1:]
    return text


def _sentence_cased(text: str) -> str:
    """A capital at the start and after sentence ends, and ``I`` for the pronoun; URLs and e-mail stay as they are."""

    def raise_first(match: re.Match[str]) -> str:
        word = match.group(2)
        return match.group(1) + (word if re.match(r"\S*[@/]|www\.", word) else word[0].upper() + word[1:])

    text = re.sub(r"(^|[.!?]\s+)([a-z]\S*)", raise_first, text)
    return re.sub(r"\bi(?=\b['’]?)(?![.@\w-])", "I", text)
