"""Redis and an application killed under writers, in small; the full form: ``python -m evaluation.memory_soak``."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.memory_soak import Schedule, Soak, Told, judged, main, soak, table


def test_nothing_acknowledged_is_lost_doubled_or_out_of_order_while_servers_die(tmp_path: Path) -> None:
    outcome = soak(tmp_path, Schedule(seconds=6, every=2, down=1.2), writers=2)
    assert outcome.kills == 2
    assert outcome.count("waiting") > 0
    assert outcome.count("stored") > 30
    assert (outcome.lost, outcome.twice, outcome.disordered) == ((), (), ())
    assert outcome.untold <= 2 * 2  # at most one a writer of the application that was killed, and of the one after it
    assert outcome.is_clean


def told(*numbers: int, how: str = "stored") -> list[Told]:
    return [Told("w", number, "c", how, 1.0) for number in numbers]


@pytest.mark.parametrize(
    ("stored", "lost", "twice", "disordered", "untold"),
    [
        (["w:0", "w:1", "w:2"], (), (), (), 0),
        (["w:0", "w:2"], ("w:1",), (), (), 0),
        (["w:0", "w:1", "w:2", "w:1"], (), ("w:1",), ("w:1",), 0),
        (["w:1", "w:0", "w:2"], (), (), ("w:0",), 0),
        (["w:0", "x:9", "w:1", "x:8", "w:2"], (), (), ("x:8",), 2),
    ],
)
def test_a_breach_is_seen(
    stored: list[str], lost: tuple[str, ...], twice: tuple[str, ...], disordered: tuple[str, ...], untold: int
) -> None:
    outcome = judged(told(0, 1, 2), {"c": stored}, kills=1)
    assert (outcome.lost, outcome.twice, outcome.disordered) == (lost, twice, disordered)
    assert (outcome.untold, outcome.stored) == (untold, len(stored))
    assert outcome.is_clean == (not (lost or twice or disordered))


def test_a_refused_turn_may_be_stored_or_not() -> None:
    turns = [*told(0), *told(1, 2, how="refused")]
    assert judged(turns, {"c": ["w:0", "w:2"]}, 0).is_clean
    assert judged(turns, {"c": ["w:0", "w:2"]}, 0).untold == 1


def test_the_table_has_the_counts_and_the_problems() -> None:
    outcome = Soak((*told(0), *told(1, how="waiting")), 3, 1, ("w:1",), (), (), 0)
    text = table(outcome, Schedule(), "here").as_text()
    assert "acknowledged and lost" in text
    assert "problem 1: w:1" in text


def test_help_says_what_it_does(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "SIGKILL" in capsys.readouterr().out
