"""Random changes of a knowledge base, drawn ahead, so that every state they lead through is known to who reads it."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from domain.passage import Passage
from evaluation.word_hashing import document_of, drawn_words
from retrieval.prepared import PreparedDocument

EVERYWHERE = "everywhere"
"""A word of every passage: the word index must find all of them by it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One operation: documents to put, or the id of one to delete."""

    put: tuple[PreparedDocument, ...] = ()
    delete: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The changes, and a number for the state before them and after each, by which a reader knows where it is."""

    changes: tuple[Change, ...]
    states: tuple[int, ...]
    counts: Mapping[str, int] = field(hash=False)

    @classmethod
    def drawn(cls, seed: int, operations: int, population: int) -> Plan:
        """``operations`` changes of a knowledge base that grows to about ``population`` documents and stays there."""
        rng, living, changes = random.Random(seed), dict[str, int](), list[Change]()
        states, counts = [0], {"added": 0, "replaced": 0, "deleted": 0}
        for number in range(1, operations + 1):
            change, kind = _drawn(rng, number, list(living), population)
            changes.append(change)
            counts[kind] += 1
            states.append(states[-1] ^ _toggle(living, change, number))
        return cls(tuple(changes), tuple(states), counts)


def state_of_passages(passages: Iterable[Passage]) -> int:
    """The number of the state that these passages are; -1 when a document is not whole or of two versions."""
    versions: dict[str, list[tuple[int, int]]] = {}
    for passage in passages:
        *_, version, _, count = passage.text.split()
        versions.setdefault(passage.document_id, []).append((int(version), int(count)))
    if any(len(set(parts)) != 1 or len(parts) != parts[0][1] for parts in versions.values()):
        return -1
    return _combined((id_, parts[0][0]) for id_, parts in versions.items())


def _drawn(rng: random.Random, number: int, living: Sequence[str], population: int) -> tuple[Change, str]:
    grows = rng.random() < (0.7 if len(living) < population else 0.3)
    if not living or (grows and rng.random() < 0.6):
        return Change(put=(_document(rng, f"d{number}", number),)), "added"
    if grows or rng.random() < 0.4:
        chosen = rng.sample(living, min(len(living), rng.choice((1, 1, 1, 2, 3))))
        return Change(put=tuple(_document(rng, id_, number) for id_ in chosen)), "replaced"
    return Change(delete=rng.choice(living)), "deleted"


def _document(rng: random.Random, id_: str, version: int) -> PreparedDocument:
    """Each passage says which version it is of, and of how many passages."""
    count = rng.choice((1, 1, 2, 2, 3, 5))
    texts = [f"{drawn_words(rng, 3, 25)} {EVERYWHERE} version {version} of {count}" for _ in range(count)]
    return document_of(id_, texts)


def _toggle(living: dict[str, int], change: Change, number: int) -> int:
    """Carries out ``change`` on ``living`` (id -> version); what to change the number of the state by."""
    ids = [document.document.id for document in change.put] or [change.delete]
    toggled = 0
    for id_ in ids:
        toggled ^= _number_of(id_, living.pop(id_)) if id_ in living else 0
    if change.put:
        living |= dict.fromkeys(ids, number)
        toggled ^= _combined((id_, number) for id_ in ids)
    return toggled


def _combined(versions: Iterable[tuple[str, int]]) -> int:
    combined = 0
    for id_, version in versions:
        combined ^= _number_of(id_, version)
    return combined


def _number_of(id_: str, version: int) -> int:
    """64 bits; those of a state are the exclusive or of its documents' (Zobrist 1970)."""
    return random.Random(f"{id_} {version}").getrandbits(64)
