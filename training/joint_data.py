"""What retriever and answerer learn together from: a small corpus, and questions about it with their answers.

No passage is named in training: which one answers is what the retriever is to find out. The questions come in three
parts that share none: to learn from, to choose the best weights by, and held out for the figures.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product as product_of
from pathlib import Path

from corpora.reading import read_reading
from corpora.service_kits import Handbook, filled, read_kits
from corpora.splits import is_development
from domain.errors import Misconfigured

Passage = tuple[str, str]
"""(heading, text)."""

_LEARNT, _DEVELOPMENT, _HELD_OUT = range(3)


@dataclass(frozen=True, slots=True)
class JointQuestion:
    """``answers``: all of them right, the first is taught. ``gold``: the numbers of the passages known to answer, for
    measuring only. ``group``: questions of one group (a page's title, a wording) are not independent of one another.
    """

    text: str
    answers: tuple[str, ...]
    gold: frozenset[int]
    group: str = ""


@dataclass(frozen=True, slots=True)
class JointCorpus:
    """``name`` is what a model card calls it."""

    name: str
    passages: tuple[Passage, ...]
    learnt: tuple[JointQuestion, ...]
    development: tuple[JointQuestion, ...]
    held_out: tuple[JointQuestion, ...]


def read_corpus(path: Path) -> JointCorpus:
    """SQuAD's JSON or packed passages (see ``corpora.reading``): the distinct passages are the corpus.

    One question in five, by its id, is not learnt from; about half of those choose the weights. Raises
    ``Misconfigured`` when the file is wrong or leaves a part without questions.
    """
    numbers: dict[Passage, int] = {}
    parts: tuple[list[JointQuestion], ...] = ([], [], [])
    for example in read_reading(path):
        place = numbers.setdefault((example.title, example.passage), len(numbers))
        if example.answerable:
            group = example.title or f"passage {place}"
            question = JointQuestion(example.question, example.answers, frozenset([place]), group)
            parts[part_of(example.id)].append(question)
    return _corpus(path.name, list(numbers), parts)


def kit_corpus(companies: int = 2, seed: int = 0) -> JointCorpus:
    """The facts of invented companies that no model of ours was trained on, a short article each, and every question
    about them.

    Articles are near twins that differ in a region, a product or a variant, so that nearness in meaning alone finds
    the wrong one often. What is held out are wordings: no question of one is learnt from. Raises ``Misconfigured``
    for more companies than there are.
    """
    kits = read_kits(development=True)
    if not 1 <= companies <= len(kits):
        raise Misconfigured(f"--companies is {companies}; choose 1 to {len(kits)}.")
    rng = random.Random(seed)
    numbers: dict[Passage, int] = {}
    parts: tuple[list[JointQuestion], ...] = ([], [], [])
    for book in [Handbook(kit, rng) for kit in kits[:companies]]:
        for article, wording, (question, value) in _asked(book):
            place = numbers.setdefault(article, len(numbers))
            parts[part_of(wording)].append(JointQuestion(question, (value,), frozenset([place]), wording))
    for part in parts:
        rng.shuffle(part)
    return _corpus(f"facts of {companies} invented companies (corpora/data)", list(numbers), parts)


def part_of(name: str) -> int:
    """0 to learn from, 1 to choose by, 2 held out: by a hash, so that every run draws the same lines."""
    if not is_development(name):
        return _LEARNT
    return _DEVELOPMENT if hashlib.sha256(name.encode("utf-8")).digest()[1] % 2 else _HELD_OUT


def _asked(book: Handbook) -> Iterator[tuple[Passage, str, tuple[str, str]]]:
    """(article, wording, (question, answer)) for all that the handbook says."""
    kit = book.kit
    seen: set[tuple[str, str]] = set()
    for attribute, product, region, variant in product_of(kit.attributes, kit.products, kit.regions, kit.variants):
        sentence, value = fact = book.fact(attribute, product, region, variant)
        if sentence and fact not in seen:  # one that depends on less comes once
            seen.add(fact)
            article = (f"{kit.company} › {attribute.noun.capitalize()}", sentence)
            for form in attribute.forms:
                question = filled(form.full, product.name, region.phrase, variant.phrase)
                yield article, f"{kit.company} {form.full}", (question, value)


def _corpus(name: str, passages: Sequence[Passage], parts: Sequence[Sequence[JointQuestion]]) -> JointCorpus:
    for part, purpose in zip(parts, ("to learn from", "to choose the weights by", "held out"), strict=True):
        if not part:
            raise Misconfigured(f"{name} leaves no question {purpose}; give a file with more questions.")
    return JointCorpus(name, tuple(passages), *(tuple(part) for part in parts))


def measured_on(corpus: JointCorpus, most: int) -> JointCorpus:
    """``corpus`` with at most so many questions to choose by and twice as many held out, where there are so many."""
    return replace(corpus, development=corpus.development[:most], held_out=corpus.held_out[: 2 * most])
