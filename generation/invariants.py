"""What a rewrite must not do, checked on every one before it is searched.

No number, name, negation or other word that carries the question is lost; nothing is added that neither question nor
history holds; no whole earlier question is dragged in. A rewrite that breaks one of these is refused, whatever its
probability.
"""

from __future__ import annotations

import re
from itertools import pairwise

_NEGATIONS = frozenset("no not never none nothing neither nor without cannot".split())
_CONTRACTED = re.compile(r"(?:ca|wo|do|does|did|is|are|was|were|has|have|had|could|would|should|must|need|ai)nt")
_GLUE = frozenset(
    "a an the of to in on at for from with by as and or but is are was were be been do does did have has had can could "
    "will would should what when where which who whom whose why how i me my you your it its they their there that this "
    "these those if than then other besides s t m re ve ll d about any so also ok okay much many after before until "
    "get need we us our mine ours im ive id youre weve hes shes theyre theyve theyll itll thats whats wheres whos hows "
    "theres heres".split()
)
_PRONOUNS = frozenset(
    "it its they them their theirs he him his she her hers this that these those there one ones another".split()
)
_DETERMINERS = frozenset("this that these those such".split())
_INWARD = frozenset("it its they them their theirs".split())  # pronouns that often stand for a word of the same message
_CLAUSE_OPENERS = frozenset("and or but if when what how where why which because while before after".split())
_QUESTION_WORDS = frozenset("what when where who whom whose why how which".split())
_STANDS_FOR_A_THING = frozenset("one ones".split())  # "the second one": the ordinal goes with it
_AUXILIARIES = frozenset("is are was were do does did can could will would should has have had".split())
_CORRECTIONS = frozenset("no nope sorry meant mean".split())
_FRAGMENT_WORDS = 5  # a shorter message may be a fragment, whose question word comes from the conversation
_ENOUGH_WORDS = 2  # content words in an earlier clause: there is something in the message for "it" to stand for
_OPENERS = frozenset("and but so then also or".split())
_KNOWN_THINGS = frozenset("the such same both other others else".split())
_BE = frozenset("is are was were be isnt arent wasnt werent".split())
_MAX_ADDED_WORDS = 8  # CANARD's rewrites add 4 words on average; more was mostly another message dragged in


def words_of(text: str) -> list[str]:
    """The words of ``text`` in order, lower-cased, apostrophes dropped, punctuation apart."""
    return re.findall(r"[^\W_]+", _plain(text).lower())


def broken_invariant(question: str, rewrite: str, history: str) -> str | None:
    """Which promise ``rewrite`` breaks, in words; None when it keeps them all."""
    asked, said = words_of(question), words_of(rewrite)
    kept = set(said)
    lost = [word for word in _carrying(question) if word not in kept and not _inflected(word, kept)]
    if lost:
        return f"it loses “{lost[0]}”"
    if new := invented(question, rewrite, history):
        return f"it adds “{new[0]}”, which nobody said"
    corrected = not _CORRECTIONS.isdisjoint(asked)  # "sorry, i meant the first one" takes its question from before
    if len(asked) > _FRAGMENT_WORDS and not corrected and _question_words(said) > _question_words(asked):
        return "it changes what is asked"
    if 0 < _auxiliaries(asked) < _auxiliaries(said) and not corrected:
        return "it runs two sentences together"
    if len(said) > len(asked) + _MAX_ADDED_WORDS:
        return "it drags an earlier message in"
    if _repeats(said, asked):
        return "it repeats itself"
    return None


def invented(question: str, rewrite: str, history: str) -> list[str]:
    """The words of ``rewrite`` that neither question nor history holds, glue and endings apart."""
    known = {*words_of(question), *words_of(history), *_GLUE}
    return [word for word in words_of(rewrite) if word not in known and not _inflected(word, known)]


