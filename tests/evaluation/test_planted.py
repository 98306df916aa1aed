from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from domain.errors import Misconfigured
from evaluation.planted import HANDBOOK, Outcome, measure, read_planted, report

TODAY = date(2026, 11, 25)


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    return {outcome.name: outcome for outcome in measure(HANDBOOK, TODAY)}


@pytest.mark.parametrize(
    ("kind", "found", "unplanted"),
    [
        ("near_duplicates", 6, 0),
        ("broken_links", 5, 0),
        ("headerless_tables", 2, 0),
        ("orphan_headings", 2, 0),
        ("giant_passages", 2, 0),
        ("stale_pages", 4, 4),
    ],
)
def test_the_defects_of_the_handbook_are_found(
    outcomes: dict[str, Outcome], kind: str, found: int, unplanted: int
) -> None:
    outcome = outcomes[kind]
    assert (sum(outcome.found), len(outcome.planted), len(outcome.unplanted)) == (found, found, unplanted)


def test_most_contradictions_are_found_among_few_others(outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes["contradictions"]
    assert len(outcome.planted) == 7
    assert sum(outcome.found) >= 6
    assert len(outcome.unplanted) <= 24


def test_the_table_shows_recall_and_precision_by_kind(outcomes: dict[str, Outcome]) -> None:
    table = report(list(outcomes.values()), {"data": "harbourline"})
    assert table.columns == ("defect", "recall", "precision", "n")
    assert table.rows[1] == ("near duplicates", "100.0 [100.0–100.0]", "100.0 [100.0–100.0]", "6")


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"planted\.yaml"):
        read_planted(tmp_path / "planted.yaml")
