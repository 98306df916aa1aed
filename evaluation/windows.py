"""Passages cut into windows that the reader can see whole."""

from __future__ import annotations

from domain.passage import Passage

WINDOW_WORDS = 130
"""About what the product's own passages hold, and with question and heading within the reader's 208 tokens."""

STRIDE_WORDS = 65
"""Half a window: whatever is shorter than that stands whole in one of them."""


def windows(title: str, text: str, name: str = "passage") -> list[Passage]:
    """``text`` as one passage, or as overlapping ones of ``WINDOW_WORDS`` words where it is longer. Each ends where
    a word does; their spans are in ``text``."""
    words = _word_spans(text)
    starts = range(0, max(len(words) - STRIDE_WORDS, 1), STRIDE_WORDS) if len(words) > WINDOW_WORDS else [0]
    found = []
    for start in starts:
        inside = words[start : start + WINDOW_WORDS] if len(words) > WINDOW_WORDS else []
        span = (inside[0][0], inside[-1][1]) if inside else (0, len(text))
        found.append(Passage(f"{name}#{start}", name, title, text[slice(*span)], name, span))
    return found


def _word_spans(text: str) -> list[tuple[int, int]]:
    spans, at = [], 0
    for word in text.split():
        start = text.index(word, at)
        at = start + len(word)
        spans.append((start, at))
    return spans
