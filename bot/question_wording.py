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
    inside = f"{heading[0].lower()}{heading[1:]}"
    if _IMPERATIVE.match(heading):
        return f"How do I {_mine(inside)}?"
    if _PLACE.match(heading):
        return f"What happens {_mine(inside)}?"
    if counted := _OF.match(heading):
        return f"What {'are' if counted[1].endswith('s') else 'is'} the {_mine(inside)}?"
    return f"What about {_mine(_lower_first(heading, text))}?"


def _mine(text: str) -> str:
    """What a document says to its reader, as the reader would say it."""
    text = re.sub(r"\byou are\b", "I am", text)
    return re.sub(r"\b(?:you|your|yours)\b", lambda found: _YOU[found[0]], text)


def _lower_first(heading: str, text: str) -> str:
    """``Steady red light`` as it stands inside a sentence; a name keeps its capital."""
    first, space, rest = heading.partition(" ")
    written_small = re.search(rf"\b{re.escape(first.lower())}\b", text)
    inside_a_sentence = re.search(rf"[a-z,] {re.escape(first)}\b", text)
    is_name = not first[1:].islower() or (inside_a_sentence and not written_small)
    return heading if is_name else f"{first.lower()}{space}{rest}"


def is_chinese(text: str) -> bool:
    """Whether ``text`` is written in Chinese characters."""
    return _CHINESE.search(text) is not None
