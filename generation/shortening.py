"""Fits a passage into a model's window by its sentences: the ones that matter stay, and what went is counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from domain.errors import Misconfigured

Count = Callable[[str, str], int]
"""How many tokens a heading and a text take, laid out as the model reads them."""


@dataclass(frozen=True, slots=True)
class Readable:
    """A passage as a model is to read it. ``sentences``: character spans in ``text`` (end exclusive, in order),
    ``scores`` how much each matters; without any, the text is one sentence."""

    heading: str
    text: str
    sentences: tuple[tuple[int, int], ...] = ()
    scores: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Shortened:
    """What the model is shown, for a trace to tell. ``left_out`` sentences are missing; ``is_cut``: the only sentence
    kept was itself too long, and its beginning is shown; ``lost_heading``: there was no room for the heading."""

    heading: str
    text: str
    left_out: int = 0
    is_cut: bool = False
    lost_heading: bool = False

    @property
    def is_whole(self) -> bool:
        return not (self.left_out or self.is_cut or self.lost_heading)


def shorten(passage: Readable, tokens: int, count: Count) -> Shortened:
    """The best sentences that fit into ``tokens``, in the order of the text, under the heading.

    The best sentence always stays: before it the heading gives way. Of one that is longer than the room its beginning
    is kept, under the heading where that takes at most half. Of the others, each is taken in the order of its score
    (the earlier first among equals) if it still fits. Raises ``Misconfigured`` when spans and scores do not pair up,
    or there is no room at all.
    """
    if count(passage.heading, passage.text) <= tokens:
        return Shortened(passage.heading, passage.text)
    spans = _checked(passage, tokens)
    scores = passage.scores or (0.0,) * len(spans)
    first, *others = sorted(range(len(spans)), key=lambda i: (-scores[i], i))
    best = passage.text[slice(*spans[first])]
    heading = passage.heading if count(passage.heading, best) <= tokens else ""
    if count("", best) > tokens:
        heading = passage.heading if 2 * count(passage.heading, "") <= tokens else ""
        cut = _beginning(best, lambda text: count(heading, text) <= tokens)
        return Shortened(heading, cut, len(spans) - 1, True, heading != passage.heading)
    kept = _filled(passage.text, spans, [first, *others], lambda text: count(heading, text) <= tokens)
    lost = heading != passage.heading
    return Shortened(heading, _joined(passage.text, spans, kept), len(spans) - len(kept), False, lost)


def _checked(passage: Readable, tokens: int) -> tuple[tuple[int, int], ...]:
    if len(passage.scores) not in (0, len(passage.sentences)):
        raise Misconfigured(
            f"A passage came with {len(passage.sentences)} sentences and {len(passage.scores)} scores; give one each."
        )
    if tokens < 1:
        raise Misconfigured(f"A passage was given room for {tokens} tokens; raise the model's window.")
    return passage.sentences or ((0, len(passage.text)),)


def _filled(text: str, spans: tuple[tuple[int, int], ...], order: list[int], fits: Callable[[str], bool]) -> set[int]:
    """Each of ``order`` that fits beside those taken before it."""
    kept: set[int] = set()
    for i in order:
        if fits(_joined(text, spans, kept | {i})):
            kept.add(i)
    return kept


def _joined(text: str, spans: tuple[tuple[int, int], ...], kept: set[int]) -> str:
    """Neighbours with what stands between them in the text, the others one space apart."""
    parts: list[str] = []
    for i in sorted(kept):
        between = text[spans[i - 1][1] : spans[i][0]] if i - 1 in kept else " "
        parts.extend((between, text[slice(*spans[i])]) if parts else (text[slice(*spans[i])],))
    return "".join(parts)


def _beginning(text: str, fits: Callable[[str], bool]) -> str:
    """The longest beginning that fits, ending with a word where it holds more than one."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if fits(text[:middle]) else (low, middle - 1)
    if low == len(text) or text[low : low + 1].isspace():
        return text[:low].rstrip()
    return text[:low].rpartition(" ")[0].rstrip() or text[:low]
