"""What a short message means after a question was asked back: one of the options, or an answer in other words."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence, Set
from dataclasses import dataclass

from domain.conversation import Gate, Query, Turn

_WORD = re.compile(r"[^\W_]+")
_FILLERS = frozenset(
    "the a an in on at its it is i im am my we are were one pls please think guess mean meant for of so that this "
    "would be thanks ok well um sorry just from option number to yes m s d ve".split()
)
_ORDINALS = (
    {"first", "1st", "former"},
    {"second", "2nd", "latter"},
    {"third", "3rd"},
    {"fourth", "4th"},
)
_ASKS = re.compile(
    r"\?|\b(?:how|what|when|where|who|why|which|can|could|do|does|did|will|would|should|tell|show)\b", re.IGNORECASE
)
_MOST_WORDS = 8  # longer messages are questions of their own
_MISSPELT = 0.8  # of difflib's ratio


@dataclass(frozen=True, slots=True)
class Choice:
    """``option`` is the place of the chosen option, None when the person answered in words of their own."""

    option: int | None
    text: str


def chosen(message: str, options: Sequence[str]) -> Choice | None:
    """What ``message`` chooses among ``options``; None when it is no answer to the question at all.

    The option itself ("In Ireland"), a word that only it has ("ireland pls", "hub 2"), its place ("the second one"),
    and typing mistakes all count. A short message that asks nothing is an answer in other words ("wexford").
    """
    words = [word.casefold() for word in _WORD.findall(message)]
    if message.strip().casefold() in (option.casefold() for option in options):
        at = [option.casefold() for option in options].index(message.strip().casefold())
        return Choice(at, options[at])
    if not words or len(words) > _MOST_WORDS or _ASKS.search(message):
        return None
    at_option = _named(words, options)
    if at_option is None:
        at_option = _counted(words, len(options))
    if at_option is None:
        return Choice(None, message.strip())
    known = _FILLERS | _all_ordinals() | {word.casefold() for word in _WORD.findall(options[at_option])}
    rest = [word for word in words if not _is_among(word, known)]
    return Choice(at_option, message.strip() if rest else options[at_option])


def taken_up(message: str, previous: Turn, choice: Choice) -> Query:
    """The pending question with the answer to what was asked back, as a query that stands alone."""
    pending = previous.query.text.rstrip(" ?.!")
    told = f"{choice.text[0].lower()}{choice.text[1:]}" if choice.text.startswith("In ") else choice.text
    said = f"“{message}” answers what was asked back about “{previous.question}”"
    return Query(f"{pending}, {told.rstrip(' ?.!')}?", message, Gate.REWRITE, said, 1.0, previous.query.context)


def _named(words: Sequence[str], options: Sequence[str]) -> int | None:
    """The only option with a word of its own among ``words``."""
    own = [_own_words(at, options) for at in range(len(options))]
    hits = [at for at, telling in enumerate(own) if any(_is_among(word, telling) for word in words)]
    return hits[0] if len(hits) == 1 else None


def _own_words(at: int, options: Sequence[str]) -> set[str]:
    split = [{word.casefold() for word in _WORD.findall(option)} for option in options]
    return split[at].difference(*(other for n, other in enumerate(split) if n != at)) - _FILLERS


def _is_among(word: str, telling: Set[str]) -> bool:
    return word in telling or (len(word) > 3 and bool(difflib.get_close_matches(word, telling, n=1, cutoff=_MISSPELT)))


def _counted(words: Sequence[str], count: int) -> int | None:
    """The place that is counted out: "second", "the latter", "last"; a bare "2" too."""
    if "last" in words:
        return count - 1
    for at, ordinals in enumerate(_ORDINALS[:count]):
        if (
            ordinals.intersection(words)
            or words == [str(at + 1)]
            or (words[:-1] == ["option"] and words[-1] == str(at + 1))
        ):
            return at
    return None


def _all_ordinals() -> set[str]:
    return {"last", "1", "2", "3", "4"}.union(*_ORDINALS)
