"""Actions that undo one another: who asks how to turn a thing off is not helped by how to turn it on.

Such an answer repeats every other word of the question, so that neither meaning nor words tell it apart. A wrong name
in the right place is the same mistake (``generation.rivals``), but names are learnt from a collection, and these are
plain English. Send and receive, buy and sell are no such pair: what a shop sells, its customers buy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from functools import lru_cache

from generation.words import content_words, stem

_OPPOSITES = """
switchon activate activation enable reactivate reactivation | switchoff deactivate deactivation disable
start begin resume | stop end finish cease
add addition | remove removal delete deletion
cancel cancellation terminate termination stop end | renew renewal
join | leave quit
increase raise | decrease reduce lower
extend extension | shorten
open reopen | close closure
lock | unlock
block bar | unblock unbar
upload | download
connect reconnect | disconnect
plug | unplug
install installation | uninstall
pair | unpair
mute | unmute
hide | show
optin subscribe | optout unsubscribe
login | logout
upgrade | downgrade
pause suspend freeze suspension | resume unpause unsuspend unfreeze
accept approve | decline reject refuse
allow permit | forbid prohibit
import | export
deposit | withdraw withdrawal
arrive arrival | depart departure
include | exclude
"""

_AS_WELL = {
    stem(asked): frozenset(map(stem, also.split()))
    for asked, also in (("switchoff", "remove cancel stop end"), ("switchon", "add start"))
}
"""What does it as well, but is not undone by the same: calls are stopped by turning a filter on."""

_SWITCHED = re.compile(r"\b(?:turn|switch|power)(?:e?s|ed|ing)?(?: [\w'-]+){0,4}? (on|off)(?: or (on|off))?\b", re.I)
_STANDING = re.compile(r"\b(?:is|are|stays?|remains?|keep|leave)(?: [\w'-]+){0,3}? (on|off)\b(?! \w)", re.I)
_ENTERED = re.compile(r"\b(?:log|sign)(?:ged|ging|ed|ing|s)? (?:(in|on)|out|off)\b", re.I)
_OPTED = re.compile(r"\bopt(?:s|ed|ing)? (in|out)\b", re.I)
_BEFORE = {"before": "after", "after": "before", "with": "without", "without": "with"}
_GOVERNED = re.compile(r"\b(before|after|with|without)((?: [\w'-]+){1,4})", re.I)
_STATE = re.compile(r"\b(?:is|are|was|were)(?: [\w'-]+){1,3}? (?:\w+ed|open)\b", re.I)  # yes and no answer it alike
_MANNER = re.compile(r"\bhow\b", re.I)
_HALTING = re.compile(r"\b(?:not|never|no longer|cannot|avoid|prevent|instead|rather)\b|n['’]t\b", re.I)
_CLAUSE = re.compile(r"[,;:.!?()\n|]|\b(?:and|but|then|because|if|when|while|unless|until|so|which|where|who)\b", re.I)
_PHRASAL = frozenset({"turn", "switch", "power", "log", "sign", "opt"})  # they say nothing without their particle
_POINTING = re.compile(r"\b(?:it|this|that|them|these|those)\b", re.I)
_WORD = re.compile(r"[^\W\d_]+")


def _sides() -> dict[str, list[tuple[frozenset[str], frozenset[str]]]]:
    """Stem -> for each pair that has it (all of its side, all of the other)."""
    found: dict[str, list[tuple[frozenset[str], frozenset[str]]]] = {}
    for line in _OPPOSITES.strip().splitlines():
        left, right = (frozenset(stem(word) for word in side.split()) for side in line.split("|"))
        for own, other in ((left, right), (right, left)):
            for word in own:
                found.setdefault(word, []).append((own, other))
    return found


_SIDES = _sides()


def reversed_actions(question: str, levels: Sequence[str]) -> int:
    """How many actions of ``question`` a sentence replaces by their opposites: off by on, remove by add.

    ``levels``: the sentence, then what stands over it, nearest first. The first that has the action or its opposite
    decides. The opposite counts where its clause speaks of something else that the question speaks of, and denies
    nothing; "before" for "after" and "with" for "without" where they are said of the same. A question that denies, or
    names both, is about more than one way round and nothing is said of it.
    """
    if _HALTING.search(question):
        return 0
    asked = _actions(question if _MANNER.search(question) else _STATE.sub(" ", question))
    matter = frozenset(content_words(question)) - asked - _PHRASAL
    turned = sum(_is_reversed(action, asked, matter, levels) for action in asked)
    return turned + sum(_is_turned(*pair, levels[0]) for pair in _governing(question)) if levels else turned


def _is_reversed(action: str, asked: Set[str], matter: Set[str], levels: Sequence[str]) -> bool:
    own = frozenset(_AS_WELL.get(action, ())).union(*(side for side, _ in _SIDES[action]))
    opposite = frozenset().union(*(other for _, other in _SIDES[action])) - own
    if not opposite.isdisjoint(asked):
        return False
    for level in levels:
        told = _actions(level)
        if not own.isdisjoint(told):
            return False
        if not opposite.isdisjoint(told):
            return any(_in_place(clause, opposite, matter) for clause in _clauses(level))
    return False


def _in_place(clause: str, opposite: Set[str], matter: Set[str]) -> bool:
    """Whether a clause says the opposite of what the question is about."""
    if opposite.isdisjoint(_actions(clause)) or _HALTING.search(clause):
        return False
    return not matter or not matter.isdisjoint(content_words(clause)) or _POINTING.search(clause) is not None


def _is_turned(word: str, of: Set[str], sentence: str) -> bool:
    """Whether ``sentence`` says "before" of what the question says "after" of, and not that too."""
    told = [said for said, governed in _governing(sentence) if not of.isdisjoint(governed)]
    return _BEFORE[word] in told and word not in told


def _governing(text: str) -> list[tuple[str, frozenset[str]]]:
    """Each "before", "after", "with" and "without" of a text, with the content words right after it."""
    return [(match[1].lower(), frozenset(content_words(match[2]))) for match in _GOVERNED.finditer(text)]


def _clauses(text: str) -> list[str]:
    return [part for part in _CLAUSE.split(text) if part.strip()]


@lru_cache(maxsize=1 << 14)  # the same sentences of the evidence come again and again
def _actions(text: str) -> frozenset[str]:
    """The stems of ``text`` that stand in a pair; what is said in two words ("turn … off") as one."""
    joined = _SWITCHED.sub(lambda match: f"{match.group()} switch{match[1]} switch{match[2] or match[1]}", text.lower())
    joined = _STANDING.sub(lambda match: f"{match.group()} switch{match[1]}", joined)
    joined = _ENTERED.sub(lambda match: f" log{'in' if match[1] else 'out'} ", joined)
    joined = _OPTED.sub(lambda match: f" opt{match[1]} ", joined)
    return frozenset(word for word in map(stem, _WORD.findall(joined)) if word in _SIDES)
