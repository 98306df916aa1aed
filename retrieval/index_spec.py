"""Which vector index a knowledge base uses: named in the settings, or chosen by size. Knows no FAISS."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from enum import StrEnum

from domain.errors import Misconfigured


class Metric(StrEnum):
    """How two vectors are compared; whichever it is, a higher score is better.

    ``DOT``: x·y. ``COSINE``: x·y / (‖x‖‖y‖), 0 where one of them is zero. ``L2``: −‖x − y‖².
    """

    DOT = "dot"
    COSINE = "cosine"
    L2 = "l2"


class Family(StrEnum):
    """How vectors are stored and found; D: numbers a vector, n: vectors, m: bytes a code.

    ``FLAT``: whole, all compared, 4·D bytes. ``SQ8``: a byte a number, all compared, D bytes. ``HNSW``: whole, a graph
    (Malkov & Yashunin 2018), 4·D + 8·links bytes; by dot product it misses more where lengths differ. ``IVF_FLAT``:
    whole, in lists by the nearest centroid (Sivic & Zisserman 2003). ``IVF_PQ``: in lists, as product-quantised
    residuals (Jégou et al. 2011), m bytes. ``OPQ_IVF_PQ``: the same after a rotation that makes them easier to
    quantise (Ge et al. 2013).
    """

    FLAT = "flat"
    SQ8 = "sq8"
    HNSW = "hnsw"
    IVF_FLAT = "ivf-flat"
    IVF_PQ = "ivf-pq"
    OPQ_IVF_PQ = "opq-ivf-pq"


LISTED = frozenset({Family.IVF_FLAT, Family.IVF_PQ, Family.OPQ_IVF_PQ})
CODED = frozenset({Family.IVF_PQ, Family.OPQ_IVF_PQ})

_FLAT_UP_TO = 50_000  # two cores search them in about 5 ms; nothing else gives the exact answer
_WHOLE_UP_TO = 1_000_000  # 1.5 GB of MiniLM's vectors; above, codes in memory and the vectors on disk
_MANY_LISTS, _MANY_FROM = 65_536, 4_000_000  # 10 million vectors: recall@10 0.994 at effort 64, p50 1.2 ms, 0.9 GB
_LEAST_IN_A_LIST = 39  # FAISS wants as many training vectors a centroid


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """A family and its numbers; 0 means "by the number of vectors".

    ``lists``: centroids of the IVF families. ``code_bytes``: m of the coded ones. ``links``: of a graph's node.
    ``effort``: lists looked into, or nodes kept while a graph is walked: more finds more and takes longer.
    ``refine``: how many times k candidates are compared again with their exact vectors (1: none).
    """

    family: Family = Family.FLAT
    lists: int = 0
    code_bytes: int = 48
    links: int = 32
    effort: int = 0
    refine: int = 4

    def __post_init__(self) -> None:
        for name in ("lists", "effort"):
            if getattr(self, name) < 0:
                raise Misconfigured(f"An index's {name} is 0 (by size) or more, not {getattr(self, name)}.")
        for name in ("code_bytes", "links", "refine"):
            if getattr(self, name) < 1:
                raise Misconfigured(f"An index's {name} is at least 1, not {getattr(self, name)}.")

    def __str__(self) -> str:
        """As ``parse_spec`` reads it: ``ivf-pq:lists=4096,effort=32``; what is as by default is left out."""
        usual = IndexSpec(self.family)
        told = [
            f"{field.name}={getattr(self, field.name)}"
            for field in fields(self)
            if field.name != "family" and getattr(self, field.name) != getattr(usual, field.name)
        ]
        return f"{self.family.value}:{','.join(told)}" if told else self.family.value

    def is_like(self, wanted: IndexSpec, count: int) -> bool:
        """Whether an index of this spec, its numbers filled in, serves where ``wanted`` is asked for of ``count``
        vectors: how it is stored decides, how hard it is searched does not."""
        lists = wanted.sized(count).lists if wanted.lists and wanted.family in LISTED else self.lists
        same = (self.family, self.links, self.code_bytes) == (wanted.family, wanted.links, wanted.code_bytes)
        return same and self.lists == lists

    def sized(self, count: int) -> IndexSpec:
        """The same with every 0 replaced by what fits ``count`` vectors."""
        most = max(count // _LEAST_IN_A_LIST, 1)
        lists = min(self.lists or _power_of_two(4 * math.sqrt(max(count, 1))), most)
        usual = max(8, lists // 32) if self.family in LISTED else 64
        return replace(self, lists=lists, effort=self.effort or usual)


def parse_spec(text: str) -> IndexSpec:
    """The spec that ``text`` names, such as ``hnsw`` or ``ivf-pq:lists=4096,effort=32``. Raises ``Misconfigured``."""
    name, _, numbers = text.strip().partition(":")
    known = {field.name for field in fields(IndexSpec)} - {"family"}
    try:
        family = Family(name.strip())
    except ValueError as error:
        there = ", ".join(one.value for one in Family)
        raise Misconfigured(f"There is no index family {name!r}; choose one of: {there}.") from error
    given: dict[str, int] = {}
    for part in filter(None, numbers.split(",")):
        key, _, value = (piece.strip() for piece in part.partition("="))
        if key not in known or not value.isdigit():
            raise Misconfigured(
                f"The index {text!r} has {part.strip()!r} in it; write numbers as {name}:effort=64, of: "
                f"{', '.join(sorted(known))}."
            )
        given[key] = int(value)
    return IndexSpec(family, **given)


def chosen_for(count: int) -> IndexSpec:
    """What is taken for ``count`` vectors when nobody names an index."""
    if count <= _FLAT_UP_TO:
        return IndexSpec(Family.FLAT)
    if count <= _WHOLE_UP_TO:
        return IndexSpec(Family.IVF_FLAT)
    coded = IndexSpec(Family.IVF_PQ, code_bytes=64, refine=20)
    return replace(coded, lists=_MANY_LISTS, effort=64) if count >= _MANY_FROM else coded


def _power_of_two(value: float) -> int:
    return 1 << max(round(math.log2(value)), 0)
