"""Figures over many turns: each picture with its table, each point with the turns behind it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from domain.answer import AnswerKind
from domain.operating import Bin, Day, OpenTopic, Overview, StageTimes
from domain.protocols import KnowledgeBaseInfo
from web.operator import charts
from web.operator.look import ROOT, Look, address, link, milliseconds, select, short, table
from web.view import attribute

SPANS = (7, 30, 90)


def render_dashboards(
    seen: Overview, bases: Sequence[KnowledgeBaseInfo], days: int, knowledge_base: str, look: Look
) -> str:
    """All dashboards of the last ``days`` days."""
    words = look.words
    names = [("", words.any), *((info.name, info.title or info.name) for info in bases)]
    spans = [(str(span), words.last_days.format(count=span)) for span in SPANS]
    form = (
        f'<form class="filters inline" method="get" action="{address("dashboards")}">'
        f"{select('days', words.period, spans, str(days))}{select('kb', words.knowledge_base, names, knowledge_base)}"
        f'<button class="main">{escape(words.show)}</button></form>'
    )
    capped = f'<p class="note">{escape(words.capped.format(count=f"{seen.turns:,}"))}</p>' if seen.capped else ""
    if not seen.turns:
        return f'<div class="column">{form}<p class="none">{escape(words.no_turns)}</p></div>'
    cards = (
        _card(words.per_day, "", _per_day(seen, knowledge_base, look)),
        _card(words.reliability, words.reliability_help, _reliability(seen.bins, knowledge_base, look)),
        _card(words.latency, words.latency_help, _latency(seen, knowledge_base, look)),
        _card(words.by_stage, "", _stages(seen.stages, look)),
        _card(words.open_topics, words.open_topics_help, _topics(seen.topics, look)),
    )
    drawn = f'<div class="dashboard">{"".join(cards)}</div>'
    return f'<div class="column wide-column">{form}{capped}{_totals(seen, look)}{drawn}</div>'


def _card(title: str, help_: str, body: str) -> str:
    told = f'<p class="help">{escape(help_)}</p>' if help_ else ""
    return f'<section class="figure"><h2>{escape(title)}</h2>{told}{body}</section>'


def _totals(seen: Overview, look: Look) -> str:
    words = look.words
    tiles = [(f"{seen.turns:,}", words.turns, ROOT), (f"{seen.good:,}", words.good, address(verdict="up"))]
    tiles.append((f"{seen.bad:,}", words.bad, address(verdict="down")))
    counts = {kind: sum(day.kinds.get(kind, 0) for day in seen.days) for kind in AnswerKind}
    tiles += [(f"{n:,}", words.kinds[kind], address(kind=kind.value)) for kind, n in counts.items() if n]
    drawn = "".join(f'<li><a href="{escape(href)}"><b>{n}</b> {escape(name)}</a></li>' for n, name, href in tiles)
    return f'<ul class="tiles">{drawn}</ul>'


def _per_day(seen: Overview, knowledge_base: str, look: Look) -> str:
    words = look.words
    bars = [charts.Bar(look.day(day.start), tuple(_parts(day, knowledge_base, look))) for day in seen.days]
    present = [kind for kind in AnswerKind if any(day.kinds.get(kind) for day in seen.days)]
    legend = "".join(f'<li><i class="part {kind.value}"></i>{escape(words.kinds[kind])}</li>' for kind in present)
    rows = (
        f'<tr><th scope="row">{escape(look.day(day.start))}</th>'
        f"{''.join(f'<td>{day.kinds.get(kind, 0)}</td>' for kind in present)}</tr>"
        for day in reversed(seen.days)
        if day.kinds
    )
    numbers = table([words.day, *(words.kinds[kind] for kind in present)], rows, words.per_day)
    return f'{charts.stacked(bars, words.per_day)}<ul class="legend-line">{legend}</ul>{_as_table(numbers, look)}'


def _parts(day: Day, knowledge_base: str, look: Look) -> list[tuple[str, float, str, str]]:
    iso = f"{look.local(day.start):%Y-%m-%d}"
    return [
        (
            kind.value,
            float(day.kinds[kind]),
            address(kind=kind.value, since=iso, until=iso, kb=knowledge_base),
            f"{look.day(day.start)}: {day.kinds[kind]} {look.words.kinds[kind]}",
        )
        for kind in AnswerKind
        if day.kinds.get(kind)
    ]


def _reliability(bins: Sequence[Bin], knowledge_base: str, look: Look) -> str:
    words = look.words
    judged = [one for one in bins if one.judged]
    points = [
        charts.Point(
            one.confidence,
            one.good / one.judged,
            _judged(one, knowledge_base),
            words.judged.format(low=short(one.low), high=short(one.high), good=one.good, count=one.judged),
            4 + 2 * math.log2(one.judged),
        )
        for one in judged
    ]
    rows = (
        f'<tr><th scope="row">{link(_judged(one, knowledge_base), f"{short(one.low)} – {short(one.high)}")}</th>'
        f"<td>{one.answers}</td><td>{one.judged}</td><td>{one.good}</td></tr>"
        for one in bins
    )
    numbers = table([words.confidence, words.answers, words.judged_count, words.good], rows, words.reliability)
    empty = "" if judged else f'<p class="none">{escape(words.nobody_judged)}</p>'
    picture = charts.scatter(points, words.reliability, (words.confidence, words.share_good)) if judged else ""
    return f"{empty}{picture}{_as_table(numbers, look)}"


def _judged(one: Bin, knowledge_base: str) -> str:
    return address(confidence=f"{one.low:g}-{one.high:g}", kb=knowledge_base, kind="generated,quoted")


def _latency(seen: Overview, knowledge_base: str, look: Look) -> str:
    words = look.words
    timed = [(number, day) for number, day in enumerate(seen.days) if day.p95]
    if not timed:
        return f'<p class="none">{escape(words.no_turns)}</p>'
    top, last = charts.nice(max(day.p95 for _, day in timed)), max(1, len(seen.days) - 1)
    series = {
        kind: [
            charts.Point(
                number / last,
                getattr(day, kind) / top,
                _of_day(day, knowledge_base, look),
                f"{look.day(day.start)}: {kind} {milliseconds(getattr(day, kind))}",
            )
            for number, day in timed
        ]
        for kind in ("p50", "p95")
    }
    labels = [(0.02, look.day(seen.days[0].start)), (0.97, look.day(seen.days[-1].start))]
    rows = (
        f'<tr><th scope="row">{link(_of_day(day, knowledge_base, look), look.day(day.start))}</th>'
        f"<td>{milliseconds(day.p50)}</td><td>{milliseconds(day.p95)}</td></tr>"
        for _, day in reversed(timed)
    )
    numbers = table([words.day, "p50", "p95"], rows, words.latency)
    legend = '<ul class="legend-line"><li><i class="part p50"></i>p50</li><li><i class="part p95"></i>p95</li></ul>'
    return f"{charts.lines(series, words.latency, milliseconds(top), labels)}{legend}{_as_table(numbers, look)}"


def _of_day(day: Day, knowledge_base: str, look: Look) -> str:
    iso = f"{look.local(day.start):%Y-%m-%d}"
    return address(since=iso, until=iso, kb=knowledge_base)


def _stages(stages: Sequence[StageTimes], look: Look) -> str:
    words = look.words
    widest = max((one.p95 for one in stages), default=0.0) or 1.0
    rows = (
        f'<tr><th scope="row">{escape(words.stages.get(one.stage, one.stage))}</th>'
        f'<td class="two-bars"><span class="bar p95" style="--share:{one.p95 / widest:.3f}" aria-hidden="true"></span>'
        f'<span class="bar p50" style="--share:{one.p50 / widest:.3f}" aria-hidden="true"></span></td>'
        f"<td>{milliseconds(one.p50)}</td><td>{milliseconds(one.p95)}</td>"
        f"<td>{link(address(turn=one.slowest), words.slowest)}</td></tr>"
        for one in stages
    )
    return table([words.stage, "", "p50", "p95", words.slowest], rows, words.by_stage, "stage-table")


def _topics(topics: Sequence[OpenTopic], look: Look) -> str:
    if not topics:
        return f'<p class="none">{escape(look.words.all_answered)}</p>'
    return f'<ol class="topics">{"".join(_topic(one, look) for one in topics)}</ol>'


def _topic(one: OpenTopic, look: Look) -> str:
    (reference, question), *others = one.questions
    more = "".join(f"<li>{link(address(turn=ref), text)}</li>" for ref, text in others)
    folded = (
        f"<details><summary>{escape(look.words.more_like_it.format(count=len(others)))}</summary><ul>{more}</ul></details>"
        if others
        else ""
    )
    return f"<li>{link(address(turn=reference), question)}{folded}</li>"


def _as_table(numbers: str, look: Look) -> str:
    label = attribute("class", "as-table")
    return f"<details {label}><summary>{escape(look.words.as_table)}</summary>{numbers}</details>"
