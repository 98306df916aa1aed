"""Figures over many turns, for the dashboards: pure functions of the operators' log."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from domain.answer import NOT_SEARCHED, AnswerKind
from domain.operating import Bin, Day, OpenTopic, Overview, StageTimes
from domain.protocols import ANSWERED
from domain.turn_log import LoggedTurn, TurnFilter, TurnLog

_DAY_SECONDS = 86_400
_PAGE = 500  # turns asked for at once
_MOST = 5000  # turns that figures are made of: a second's work
_BINS = 5
_TOPICS, _QUESTIONS = 12, 8
_STAGES = ("rewrite", "retrieve", "generate", "weigh", "total")

Group = Callable[[Sequence[str]], Sequence[Sequence[int]]]
"""Texts -> groups of their numbers about one thing, the largest first, the most typical first in each."""


class Overviews:
    """``domain.operating.OverviewRoom``."""

    def __init__(self, log: TurnLog, group: Group, now: Callable[[], float] = time.time, most: int = _MOST) -> None:
        self._log, self._group, self._now, self._most = log, group, now, most

    def overview(self, days: int, zone_minutes: int = 0, knowledge_base: str = "") -> Overview:
        """The last ``days`` calendar days, today included."""
        midnight = _midnight(self._now(), zone_minutes)
        since = midnight - (days - 1) * _DAY_SECONDS
        where = TurnFilter(since=since, knowledge_base=knowledge_base)
        turns = list(self._read(where))
        verdicts = Counter(one.feedback.verdict for one in turns if one.feedback)
        return Overview(
            since=since,
            until=midnight + _DAY_SECONDS,
            turns=len(turns),
            days=tuple(by_day(turns, since, days)),
            bins=tuple(reliability(turns)),
            stages=tuple(stage_times(turns)),
            topics=self._topics(turns),
            good=verdicts["up"],
            bad=verdicts["down"],
            capped=len(turns) >= self._most,
        )

    def _read(self, where: TurnFilter) -> Iterator[LoggedTurn]:
        before, left = None, self._most
        while left > 0:
            page = self._log.recent(min(_PAGE, left), before, where)
            yield from page
            left -= len(page)
            if len(page) < _PAGE:
                return
            before = page[-1].logged_at

    def _topics(self, turns: Sequence[LoggedTurn]) -> tuple[OpenTopic, ...]:
        open_ = [one for one in turns if one.kind is AnswerKind.ABSTAINED and one.reason not in NOT_SEARCHED]
        groups = self._group([one.question for one in open_]) if open_ else []
        return tuple(
            OpenTopic(tuple((open_[n].reference, open_[n].question) for n in group[:_QUESTIONS]))
            for group in groups[:_TOPICS]
        )


def by_day(turns: Sequence[LoggedTurn], since: float, days: int) -> Iterator[Day]:
    """Every day from ``since`` on, also those without turns."""
    for number in range(days):
        start = since + number * _DAY_SECONDS
        of_day = [one for one in turns if start <= one.logged_at < start + _DAY_SECONDS]
        seconds = sorted(one.seconds["total"] for one in of_day if "total" in one.seconds)
        kinds = Counter(one.kind for one in of_day)
        yield Day(start, dict(kinds), percentile(seconds, 0.5), percentile(seconds, 0.95))


def reliability(turns: Sequence[LoggedTurn]) -> Iterator[Bin]:
    """Answers by confidence in ``_BINS`` equal bins, beside what people thought of them."""
    answered = [one for one in turns if one.kind in ANSWERED and not one.stopped]
    for number in range(_BINS):
        inside = [one for one in answered if min(_BINS - 1, int(one.confidence * _BINS)) == number]
        judged = [one for one in inside if one.feedback]
        good = sum(one.feedback is not None and one.feedback.verdict == "up" for one in judged)
        mean = sum(one.confidence for one in judged) / len(judged) if judged else 0.0
        yield Bin(number / _BINS, (number + 1) / _BINS, len(inside), len(judged), good, mean)


def stage_times(turns: Sequence[LoggedTurn]) -> Iterator[StageTimes]:
    """The stages in the order of a turn, those that no turn timed left out."""
    for stage in _STAGES:
        timed = sorted((one.seconds[stage], one.reference) for one in turns if stage in one.seconds)
        if timed:
            seconds = [value for value, _ in timed]
            yield StageTimes(stage, len(timed), percentile(seconds, 0.5), percentile(seconds, 0.95), timed[-1][1])


def percentile(ascending: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the smallest value that ``share`` of all do not exceed; 0.0 of none."""
    return ascending[max(0, math.ceil(share * len(ascending)) - 1)] if ascending else 0.0


def _midnight(when: float, zone_minutes: int) -> float:
    """The last midnight on that clock."""
    zone = zone_minutes * 60
    return (when + zone) // _DAY_SECONDS * _DAY_SECONDS - zone