def pronouns_in(question: str) -> list[str]:
    """The pronouns of ``question`` that may stand for something said before; not the "there" of "is there a fee", the
    "one" of "one month", nor the "it" of "my phone is broken, can you mend it", which stands for the phone."""
    said = ["", *words_of(question), ""]
    found = []
    for i, (before, word, after) in enumerate(zip(said, said[1:], said[2:], strict=False)):
        existential = word == "there" and (before in _BE or after in _BE)
        numeral = word == "one" and bool(after) and after not in _GLUE
        inward = word in _INWARD and _has_antecedent(said[1 : i + 1])
        if word in _PRONOUNS and not existential and not numeral and not inward:
            found.append(word)
    return found


def _question_words(words: list[str]) -> int:
    return sum(word in _QUESTION_WORDS for word in words)


def _auxiliaries(words: list[str]) -> int:
    return sum(word in _AUXILIARIES for word in words)


def is_complete(question: str) -> bool:
    """True when the only pronouns of ``question`` stand for words of its own."""
    return not pronouns_in(question) and not _INWARD.isdisjoint(words_of(question))


def _has_antecedent(before: list[str]) -> bool:
    """True when an earlier clause of the message names something."""
    openers = [i for i, word in enumerate(before) if word in _CLAUSE_OPENERS and i > 0]
    earlier = before[: openers[-1]] if openers else []
    return len([word for word in earlier if word not in _GLUE and word not in _PRONOUNS]) >= _ENOUGH_WORDS


def is_elliptic(question: str) -> bool:
    """True for a question of function words alone, and for at most five words that open with "and" or the like."""
    said = words_of(question)
    return all(word in _GLUE for word in said) or (len(said) <= 5 and said[0] in _OPENERS)


def points_back(question: str) -> bool:
    """True when ``question`` speaks of something as known: "the fee", "the other one"."""
    return not _KNOWN_THINGS.isdisjoint(words_of(question))


def _plain(text: str) -> str:
    return text.replace("’", "").replace("'", "")


def _carrying(question: str) -> list[str]:
    """The words a rewrite must keep. An ordinary word may go where a determiner points back ("that plan") and where it
    only picks one out ("the cheaper one")."""
    text = _plain(question)
    matches = list(re.finditer(r"[^\W_]+", text))
    words = ["", *(match.group().lower() for match in matches), ""]
    found = []
    for match, before, word, after in zip(matches, words, words[1:], words[2:], strict=False):
        ordinary = word not in _GLUE and word not in _PRONOUNS
        specific = is_negation(word) or _has_digit(word) or (ordinary and _is_name(text, match))
        if specific or (ordinary and before not in _DETERMINERS and after not in _STANDS_FOR_A_THING):
            found.append(word)
    return found


def _has_digit(word: str) -> bool:
    return any(character.isdigit() for character in word)


def is_negation(word: str) -> bool:
    """True for a lower-case word, as ``words_of`` gives it, that denies."""
    return word in _NEGATIONS or _CONTRACTED.fullmatch(word) is not None


def _is_name(text: str, match: re.Match[str]) -> bool:
    """Capitals that no sentence's beginning explains."""
    opening = re.search(r"(?:^|[.!?]\s)\W*$", text[: match.start()]) is not None
    word = match.group()
    return word[1:] != word[1:].lower() or (word[0].isupper() and not opening)


def _inflected(word: str, known: set[str]) -> bool:
    """True when only an ending differs from a known word ("fee" for "fees"); numbers and codes have no endings."""
    if _has_digit(word):
        return False
    stems = {word, word.rstrip("s"), word + "s", word.removesuffix("es"), word.removesuffix("d"), word + "d"}
    return any(stem in known for stem in stems if stem)


def _repeats(said: list[str], asked: list[str]) -> bool:
    """A word twice running, or three words twice; unless the question itself does so."""
    return _repetitions(said) > _repetitions(asked)


def _repetitions(words: list[str]) -> int:
    trigrams = list(zip(words, words[1:], words[2:], strict=False))
    stammers = sum(word == after for word, after in pairwise(words))
    return stammers + len(trigrams) - len(set(trigrams))
