"""A draft made fit to read: what repeats, breaks off or has no support goes, and case, spacing, numbers, units,
addresses and telephone numbers come back as the evidence has them.

Nothing is added that the evidence does not say, and whatever is taken away is told, with the reason, for the trace.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from domain.answer import Removal
from generation.words import content_words, has_digit

Split = Callable[[str], Sequence[tuple[int, int]]]
Objection = Callable[[str], str]
"""Why the evidence does not bear a sentence out; "" where it does."""

_TOKEN = re.compile(r"\w+|[^\w\s]")
_LONGEST_RUN = 40  # tokens: a sentence; longer ones are found in parts
_LONGEST_STAMMER = 8  # words said twice running; beyond, it is a clause
_ADDRESS = re.compile(r"\S*[@/]|www\b|\S+\.[a-z]")
_CLAUSE = re.compile(r"[,;:]\s+")
_DANGLING = frozenset(
    "a an the of to in on at for from with by as and or but if than so is are was were be has have had do does can "
    "will would should may must not your our their its this that which who when where per each".split()
)
_TWICE = re.compile(r"(?<!\.)([.!?])(?:\s*\1)(?!\s*\.)(?=\s|$)")  # an ellipsis is none
_ENDED = re.compile(r"[.!?…]['\"”’)\]]*$")


@dataclass(frozen=True, slots=True)
class Refined:
    """The draft as it may be read, "" when nothing of it may; ``removals`` in the order they were made."""

    text: str
    removals: tuple[Removal, ...] = ()


@dataclass(frozen=True, slots=True)
class _Source:
    """A text without its white space and in small letters, each character with its place in the text."""

    text: str
    squeezed: str
    places: tuple[int, ...] = field(repr=False)


def refined(
    draft: str, evidence: Sequence[str], split: Split, objection: Objection = lambda _: "", *, finished: bool = True
) -> Refined:
    """``draft`` restored from ``evidence`` and without what repeats, breaks off or has no support.

    ``split`` gives the sentence spans of a text; ``finished`` is False for a draft that the length limit cut off.
    """
    text = _TWICE.sub(r"\1", re.sub(r"\s+(?=[.,;!?](?:\s|$))", "", restored(draft, evidence)))
    sentences, removals = _whole([text[slice(*span)] for span in split(text)], finished=finished)
    kept: list[str] = []
    for sentence in sentences:
        said, gone = _once(sentence, evidence)
        removals += gone
        why = _said_before(said, kept) or objection(said)
        if why:
            removals.append(Removal(said, why))
        else:
            kept.append(_raised(restored(said, evidence)))  # what was taken out may have joined what belongs together
    made = Refined(" ".join(kept), tuple(removals))
    if made.text == draft or len(split(made.text)) == len(kept):
        return made
    again = refined(made.text, evidence, split, objection)  # a capital that came back has parted a sentence in two
    return Refined(again.text, made.removals + again.removals)


def restored(draft: str, evidence: Iterable[str]) -> str:
    """``draft`` with the case and spacing of the evidence wherever a number, a name, an address or two words running
    stand in both: "1 - 800 - 772" becomes "1-800-772", "fibre 100" "Fibre 100", "£ 29" "£29"."""
    sources = [_source(text) for text in evidence]
    tokens = list(_TOKEN.finditer(draft))
    text, at, i = "", 0, 0
    while i < len(tokens):
        run = _longest(draft, tokens, i, sources)
        if run is None:
            i += 1
            continue
        end, found = run
        text += draft[at : tokens[i].start()] + _cased(draft, tokens[i].start(), found)
        at, i = tokens[end - 1].end(), end
    return text + draft[at:]


def without_stammer(sentence: str, evidence: Sequence[str]) -> str:
    """``sentence`` with words said twice running said once, unless the evidence says them twice running too."""
    words = sentence.split()
    while (place := _stammer(words, evidence)) is not None:
        del words[slice(*place)]
    return " ".join(words)


def _stammer(words: Sequence[str], evidence: Sequence[str]) -> tuple[int, int] | None:
    """The first of two equal stretches that follow one another, the longest such."""
    plain = [re.sub(r"\W", "", word).lower() for word in words]
    for size in range(min(_LONGEST_STAMMER, len(words) // 2), 0, -1):
        for i in range(len(words) - 2 * size + 1):
            twice = plain[i : i + size] == plain[i + size : i + 2 * size] and any(plain[i : i + size])
            if twice and not _stands(" ".join(words[i : i + 2 * size]), evidence):
                return i, i + size
    return None


def _whole(sentences: list[str], *, finished: bool) -> tuple[list[str], list[Removal]]:
    """The sentences with an end: a last one without is closed where the model had finished, and dropped where not."""
    if not sentences or _ENDED.search(sentences[-1]):
        return sentences, []
    *before, last = sentences
    if finished and len(last.split()) > 1 and last[-1].isalnum() and last.split()[-1].lower() not in _DANGLING:
        return [*before, f"{last}."], []
    return before, [Removal(last, "it breaks off")]


def _once(sentence: str, evidence: Sequence[str]) -> tuple[str, list[Removal]]:
    """The sentence with stammers and clauses said once."""
    fluent, removals = without_stammer(sentence, evidence), []
    if fluent != sentence:
        removals.append(Removal(sentence, "it says words twice running"))
    said: list[list[str]] = []
    kept = ""
    parts = [0, *(match.end() for match in _CLAUSE.finditer(fluent)), len(fluent)]
    for start, end in pairwise(parts):
        words = _plain(fluent[start:end])
        if len(words) > 1 and words in said:
            removals.append(Removal(fluent[start:end].strip(), "its clause was said before"))
        else:
            said.append(words)
            kept += fluent[start:end]
    ending = re.search(r"\W*$", fluent)
    if kept != fluent and ending:
        kept = re.sub(r"[\s,;:]+$", "", kept) + ending.group()
    return kept, removals


def _said_before(sentence: str, kept: Sequence[str]) -> str:
    ours = set(content_words(sentence))
    for earlier in kept:
        if _plain(sentence) == _plain(earlier) or (ours and ours <= set(content_words(earlier))):
            return "it repeats an earlier sentence"
    return ""


def _plain(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _stands(words: str, evidence: Sequence[str]) -> bool:
    return any(" ".join(_plain(words)) in " ".join(_plain(text)) for text in evidence)


@lru_cache(maxsize=1024)  # a turn's drafts come from the same few passages
def _source(text: str) -> _Source:
    kept = [(lower, i) for i, character in enumerate(text) if not character.isspace() for lower in character.lower()]
    return _Source(text, "".join(lower for lower, _ in kept), tuple(i for _, i in kept))


def _longest(
    draft: str, tokens: Sequence[re.Match[str]], first: int, sources: Sequence[_Source]
) -> tuple[int, tuple[_Source, int, int]] | None:
    """The longest run of tokens from ``first`` on that stands in a source and may be restored from it: its end, and
    the place."""
    for end in range(min(len(tokens), first + _LONGEST_RUN), first, -1):
        run = draft[tokens[first].start() : tokens[end - 1].end()]
        wanted = "".join(run.lower().split())
        for source in sources:
            place = _find(source, wanted)
            if place is not None and _telling(run, source, place):
                return end, (source, *place)
    return None


def _find(source: _Source, wanted: str) -> tuple[int, int] | None:
    """Where ``wanted`` stands in the source as whole words, in characters of its text."""
    at = source.squeezed.find(wanted)
    while at >= 0:
        start, end = source.places[at], source.places[at + len(wanted) - 1] + 1
        outside = source.text[start - 1 : start], source.text[end : end + 1]
        inside = source.text[start], source.text[end - 1]
        if not any(out.isalnum() and edge.isalnum() for out, edge in zip(outside, inside, strict=True)):
            return start, end
        at = source.squeezed.find(wanted, at + 1)
    return None


def _telling(run: str, source: _Source, place: tuple[int, int]) -> bool:
    """Whether a run is worth restoring: a figure, a name, or words running."""
    told = source.text[slice(*place)]
    if "\n" in told:
        return False  # the end of one paragraph and the beginning of another
    if has_digit(run) or len(_plain(run)) > 1:
        return True
    return told != told.lower() and not _opens(source.text, place[0])


def _cased(draft: str, start: int, found: tuple[_Source, int, int]) -> str:
    """The words of the source, with the capital at their beginning that the draft's sentence asks for."""
    source, first, end = found
    told = source.text[first:end]
    if _opens(draft, start):
        return _raised(told)
    if _opens(source.text, first) and re.match(r"[A-Z][a-z]*\b(?!-| \d)", told):
        return draft[start] + told[1:]
    return told


def _raised(sentence: str) -> str:
    """With a capital at its beginning, unless it begins with an address or a word with capitals of its own."""
    first = sentence.split(maxsplit=1)[0] if sentence.strip() else ""
    plain = first.islower() and first[:1].isalpha() and not _ADDRESS.match(first)
    return sentence[0].upper() + sentence[1:] if plain else sentence


def _opens(text: str, at: int) -> bool:
    before = text[:at].rstrip(" \t\"'“‘(")
    return not before or before[-1] in ".!?:\n"
