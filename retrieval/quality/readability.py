"""How hard passages are to read: Flesch's reading ease and the length of sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from retrieval.quality.findings import Finding, Kind, ordered
from retrieval.quality.pages import Page
from retrieval.sentences import sentence_spans

HARD = 30.0
"""Reading ease below this is for graduates (Flesch 1948); plain English aims at 60."""

LONG_SENTENCE_WORDS = 40.0

_LEAST_WORDS = 40  # the formula means little for less
_WORD = re.compile(r"[A-Za-z]+(?:['’][A-Za-z]+)*")
_VOWELS = re.compile(r"[aeiouy]+")


@dataclass(frozen=True, slots=True)
class Ease:
    """``words`` and ``sentences`` counted, and Flesch's reading ease: 100 is easy, 0 hard, below 0 possible."""

    words: int
    sentences: int
    flesch: float

    @property
    def words_a_sentence(self) -> float:
        return self.words / max(1, self.sentences)


def reading_ease(text: str) -> Ease | None:
    """206.835 − 1.015 · words/sentences − 84.6 · syllables/words (Flesch 1948), for English running text; None where
    there are fewer than 40 words of it. Rows of tables do not count, and an item of a list is a sentence."""
    told = [sentence for sentence in _sentences(text) if " | " not in sentence]
    words = [_WORD.findall(sentence) for sentence in told]
    words = [found for found in words if found]
    count = sum(map(len, words))
    if count < _LEAST_WORDS or not words:
        return None
    each = sum(syllables(word) for found in words for word in found) / count
    return Ease(count, len(words), 206.835 - 1.015 * count / len(words) - 84.6 * each)


def syllables(word: str) -> int:
    """The syllables of an English word, roughly: runs of vowels, without a silent e at the end."""
    word = word.lower()
    count = len(_VOWELS.findall(word))
    silent = (word.endswith("e") and not word.endswith(("le", "ee"))) or bool(re.search(r"[^td]ed$", word))
    return max(1, count - 1 if silent and count > 1 else count)


def find_hard_passages(pages: Sequence[Page]) -> tuple[Finding, ...]:
    """Passages below a reading ease of 30 or with sentences of more than 40 words on average, the hardest first."""
    return ordered([finding for page in pages for finding in _of_page(page)])


def _of_page(page: Page) -> Iterator[Finding]:
    for passage in page.passages:
        ease = reading_ease(passage.text)
        if ease is None or (ease.flesch >= HARD and ease.words_a_sentence <= LONG_SENTENCE_WORDS):
            continue
        what = (
            f"A passage of “{page.document.title}” has a reading ease of {ease.flesch:.0f} and "
            f"{ease.words_a_sentence:.0f} words a sentence."
        )
        facts = {"flesch": round(ease.flesch, 1), "words a sentence": round(ease.words_a_sentence, 1)}
        remedy = "Shorten its sentences, and put everyday words for long ones."
        place = page.place(passage.span, passage)
        score = 100 - ease.flesch + max(0.0, ease.words_a_sentence - LONG_SENTENCE_WORDS)
        yield Finding(Kind.HARD_TO_READ, what, remedy, (place,), round(score, 2), facts)


def _sentences(text: str) -> list[str]:
    return [text[slice(*span)] for span in sentence_spans(text)]
