"""Naming an index, and choosing one by size."""

from __future__ import annotations

import pytest

from domain.errors import Misconfigured
from retrieval.index_spec import Family, IndexSpec, chosen_for, parse_spec


@pytest.mark.parametrize("family", list(Family))
def test_a_spec_reads_back_as_it_is_written(family: Family) -> None:
    for spec in (IndexSpec(family), IndexSpec(family, lists=7, code_bytes=16, links=8, effort=9, refine=1)):
        assert parse_spec(str(spec)) == spec


def test_what_is_as_by_default_is_not_written() -> None:
    assert str(IndexSpec(Family.IVF_PQ, effort=32)) == "ivf-pq:effort=32"
    assert str(IndexSpec()) == "flat"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("annoy", "choose one of: flat, sq8, hnsw"),
        ("hnsw:depth=3", "depth=3"),
        ("ivf-pq:lists", "lists"),
        ("ivf-pq:lists=-2", "lists=-2"),
        ("hnsw:refine=0", "refine"),
    ],
)
def test_what_cannot_be_is_refused_in_words(text: str, told: str) -> None:
    with pytest.raises(Misconfigured, match=told):
        parse_spec(text)


def test_the_index_grows_cheaper_with_the_collection() -> None:
    assert chosen_for(0).family is Family.FLAT
    assert chosen_for(50_000).family is Family.FLAT
    assert chosen_for(300_000).family is Family.IVF_FLAT
    assert str(chosen_for(2_000_000)) == "ivf-pq:code_bytes=64,refine=20"
    assert str(chosen_for(10_000_000)) == "ivf-pq:lists=65536,code_bytes=64,effort=64,refine=20"


@pytest.mark.parametrize("count", [0, 1, 38, 39, 1000, 1_000_000])
def test_sizes_are_filled_in_so_that_every_list_can_be_trained(count: int) -> None:
    for family in Family:
        spec = IndexSpec(family).sized(count)
        assert 1 <= spec.lists <= max(count // 39, 1)
        assert spec.effort >= 8
        assert spec.sized(count) == spec


def test_what_is_named_is_kept() -> None:
    assert IndexSpec(Family.IVF_FLAT, lists=16, effort=3).sized(100_000) == IndexSpec(Family.IVF_FLAT, 16, effort=3)
