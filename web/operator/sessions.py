"""Live and past turns: the filters, the list, and the addresses that name a filter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from html import escape

from domain.answer import AnswerKind
from domain.protocols import KnowledgeBaseInfo
from domain.turn_log import LoggedTurn, TurnFilter
from web.operator.look import ROOT, Look, address, badge, link, select, short
from web.view import attribute

PAGE = 40  # turns on a page: two screens
_RANGES = ("0-0.5", "0.5-0.7", "0.7-0.85", "0.85-1")
_LONGEST = 200  # characters of a text that is searched


@dataclass(frozen=True, slots=True)
class Asked:
    """A filter as its address spells it; ``since`` and ``until`` are days, the last one included."""

    kind: str = ""
    confidence: str = ""
    kb: str = ""
    since: str = ""
    until: str = ""
    verdict: str = ""
    text: str = ""
    session: str = ""
    zone_minutes: int = field(default=0, compare=False)

    @property
    def query(self) -> dict[str, str]:
        """The parameters of an address, what is open left out."""
        names = ("kind", "confidence", "kb", "since", "until", "verdict", "text", "session")
        return {name: getattr(self, name) for name in names if getattr(self, name)}

    @property
    def where(self) -> TurnFilter:
        """The filter itself; what cannot be read filters nothing."""
        verdict = self.verdict
        return TurnFilter(
            kinds=frozenset(kind for kind in AnswerKind if kind.value in self.kind.split(",")),
            confidence=_range(self.confidence),
            knowledge_base=self.kb,
            since=self._moment(self.since, 0),
            until=self._moment(self.until, 1),
            text=self.text[:_LONGEST],
            verdict="up" if verdict == "up" else "down" if verdict == "down" else None,
            session=self.session,
        )

    def _moment(self, day: str, later: int) -> float | None:
        try:
            start = datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC) + timedelta(days=later)
            return start.timestamp() - self.zone_minutes * 60
        except (ValueError, OverflowError):
            return None


def asked(parameters: Mapping[str, str], zone_minutes: int) -> Asked:
    """The filter that an address names."""
    names = ("kind", "confidence", "kb", "since", "until", "verdict", "text", "session")
    given = {name: parameters.get(name, "").strip() for name in names}
    return Asked(**given, zone_minutes=zone_minutes)


def _range(text: str) -> tuple[float, float]:
    try:
        low, high = (float(part) for part in text.split("-"))
    except ValueError:
        return 0.0, 1.0
    return (low, high) if 0 <= low <= high <= 1 else (0.0, 1.0)


def render_sessions(
    turns: Sequence[LoggedTurn], filter_: Asked, bases: Sequence[KnowledgeBaseInfo], shown: str, look: Look
) -> str:
    """The list with its filters; ``shown`` is the turn beside it, as HTML, or what stands there without one."""
    words = look.words
    rows = render_rows(turns, filter_, look)
    older = address(before=repr(turns[-1].logged_at), **filter_.query) if len(turns) == PAGE else ""
    more = link(older, words.older, "more") if older else ""
    empty = "" if turns else f'<p class="none">{escape(words.no_turns)}</p>'
    newest = repr(turns[0].logged_at) if turns else "0"
    return (
        f'<div class="split"><section class="list" {attribute("aria-label", words.turns)}>'
        f"{_filters(filter_, bases, look)}"
        f'<p class="live"><span class="dot" aria-hidden="true"></span>{escape(words.live)}</p>'
        f'<ol class="turns-list" data-newest="{newest}" {attribute("data-new", words.new_turns)} '
        f"{attribute('data-rows', address('rows', **filter_.query))}>{rows}</ol>{empty}{more}</section>"
        f'<section class="detail" id="turn" tabindex="-1" {attribute("aria-label", words.turn)}>{shown}</section></div>'
    )


def render_rows(turns: Sequence[LoggedTurn], filter_: Asked, look: Look, chosen: str = "") -> str:
    """The turns as items of the list, newest first."""
    return "".join(_row(one, filter_, look, one.reference == chosen) for one in turns)


def _row(one: LoggedTurn, filter_: Asked, look: Look, here: bool) -> str:
    href = address(turn=one.reference, **filter_.query)
    verdict = verdict_sign(one, look)
    stopped = f' <span class="quiet">{escape(look.words.stopped)}</span>' if one.stopped else ""
    number = f'<span class="number">{short(one.confidence)}</span>' if one.confidence else ""
    current = ' aria-current="true"' if here else ""
    return (
        f'<li data-at="{one.logged_at!r}"><a class="turn-row" data-turn="{escape(one.reference)}" '
        f"{attribute('href', href)}{current}>"
        f'<span class="line">{look.time(one.logged_at)} {badge(one.kind, look)}{number}{verdict}{stopped}'
        f'<span class="person" {attribute("title", look.words.person)}>{escape(one.owner_hash[:6])}</span></span>'
        f'<span class="asked">{escape(one.question)}</span></a></li>'
    )


def verdict_sign(one: LoggedTurn, look: Look) -> str:
    """What somebody thought of the answer; nothing where nobody said."""
    if one.feedback is None:
        return ""
    good = one.feedback.verdict == "up"
    word = look.words.good if good else look.words.bad
    return f' <span class="verdict {one.feedback.verdict}">{"+" if good else "−"} {escape(word)}</span>'


def _filters(filter_: Asked, bases: Sequence[KnowledgeBaseInfo], look: Look) -> str:
    words = look.words
    kinds = [("", words.any), *((kind.value, words.kinds[kind]) for kind in AnswerKind)]
    ranges = [("", words.any), *((text, text.replace("-", " – ")) for text in _with(_RANGES, filter_.confidence))]
    names = [("", words.any), *((info.name, info.title or info.name) for info in bases)]
    verdicts = [("", words.any), ("up", words.good), ("down", words.bad)]
    one = ""
    if filter_.session:
        others = link(address(**filter_.query | {"session": ""}), f"✕ {words.all_turns}")
        one = (
            f'<input type="hidden" name="session" {attribute("value", filter_.session)}>'
            f'<p class="chip">{escape(words.one_conversation)} {others}</p>'
        )
    return (
        f'<form class="filters" method="get" action="{ROOT}" role="search">'
        f'<label class="search">{escape(words.text)}<input type="search" name="text" maxlength="{_LONGEST}" '
        f'{attribute("value", filter_.text)}></label><button class="main">{escape(words.show)}</button>'
        f"{select('kind', words.kind, kinds, filter_.kind)}"
        f"{select('confidence', words.confidence, ranges, filter_.confidence)}"
        f"{select('verdict', words.feedback, verdicts, filter_.verdict)}"
        f"{select('kb', words.knowledge_base, names, filter_.kb)}"
        f"{_day('since', words.since, filter_.since)}{_day('until', words.until, filter_.until)}"
        f"{one}</form>"
    )


def _with(known: Sequence[str], chosen: str) -> list[str]:
    return [*known, *([chosen] if chosen and chosen not in known else [])]


def _day(name: str, label: str, value: str) -> str:
    return f'<label>{escape(label)}<input type="date" name="{name}" {attribute("value", value)}></label>'
