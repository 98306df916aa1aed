"""What a rewrite must not do, checked on every one before it is searched.

No number, name or negation of the question is lost; nothing is added that neither question nor history holds; no
whole earlier question is dragged in. A rewrite that breaks one of these is refused, whatever its probability.
"""

from __future__ import annotations

import re

_NEGATIONS = frozenset("no not never none nothing without cannot cant dont doesnt wont isnt arent".split())
_GLUE = frozenset(
    "a an the of to in on at for from with by as and or but is are was were be been do does did have has had can could "
    "will would should what when where which who whom whose why how i me my you your it its they their there that this "
    "these those if than then other besides s about any".split()
)
_PRONOUNS = frozenset(
    "it its they them their theirs he him his she her hers this that these those there one ones another".split()
)
_OPENERS = frozenset("and but so then what how also or".split())
_MAX_ADDED_WORDS = 14  # CANARD's rewrites add 4 words on average and over 14 in 1 % of the turns


def words_of(text: str) -> list[str]:
    """The words of ``text`` in order, lower-cased, apostrophes dropped, punctuation apart."""
    return re.findall(r"[^\W_]+", text.lower().replace("’", "").replace("'", ""))


def broken_invariant(question: str, rewrite: str, history: str) -> str | None:
    """Which promise ``rewrite`` breaks, in words; None when it keeps them all."""
    asked, said = words_of(question), words_of(rewrite)
    known = {*asked, *words_of(history), *_GLUE}
    lost = [word for word in asked if _must_stay(word, question) and word not in said]
    if lost:
        return f"it loses “{lost[0]}”"
    invented = [word for word in said if word not in known and not _inflected(word, known)]
    if invented:
        return f"it adds “{invented[0]}”, which nobody said"
    if len(said) > len(asked) + _MAX_ADDED_WORDS:
        return "it drags an earlier message in"
    if _repeats(said):
        return "it repeats itself"
    return None


def pronouns_in(question: str) -> list[str]:
    """The pronouns of ``question`` that may stand for something said before."""
    return [word for word in words_of(question) if word in _PRONOUNS]


def is_elliptic(question: str) -> bool:
    """True for a fragment such as "and in Ireland?": few words, or an opening that leans on what was said."""
    said = words_of(question)
    return len([word for word in said if word not in _GLUE]) <= 1 or (len(said) <= 5 and said[0] in _OPENERS)


def _must_stay(word: str, question: str) -> bool:
    if any(character.isdigit() for character in word) or word in _NEGATIONS:
        return True
    capital = rf"(?<![.!?]\s)(?<!^)\b{re.escape(word.capitalize())}"
    return word not in _GLUE and word not in _PRONOUNS and re.search(capital, question) is not None


def _inflected(word: str, known: set[str]) -> bool:
    """True when only an ending differs from a known word ("fee" for "fees")."""
    stems = {word, word.rstrip("s"), word + "s", word.removesuffix("es"), word.removesuffix("d"), word + "d"}
    return any(stem in known for stem in stems if stem)


def _repeats(said: list[str]) -> bool:
    trigrams = list(zip(said, said[1:], said[2:], strict=False))
    return len(set(trigrams)) < len(trigrams)
