"""Near misses by name: "Fibre 700" where there are 100 and 300, the price of one plan for that of another.

Such an answer repeats nearly every word of the question, so that neither meaning nor likeness tells. What does is the
number beside a name. The collection says which names carry numbers ("Fibre 100", "Fibre 300": two at least) and which
codes there are ("E-2107"); an answer is not believed when the question's is none of them, or when the sentence that
answers has another number beside the same name and lacks the one that was asked about.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bot.telling_words import CALENDAR
from domain.answer import Answer
from domain.conversation import Query
from domain.passage import Passage, RetrievedPassage
from domain.protocols import AnswerWeigher, Draft

_BELIEVED = 0.25  # what is left of the confidence of an answer about another thing
_MODEL = re.compile(r"\b([A-Z]\w+)[ -](\d+)\b(?![.,]\d)")
_IN_SENTENCE = re.compile(r"(?<=[a-z,;:] )([A-Z]\w+)[ -](\d+)\b(?![.,]\d)")  # where a capital makes a name
_ASKED = re.compile(r"\b([^\W\d_]\w*)[ -](\d+)\b(?![.,]\d)(?! ?(?:days?|weeks?|months?|years?|pounds?|%))")
_YEAR = re.compile(r"(?:19|20)\d\d")
_CODE = re.compile(r"\b[A-Za-z]{1,3}-\d{2,4}(?:-[A-Za-z])?\b")
_FEWEST_NUMBERS = 2
_OFTEN = 3  # uses of a name with a number; below, the number may be a quantity

Pairs = set[tuple[str, str]]


class NamedModels:
    """The numbered names and the codes of a collection."""

    def __init__(self, passages: Iterable[Passage]) -> None:
        uses: defaultdict[str, list[str]] = defaultdict(list)
        codes: set[str] = set()
        for passage in passages:
            for name, number in _IN_SENTENCE.findall(passage.searchable):
                if not _YEAR.fullmatch(number):
                    uses[name.lower()].append(number)
            codes.update(code.upper() for code in _CODE.findall(passage.searchable))
        self.codes = frozenset(codes)
        self.numbers = {
            name: frozenset(found)
            for name, found in uses.items()
            if name not in CALENDAR and len(found) >= _OFTEN and len(set(found)) >= _FEWEST_NUMBERS
        }

    def asked(self, text: str) -> Pairs:
        """The (name, number) pairs of ``text`` whose name carries numbers in the collection."""
        return {(name.lower(), n) for name, n in _ASKED.findall(text) if name.lower() in self.numbers}

    def is_unknown(self, text: str) -> bool:
        """Whether ``text`` names a model or a code that the collection does not hold."""
        if any(code.upper() not in self.codes for code in _CODE.findall(text) if self._looks_known(code)):
            return True
        return any(number not in self.numbers[name] for name, number in self.asked(text))

    def is_displaced(self, asked: str, told: str) -> bool:
        """Whether ``told`` speaks of another number of a name than ``asked`` does."""
        said = {(name.lower(), n) for name, n in _MODEL.findall(told)}
        names = {name for name, _ in said}
        return any(pair[0] in names and pair not in said for pair in self.asked(asked))

    def _looks_known(self, code: str) -> bool:
        """Codes of a family that the collection has, such as E-…: "wi-fi 6" and the like are none."""
        family = code.upper().partition("-")[0]
        return any(known.startswith(f"{family}-") for known in self.codes)


class NamingGuard:
    """An ``AnswerWeigher`` that takes most of the confidence from an answer about another thing than was asked."""

    def __init__(self, weigher: AnswerWeigher, models: NamedModels) -> None:
        self._weigher, self._models = weigher, models

    def propose(self, query: Query, evidence: Sequence[RetrievedPassage], drafts: Sequence[Draft]) -> Answer | None:
        """What the weigher proposes; the feature ``another_name`` of the weighing is 1.0 where it is not believed."""
        best = self._weigher.propose(query, evidence, drafts)
        if best is None or not self._is_another(query, best):
            return best
        weighting = best.weighting and replace(
            best.weighting, features={**best.weighting.features, "another_name": 1.0}
        )
        return replace(best, confidence=_BELIEVED * best.confidence, weighting=weighting)

    def presentable(self, text: str, evidence: Sequence[RetrievedPassage]) -> str:
        return self._weigher.presentable(text, evidence)

    def _is_another(self, query: Query, answer: Answer) -> bool:
        asked = query.text
        return self._models.is_unknown(asked) or self._models.is_displaced(asked, answer.text)
