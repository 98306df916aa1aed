"""Gives decoded text its surface back: case, spacing, digits, URLs, phone numbers, prices.

The vocabulary is uncased WordPiece, so ids alone would read "1 - 800 - 772". But every id that was copied has a
source position: runs of neighbouring positions become the very characters of the source between their ends.
Only words that stand nowhere in the source are spelt from the vocabulary. Inside a run nothing is changed; where runs
and written words meet, the spacing each had in its source decides, and punctuation's own habits where it had none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from generation.decoding import Hypothesis, Step

_NO_SPACE_BEFORE = frozenset(".,;:!?%)]}’'…/-–@_")
_NO_SPACE_AFTER = frozenset("([{£$€#/-–’'@_")
_INSIDE_NUMBERS = frozenset(".,:")
_SPECIAL = re.compile(r"\[(?:PAD|UNK|CLS|SEP|MASK|unused\d+)\]")  # the vocabulary's own marks, never text
_ABBREVIATED = re.compile(r"(?:^|[\s(])(?:e\.g|i\.e|etc|no|approx|inc|incl|excl|vs|st|mr|mrs|ms|dr)\.$", re.IGNORECASE)
_ADDRESS = re.compile(r"\S*[@/]|www\b|https?\b|\S+\.[a-z]")
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
    """A run of the source, or one written word piece (``copied`` False, nothing known of its surroundings)."""

    text: str
    copied: bool
    glued: bool  # continues the word before it
    before: str = ""  # all that the source says before it; "" at the start of a text
    after: str = ""  # and after it
    starts_sentence: bool = False  # in its source
    common: bool = False  # its first word is no name: it has a capital only because it opens a sentence


def surface(decoded: Hypothesis | Step, source: SourceText, vocabulary: Sequence[str]) -> str:
    """The text a person reads. ``vocabulary`` maps ids to WordPiece strings (``##`` marks a continuation).

    A passage's sentence copied whole comes back as it stands there, but for white space (one space each) and a
    capital at its start.
    """
    text, last = "", None
    for piece in _pieces(decoded, source, vocabulary):
        text = _joined(text, last, piece)
        last = piece
    return re.sub(r"\s+", " ", text).strip()


def _pieces(decoded: Hypothesis | Step, source: SourceText, vocabulary: Sequence[str]) -> Iterator[_Piece]:
    i, ids, positions = 0, decoded.ids, decoded.positions
    while i < len(ids):
        place = source.places[positions[i]] if positions[i] >= 0 else None
        word = vocabulary[ids[i]]
        end = i + 1
        if place is not None:
            while end < len(ids) and _follows(positions[end - 1], positions[end], source):
                end += 1
            yield _copied(place, source.places[positions[end - 1]] or place, source, glued=word.startswith("##"))
        elif not _SPECIAL.fullmatch(word):
            written = "I" if word == "i" else word.removeprefix("##")
            yield _Piece(written, copied=False, glued=word.startswith("##"))
        i = end


def _copied(first: tuple[int, int, int], last: tuple[int, int, int], source: SourceText, *, glued: bool) -> _Piece:
    text = source.texts[first[0]]
    start, end = first[1], last[2]
    while end < len(text) and unicodedata.combining(text[end]):  # accents written apart have no token of their own
        end += 1
    opening = text[:start].rstrip()
    return _Piece(
        text[start:end],
        copied=True,
        glued=glued,
        before=text[:start],
        after=text[end:],
        starts_sentence=not opening or opening[-1] in ".!?:" or "\n" in text[len(opening) : start],
        common=_is_common(text[start:end], source),
    )


def _follows(position: int, following: int, source: SourceText) -> bool:
    """True when two positions are neighbours in one text, with nothing a token stands for between them."""
    if following != position + 1:
        return False
    here, there = source.places[position], source.places[following]
    if here is None or there is None or here[0] != there[0]:
        return False
    between = source.texts[here[0]][here[2] : there[1]]
    return all(c.isspace() or unicodedata.category(c)[0] in "CM" for c in between)


def _is_common(text: str, source: SourceText) -> bool:
    """True for a function word, and for a word that the source writes in lower case elsewhere."""
    first = re.match(r"[A-Z][a-z]*(?![\w-])", text)
    if first is None or first.group() == "I":
        return False
    word = first.group().lower()
    return word in _FUNCTION_WORDS or any(re.search(rf"(?<![\w-]){word}(?![\w-])", one) for one in source.texts)


def _joined(text: str, last: _Piece | None, piece: _Piece) -> str:
    if last is None:
        return _raised(piece.text)
    if piece.glued:
        return text + piece.text
    word = piece.text
    if (seam := _seam(last, piece)) is not None:
        return f"{text}{seam}{word}"
    gap = " " if _is_spaced(text, last, piece) else ""
    opens = bool(gap) and _ends_sentence(text)
    if opens:
        word = _raised(word)
    elif piece.starts_sentence and piece.common:
        word = word[0].lower() + word[1:]
    return f"{text}{gap}{word}"


def _seam(last: _Piece, piece: _Piece) -> str | None:
    """The white space between two runs where the source of one holds the other's nearest word in that very place, so
    that case and spacing are known; None elsewhere.

    A decoder may copy the two halves of a sentence from two places that both hold it.
    """
    if not (last.copied and piece.copied) or not last.text.strip() or not piece.text.strip():
        return None
    following, opening = last.after.lstrip(), piece.text.split(maxsplit=1)[0]
    if following.startswith(opening):
        return last.after[: len(last.after) - len(following)]
    preceding, closing = piece.before.rstrip(), last.text.rsplit(maxsplit=1)[-1]
    whole = last.glued or not preceding.removesuffix(closing)[-1:].isalnum() or not closing[0].isalnum()
    return piece.before[len(preceding) :] if whole and preceding.endswith(closing) else None


def _is_spaced(text: str, last: _Piece, piece: _Piece) -> bool:
    """Whether a space stands between what was said so far and the next piece."""
    end, start = text[-1], piece.text[0]
    if start in _NO_SPACE_BEFORE:
        return piece.copied and piece.before[-1:].isspace()
    opened = text.count('"') % 2 == 1
    if start == '"':
        return piece.before[-1:].isspace() if piece.copied else not opened
    if end == '"':
        return last.after[:1].isspace() if last.copied else not opened
    if end in _NO_SPACE_AFTER:
        return last.copied and last.after[:1].isspace()
    if piece.copied and piece.before[-1:] == end and not end.isalnum():
        return False  # "4" "." "50" and "www" "." "example": what follows hung on the same mark in its source
    return not (end in _INSIDE_NUMBERS and start.isdigit() and text[-2:-1].isdigit() and not piece.copied)


def _ends_sentence(text: str) -> bool:
    said = text.rstrip("\"'”’)")
    return said[-1:] in (".", "!", "?") and not _ABBREVIATED.search(said[-12:])


def _raised(word: str) -> str:
    """A capital for a sentence's first word, unless it is an address or has capitals of its own (iPhone, eSIM)."""
    first = word.split(maxsplit=1)[0] if word.strip() else ""
    if _ADDRESS.match(first) or not first[:1].islower() or not first.islower():
        return word
    return word[0].upper() + word[1:]
