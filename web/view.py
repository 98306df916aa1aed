"""What every drawing function needs to know about the person it draws for, and the small formats they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from html import escape

from domain.own_files import is_own
from domain.protocols import KnowledgeBaseInfo, MemoryLimits
from web.texts import ENGLISH, Texts

_DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class View:
    """One person's view: language, titles of the knowledge bases by name, the time now (Unix seconds) and the
    minutes their clock is ahead of UTC; the ``conversation`` that is open, what they thought of its answers
    (``verdicts``: "up" or "down" by turn id), and the titles of those it may name, by id; the page of the operators'
    ``console`` that they may open, "" for none."""

    texts: Texts = ENGLISH
    titles: Mapping[str, str] = field(default_factory=dict, hash=False)
    now: float = 0.0
    zone_minutes: int = 0
    conversation: str = ""
    verdicts: Mapping[str, str] = field(default_factory=dict, hash=False)
    conversation_titles: Mapping[str, str] = field(default_factory=dict, hash=False)
    console: str = ""

    def title(self, knowledge_base: str) -> str:
        """The title people know a knowledge base by; its name where it is no longer listed."""
        return self.titles.get(knowledge_base, knowledge_base)

    def day(self, when: float) -> int:
        """Days since 1970 on this person's calendar."""
        return int((when + self.zone_minutes * 60) // _DAY_SECONDS)

    def date(self, when: float) -> str:
        """``27 July 2026`` on this person's calendar."""
        local = datetime.fromtimestamp(when, UTC) + timedelta(minutes=self.zone_minutes)
        return _in_words(local, self.texts)


def base_title(info: KnowledgeBaseInfo, texts: Texts) -> str:
    """What people call a knowledge base."""
    return texts.actions.your_files if is_own(info.name) else info.title or info.name


def written_date(value: str, texts: Texts) -> str:
    """``2026-03-01`` as ``1 March 2026``; anything else as it is."""
    try:
        return _in_words(date.fromisoformat(value), texts)
    except ValueError:
        return value


def _in_words(day: date, texts: Texts) -> str:
    return texts.date.format(day=day.day, month=texts.months[day.month - 1], year=day.year)


def probability(value: float) -> str:
    """Two decimals, never outside 0..1."""
    return f"{min(1.0, max(0.0, value)):.2f}"


def attribute(name: str, value: str) -> str:
    """One HTML attribute with its value escaped."""
    return f'{name}="{escape(value, quote=True)}"'


def kept(limits: MemoryLimits, texts: Texts) -> str:
    """How long a conversation is kept, in words."""
    if limits.ttl_seconds is None:
        return texts.kept_always
    if limits.ttl_seconds >= 2 * _DAY_SECONDS:
        return texts.kept_days.format(count=round(limits.ttl_seconds / _DAY_SECONDS))
    return texts.kept_hours.format(count=max(1, round(limits.ttl_seconds / 3600)))


def size(byte_count: int) -> str:
    """A size for people: ``512 KB``, ``2 MB``."""
    return f"{byte_count / 2**20:.3g} MB" if byte_count >= 2**20 else f"{max(1, byte_count // 1024)} KB"
