"""The verdicts of the quality run as a table, and the turns themselves as a page to be read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from evaluation.figures import numbers, percent
from evaluation.metrics import (
    Estimate,
    accuracy_at_coverage,
    bootstrap_clusters,
    bootstrap_statistic,
    calibration_error,
)
from evaluation.quality import TurnKind
from evaluation.quality_run import DEPTHS, PlayedTurn
from evaluation.reports import Table
from generation.support import SUPPORTED_AT

COVERAGES = (0.25, 0.5, 0.75, 1.0)
BINS = 15
Value = Callable[[PlayedTurn], float | None]
Pair = tuple[float, bool]


def report(played: Sequence[PlayedTurn], title: str, facts: Mapping[str, str]) -> Table:
    """A line for each kind of turn and measure, a column for each group of turns: all, first messages, follow-ups,
    later ones that stand alone, switches of topic. In each cell the share in per cent, its interval, the number of
    turns."""
    groups = _groups(played)
    rows, data = [], []
    for name, value in _measures():
        cells = {group: _share(turns, value) for group, turns in groups.items()}
        rows.append((name, *(_cell(*cell) for cell in cells.values())))
        data.append({"measure": name} | {group: {**numbers(one), "n": n} for group, (one, n) in cells.items()})
    for name, statistic in _calibration():
        cells = {group: _statistic(turns, statistic) for group, turns in groups.items()}
        rows.append((name, *(_cell(*cell) for cell in cells.values())))
        data.append({"measure": name} | {group: {**numbers(one), "n": n} for group, (one, n) in cells.items()})
    return Table(title, ("turns: measure", *groups), tuple(rows), {**_told(played), **facts}, data)


def transcripts(played: Sequence[PlayedTurn]) -> str:
    """Every turn verbatim, as Markdown: what was typed, searched and answered, from where, and the verdict."""
    lines: list[str] = ["# Quality run", ""]
    for one in played:
        if one.number == 1:
            lines += [f"## {one.conversation}", ""]
        lines += [*_turn_lines(one), ""]
    return "\n".join(lines)


def outcome(one: PlayedTurn) -> str:
    """The verdict of a turn in a word or two."""
    verdict, kind = one.verdict, one.expected.kind
    if kind is TurnKind.ANSWERABLE:
        return "right" if verdict.right else "WRONG" if verdict.wrong else "refused, WRONGLY"
    if kind is TurnKind.UNANSWERABLE:
        return "refused, rightly" if verdict.refused else "ANSWERED" if verdict.answered else "NOT REFUSED"
    if kind is TurnKind.CLARIFY:
        ok = verdict.refused or verdict.asked_back or verdict.one_reading
        return "fair" if ok else "ANSWERED BESIDE THE POINT"
    return "recognised" if verdict.small_talk else "NOT RECOGNISED"


def _groups(played: Sequence[PlayedTurn]) -> dict[str, list[PlayedTurn]]:
    return {
        "all": list(played),
        "first": [one for one in played if one.place == "first"],
        "follow-up": [one for one in played if one.place == "follow-up"],
        "standalone": [one for one in played if one.place == "standalone"],
        "switch": [one for one in played if one.expected.switch],
    }


def _measures() -> list[tuple[str, Value]]:
    answerable, unanswerable = TurnKind.ANSWERABLE, TurnKind.UNANSWERABLE
    clarify, small_talk = TurnKind.CLARIFY, TurnKind.SMALL_TALK
    hits = [(f"answerable: gold in first {k}", _hit(at)) for at, k in enumerate(DEPTHS)]
    return [
        ("answerable: standalone left as typed", lambda one: one.verdict.unchanged),
        ("answerable: ROUGE-1 recall of the query", lambda one: one.verdict.rouge),
        ("answerable: switched topic drags nothing", lambda one: one.verdict.let_go),
        *hits,
        ("answerable: right (all facts)", lambda one: one.verdict.right),
        ("answerable: wrong (answered, facts missing)", lambda one: one.verdict.wrong),
        ("answerable: wrongly refused", _of(answerable, lambda one: not one.verdict.answered)),
        ("answered, any kind: every sentence supported", lambda one: one.verdict.supported),
        ("unanswerable: refused", _of(unanswerable, lambda one: one.verdict.refused)),
        ("unanswerable: answered", _of(unanswerable, lambda one: one.verdict.answered)),
        ("clarify: abstained or asked back", _of(clarify, lambda one: one.verdict.refused or one.verdict.asked_back)),
        ("clarify: answered one reading", lambda one: one.verdict.one_reading),
        ("small talk: recognised", _of(small_talk, lambda one: one.verdict.small_talk)),
    ]


def _of(kind: TurnKind, holds: Callable[[PlayedTurn], bool]) -> Value:
    return lambda one: float(holds(one)) if one.expected.kind is kind else None


def _hit(at: int) -> Value:
    return lambda one: None if one.verdict.hits is None else float(one.verdict.hits[at])


def _calibration() -> list[tuple[str, Callable[[Sequence[Pair]], float]]]:
    return [
        (f"answered: ECE of the confidence, {BINS} bins", lambda pairs: calibration_error(pairs, BINS)),
        *(
            (f"answered: right among the surest {100 * share:.0f} %", partial(accuracy_at_coverage, coverage=share))
            for share in COVERAGES
        ),
    ]


def _share(turns: Sequence[PlayedTurn], value: Value) -> tuple[Estimate, int]:
    known = [(float(found), one.conversation) for one in turns if (found := value(one)) is not None]
    return bootstrap_clusters([found for found, _ in known], [name for _, name in known]), len(known)


def _statistic(turns: Sequence[PlayedTurn], statistic: Callable[[Sequence[Pair]], float]) -> tuple[Estimate, int]:
    """Over the answered turns that have a right or no answer; an answer to what has none is wrong."""
    groups: dict[str, list[Pair]] = {}
    for one in turns:
        if one.verdict.answered and one.expected.kind in (TurnKind.ANSWERABLE, TurnKind.UNANSWERABLE):
            groups.setdefault(one.conversation, []).append((one.turn.answer.confidence, bool(one.verdict.right)))
    return bootstrap_statistic(list(groups.values()), statistic), sum(map(len, groups.values()))


def _cell(estimate: Estimate, count: int) -> str:
    return f"{percent(estimate)} ({count})" if count else "–"


def _told(played: Sequence[PlayedTurn]) -> dict[str, str]:
    kinds = {kind: sum(one.expected.kind is kind for one in played) for kind in TurnKind}
    return {
        "conversations": str(len({one.conversation for one in played})),
        "turns": f"{len(played)}: " + ", ".join(f"{count} {kind}" for kind, count in kinds.items()),
        "intervals": "95 %, bootstrap over conversations; the number of turns in brackets",
        "follow-up": "the query meant needs words that were said before and stand not in the message; else standalone",
        "supported": f"a cited quote supports the sentence by at least {SUPPORTED_AT}",
        "history": "the assistant's own earlier replies",
    }


def _turn_lines(one: PlayedTurn) -> Iterator[str]:
    turn, answer, expected = one.turn, one.turn.answer, one.expected
    yield f"### {one.number}. {expected.kind}, {one.place}{', switch' if expected.switch else ''}: {outcome(one)}"
    yield ""
    yield from _block("Message", expected.message)
    yield from _block("Meant", expected.query)
    yield from _block("Searched", f"{turn.query.text} ({turn.query.gate}: {turn.query.reason})")
    yield from _block(f"Answer, {answer.kind}, confidence {answer.confidence:.2f}", answer.with_markers())
    for citation in sorted({(c.marker, c.passage_id, c.quote) for c in answer.citations}):
        yield from _block(f"[{citation[0]}] {citation[1]}", citation[2])
    found = ", ".join(f"{passage.passage.id} ({passage.passage.heading})" for passage in turn.evidence)
    yield from _block("Found", found or "nothing")
    yield from _block("Facts", "; ".join(" | ".join(wordings) for wordings in expected.facts) or "none")
    yield from _block("Gold", " ‖ ".join(f"{gold.file}: {gold.sentence}" for gold in expected.gold) or "none")
    yield from _block("Good reply", expected.reply)
    yield from _block("Verdict", _marks(one))


def _block(name: str, text: str) -> Iterator[str]:
    yield f"- **{name}**: {' ⏎ '.join(text.splitlines())}"


def _marks(one: PlayedTurn) -> str:
    verdict = one.verdict
    marks = {
        "unchanged": verdict.unchanged,
        "ROUGE-1": verdict.rouge,
        "let go": verdict.let_go,
        "gold in first 1, 3, 5": verdict.hits,
        "supported": verdict.supported,
        "one reading": verdict.one_reading,
    }
    return "; ".join(f"{name} {_said(value)}" for name, value in marks.items() if value is not None) or "–"


def _said(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(_said, value))
    return f"{value:.2f}" if isinstance(value, float) else "yes" if value else "no"
