from __future__ import annotations

from collections.abc import Sequence

import pytest

from bot.overview import Overviews, by_day, percentile, reliability, stage_times
from domain.answer import AnswerKind, Reason
from domain.conversation import Turn
from domain.feedback import Feedback, Verdict
from domain.operating import Bin, OpenTopic
from domain.turn_log import EVERY_TURN, LoggedTurn, TurnFilter

DAY = 86_400.0
MONDAY = 1_789_948_800.0  # 2026-09-21 00:00 UTC
GENERATED, QUOTED, ABSTAINED = AnswerKind.GENERATED, AnswerKind.QUOTED, AnswerKind.ABSTAINED


def logged(at: float, kind: AnswerKind = GENERATED, confidence: float = 0.9, **more: object) -> LoggedTurn:
    verdict = more.pop("verdict", None)
    feedback = Feedback(verdict) if verdict else None  # type: ignore[arg-type]
    name = str(more.pop("name", f"r{at:.0f}"))
    return LoggedTurn(
        name, "s", "o", at, at, f"question {name}?", "answer", kind, confidence=confidence, feedback=feedback,
        **more,  # type: ignore[arg-type]
    )  # fmt: skip


class Listed:
    """A log of the given turns, newest first."""

    capacity = 10_000

    def __init__(self, turns: Sequence[LoggedTurn]) -> None:
        self.turns = sorted(turns, key=lambda one: -one.logged_at)
        self.asked = 0

    def recent(self, limit: int, before: float | None = None, where: TurnFilter = EVERY_TURN) -> Sequence[LoggedTurn]:
        self.asked += 1
        older = [one for one in self.turns if before is None or one.logged_at < before]
        return [one for one in older if where.admits(one) and (where.since or 0) <= one.logged_at][:limit]

    def get(self, reference: str) -> tuple[LoggedTurn, Turn] | None:
        del reference
        return None


def one_group(texts: Sequence[str]) -> Sequence[Sequence[int]]:
    return [list(range(len(texts)))]


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [([], 0.5, 0.0), ([3.0], 0.95, 3.0), ([1, 2, 3, 4], 0.5, 2), ([1, 2, 3], 0.5, 2), (list(range(1, 21)), 0.95, 19)],
)
def test_the_nearest_rank_is_a_value_that_was_there(values: list[float], share: float, expected: float) -> None:
    assert percentile(values, share) == expected


def test_days_are_those_of_the_operators_clock_and_none_is_missing() -> None:
    turns = [logged(MONDAY + 10, seconds={"total": 1.0}), logged(MONDAY + 20, ABSTAINED, seconds={"total": 3.0})]
    turns.append(logged(MONDAY + 2 * DAY - 1, QUOTED))
    days = list(by_day(turns, MONDAY, 3))
    assert [day.start for day in days] == [MONDAY, MONDAY + DAY, MONDAY + 2 * DAY]
    assert [dict(day.kinds) for day in days] == [{GENERATED: 1, ABSTAINED: 1}, {QUOTED: 1}, {}]
    assert [(day.p50, day.p95) for day in days] == [(1.0, 3.0), (0.0, 0.0), (0.0, 0.0)]


def test_confidence_is_held_against_what_people_thought() -> None:
    turns = [
        logged(1, confidence=0.85, verdict="up"),
        logged(2, confidence=0.95, verdict="down"),
        logged(3, confidence=1.0),
        logged(4, QUOTED, 0.5, verdict="up"),
        logged(5, ABSTAINED, 0.5, verdict="down"),
        logged(6, confidence=0.5, verdict="down", stopped=True),
    ]
    bins = list(reliability(turns))
    assert bins[4] == Bin(0.8, 1.0, 3, 2, 1, (0.85 + 0.95) / 2)
    assert bins[2] == Bin(0.4, 0.6, 1, 1, 1, 0.5)
    assert bins[0] == Bin(0.0, 0.2, 0, 0, 0, 0.0)


def test_stages_come_in_the_order_of_a_turn_with_the_slowest() -> None:
    turns = [logged(1, seconds={"generate": 0.2, "rewrite": 0.1}), logged(2, seconds={"rewrite": 0.4})]
    found = list(stage_times(turns))
    assert [(one.stage, one.count, one.p50, one.p95, one.slowest) for one in found] == [
        ("rewrite", 2, 0.1, 0.4, "r2"),
        ("generate", 1, 0.2, 0.2, "r1"),
    ]


def test_an_overview_covers_whole_days_on_the_operators_clock() -> None:
    log = Listed([logged(MONDAY - 1), logged(MONDAY), logged(MONDAY + 1.9 * DAY)])
    seen = Overviews(log, one_group, now=lambda: MONDAY + 1.95 * DAY).overview(2)
    assert (seen.since, seen.until, seen.turns) == (MONDAY, MONDAY + 2 * DAY, 2)
    ahead = Overviews(log, one_group, now=lambda: MONDAY + 1.95 * DAY).overview(2, zone_minutes=120)
    assert ahead.since == MONDAY + DAY - 7200
    assert sum(sum(day.kinds.values()) for day in ahead.days) == 1


def test_verdicts_and_open_topics_are_counted() -> None:
    verdicts: tuple[Verdict, ...] = ("up", "up", "down")
    turns = [logged(MONDAY + n, verdict=verdict) for n, verdict in enumerate(verdicts)]
    turns += [logged(MONDAY + 10 + n, ABSTAINED, reason=Reason.UNSURE, name=f"a{n}") for n in range(2)]
    turns.append(logged(MONDAY + 20, ABSTAINED, reason=Reason.FOREIGN))
    seen = Overviews(Listed(turns), one_group, now=lambda: MONDAY + 100).overview(1)
    assert (seen.good, seen.bad, seen.capped) == (2, 1, False)
    assert seen.topics == (OpenTopic((("a1", "question a1?"), ("a0", "question a0?"))),)


def test_many_turns_are_read_page_by_page_and_no_further_than_the_bound() -> None:
    log = Listed([logged(MONDAY + n / 10) for n in range(1300)])
    seen = Overviews(log, one_group, now=lambda: MONDAY + 500, most=1200).overview(1)
    assert (seen.turns, seen.capped, log.asked) == (1200, True, 3)


def test_no_turns_make_no_figures() -> None:
    seen = Overviews(Listed([]), one_group, now=lambda: MONDAY).overview(7)
    assert (seen.turns, len(seen.days), seen.stages, seen.topics) == (0, 7, (), ())
