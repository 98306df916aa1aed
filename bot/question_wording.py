"""Headings as questions: what a section is called, said by the person who wants to know it.

Rules over the first words of a heading, no model: a question that nobody would ask is worse than none, and every word
of these comes from the document.
"""

from __future__ import annotations

import re

_CHINESE = re.compile(r"[\u4e00-\u9fff]")
_INDIRECT = re.compile(r"(?:how|when|where|why) (?!to\b)", re.IGNORECASE)
_DIRECT = re.compile(
    r"(?:who|which|what (?:is|are|was|were|happens|happened|counts|does|can|must|may|will))\b", re.IGNORECASE
)
_IMPERATIVE = re.compile(
    r"(?:add|ask|block|bring|cancel|change|check|choose|claim|connect|find|get|give|join|keep|leave|make|measure|move|"
    r"order|pay|prove|read|register|remove|replace|report|reset|restart|return|send|set|start|stop|switch|test|turn|"
    r"update|use) "
    r"(?:a|an|the|your|or|and|up|on|off|for|from|with|in|to|between)\b",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"(?:activate|add|apply|ask|block|borrow|bring|cancel|change|choose|claim|close|connect|deactivate|disable|disconnect|download|enable|"
    r"complain|find|finish|get|give|install|keep|listen|make|order|prove|register|remove|replace|report|reset|restart|return|"
    r"send|set up|stay|stop|swap|trade|turn|unblock|unlock) \w",
    re.IGNORECASE,
)
_ORDERS_OF_NAMES = frozenset("cancel disable enable find get install stop unlock".split())
"""Before a word that is written small these tell what to do: ``Cancel call forwarding``."""
_NOUNS = re.compile(
    r"order (?:status|number|history|details)|report (?:card|number)|return (?:label|address|period)", re.I
)
_LINKS = "above|after|abroad|at|before|by|during|for|from|if|in|of|on|over|per|since|to|under|until|with|without"
_ATTRIBUTE = re.compile(
    r"(?:(?P<many>\w*(?:charges|checks|conditions|costs|exceptions|extras|facts|features|fees|hours|limits|prices|rates|"
    r"requirements|rules|speeds|steps|symptoms))|"
    r"(?:allowance|amount|charge|cost|deposit|fee|limit|period|price|rate|rise|speed|surcharge))"
    rf"(?= (?:{_LINKS})\b|$)"
)
"""What somebody would ask the amount or the list of: ``Payment method surcharge``, ``Limits and exceptions``."""
_AFTER_NOUN = re.compile(rf" (?:{_LINKS})\b.*")
_TOLD = re.compile(
    r"(?!(?:all|because|both|half|instead|not|once|only)\b)(?!\w+ing\b)[a-z]+ (?:a|an|the|your) ", re.IGNORECASE
)
_TABLE = re.compile(r"(?:table|list|overview|summary) of (?:the )?(?=\w)| table$", re.IGNORECASE)
_PLACE = re.compile(
    r"(?:after|at|before|beyond|during|in|inside|near|on|outside|under|while|with|without) ", re.IGNORECASE
)
_OF = re.compile(r"([a-z]+) of\b", re.IGNORECASE)
_YOU = {"you": "I", "your": "my", "yours": "mine"}


def question_from(heading: str, text: str) -> str:
    """``heading`` as a question in the first person, in the heading's own language. ``text`` is what stands below it:
    a word that is written small there is no name."""
    heading = heading.strip()
    if heading.endswith(("?", "？")):
        return heading
    if is_chinese(heading):
        return f"{heading}？"
    match heading.split(maxsplit=2):
        case [first, "to", rest] if first.lower() == "how":
            return f"How do I {_mine(rest)}?"
        case [first, "to", rest] if first.lower() in ("what", "when", "where"):
            return f"{first} should I {_mine(rest)}?"
        case [first, *_] if first.lower() == "if":
            return f"What if {_mine(heading[3:])}?"
    if _DIRECT.match(heading):
        return f"{_mine(heading)}?"
    if _INDIRECT.match(heading) or heading.lower().startswith("what "):
        return f"Can you tell me {heading[0].lower()}{_mine(heading[1:])}?"
    return _about(heading, text)


def _about(heading: str, text: str) -> str:
    """A heading that is no question by itself: ``Price of Wi-Fi Calling``, ``Turn on roaming``, ``After the call``."""
    heading = _TABLE.sub("", heading)
    inside = f"{heading[0].lower()}{heading[1:]}"
    if (_IMPERATIVE.match(heading) or _is_order(heading)) and not _NOUNS.match(heading):
        return f"How do I {_mine(inside)}?"
    if _PLACE.match(heading):
        return f"What happens {_mine(inside)}?"
    if _TOLD.match(heading):
        return f"How do I {_mine(inside)}?"
    if counted := _OF.match(heading):
        return f"What {'are' if counted[1].endswith('s') else 'is'} the {_mine(inside)}?"
    small = _mine(_lower_first(heading, text))
    if small.partition(" ")[0].endswith("ing"):
        return f"What about {small}?"
    if asked := _ATTRIBUTE.search(small):
        return f"What {'are' if asked['many'] else 'is'} the {small}?"
    return f"What about {_article(small, text)}{small}?"


def _is_order(heading: str) -> bool:
    first, _, rest = heading.partition(" ")
    return _ORDER.match(heading) is not None and (rest[0].islower() or first.lower() in _ORDERS_OF_NAMES)


def _article(heading: str, text: str) -> str:
    """``the `` or ``a `` where ``text`` puts it before the noun that ``heading`` is about, as it stands there or with
    what it is called; "" where nothing tells."""
    noun = _AFTER_NOUN.sub("", heading)
    last = noun.rpartition(" ")[2]
    if (
        not last.isalpha()
        or last.endswith("s")
        or not noun[0].islower()
        or noun.startswith(("no ", "half ", "the ", "a ", "an "))
    ):
        return ""
    if re.search(rf"\bthe (?:[\w-]+ )?{re.escape(last)}\b", text, re.IGNORECASE):
        return "the "
    found = re.search(rf"\ban? (?={re.escape(noun)}\b)", text, re.IGNORECASE)
    return found[0].lower() if found else ""


def _mine(text: str) -> str:
    """What a document says to its reader, as the reader would say it."""
    text = re.sub(r"\byou are\b", "I am", text)
    return re.sub(r"\b(?:you|your|yours)\b", lambda found: _YOU[found[0]], text)


def _lower_first(heading: str, text: str) -> str:
    """``Steady red light`` as it stands inside a sentence; a name keeps its capital."""
    first, space, rest = heading.partition(" ")
    written_small = re.search(rf"\b{re.escape(first.lower())}\b", text)
    inside_a_sentence = re.search(rf"[a-z,(] {re.escape(first)}\b", text)
    is_name = not first[1:].islower() or (inside_a_sentence and not written_small)
    return heading if is_name else f"{first.lower()}{space}{rest}"


def is_chinese(text: str) -> bool:
    """Whether ``text`` is written in Chinese characters."""
    return _CHINESE.search(text) is not None
