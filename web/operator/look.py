"""What every part of the console needs to know about the operator it draws for, and the small pieces they share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import escape
from urllib.parse import urlencode

from domain.accounts import Role
from domain.answer import AnswerKind
from domain.own_files import is_own
from domain.permissions import Permission, allowed
from web.operator.texts import ENGLISH, OperatorTexts
from web.operator.texts_zh import CHINESE
from web.texts import Language, Texts
from web.view import View, attribute

ROOT = "/operator"
OPERATOR_TEXTS = {Language.ENGLISH: ENGLISH, Language.CHINESE: CHINESE}


@dataclass(frozen=True, slots=True)
class Look:
    """One operator's view. ``name`` is who acts, as the others see it; ``may_set``: whether settings may be changed;
    ``role``: what else may be seen."""

    view: View
    name: str = ""
    may_set: bool = False
    role: Role = "admin"

    def may(self, wanted: Permission) -> bool:
        """Whether the operator may do ``wanted``."""
        return allowed(self.role, wanted)

    def turn(self, reference: str, **query: int) -> str:
        """Where this operator finds a turn: among all, or where the queue holds it."""
        if self.may(Permission.TURNS):
            return address(turn=reference, **query)
        return address("queue", "turns", reference, **query)

    def base(self, name: str) -> str:
        """What a knowledge base is called here; a person's own files have no name of their own."""
        return self.words.somebodys_files if is_own(name) else self.view.title(name)

    @property
    def texts(self) -> Texts:
        """The chat page's words in the operator's language."""
        return self.view.texts

    @property
    def words(self) -> OperatorTexts:
        """The console's words in the operator's language."""
        return OPERATOR_TEXTS[self.view.texts.language]

    def local(self, when: float) -> datetime:
        """A moment on the operator's clock."""
        return datetime.fromtimestamp(when, UTC) + timedelta(minutes=self.view.zone_minutes)

    def time(self, when: float) -> str:
        """``14:02`` today, ``26 Nov 14:02`` before, as an element that says the whole moment."""
        local = self.local(when)
        clock = f"{local:%H:%M}"
        if self.view.day(when) != self.view.day(self.view.now):
            clock = f"{self.day(when)} {clock}"
        return f"<time {attribute('datetime', f'{local:%Y-%m-%dT%H:%M:%S}')}>{escape(clock)}</time>"

    def day(self, when: float) -> str:
        """``26 Nov`` in the operator's language."""
        local, texts = self.local(when), self.texts
        return self.words.short_date.format(day=local.day, month=texts.months[local.month - 1][:3])


def address(*parts: str, **query: str | float | int) -> str:
    """A place of the console: ``parts`` below its root, what is empty in ``query`` left out."""
    given = {key: value for key, value in query.items() if value != ""}
    return "/".join([ROOT, *parts]) + (f"?{urlencode(given)}" if given else "")


def link(href: str, text: str, kind: str = "") -> str:
    """A link; ``text`` is escaped."""
    named = f' class="{kind}"' if kind else ""
    return f"<a{named} {attribute('href', href)}>{escape(text)}</a>"


def select(name: str, label: str, options: Iterable[tuple[str, str]], chosen: str) -> str:
    """A labelled choice of (value, text)."""
    drawn = "".join(
        f"<option {attribute('value', value)}{' selected' if value == chosen else ''}>{escape(text)}</option>"
        for value, text in options
    )
    return f"<label>{escape(label)}<select {attribute('name', name)}>{drawn}</select></label>"


def post(action: str, fields: Mapping[str, str], body: str, kind: str = "") -> str:
    """A form that changes something; ``fields`` travel hidden, ``body`` is HTML."""
    hidden = "".join(
        f'<input type="hidden" {attribute("name", name)} {attribute("value", value)}>' for name, value in fields.items()
    )
    return f'<form method="post" class="{kind}" {attribute("action", action)}>{hidden}{body}</form>'


def badge(kind: AnswerKind, look: Look) -> str:
    """The kind of a reply, in one word."""
    return f'<span class="kind {kind.value}">{escape(look.words.kinds[kind])}</span>'


def table(heads: Iterable[str], rows: Iterable[str], caption: str, kind: str = "") -> str:
    """A table with a caption for screen readers; ``rows`` are HTML, ``heads`` and ``caption`` are escaped."""
    columns = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    named = attribute("aria-label", caption)
    return (
        f'<div class="wide" tabindex="0" role="group" {named}><table class="{kind}"><caption class="unseen">'
        f"{escape(caption)}</caption><thead><tr>{columns}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def milliseconds(seconds: float) -> str:
    """``61 ms``, and ``1.2 s`` from a second on."""
    return f"{seconds:.1f} s" if seconds >= 0.9995 else f"{seconds * 1000:.0f} ms"


def short(value: float) -> str:
    """A probability as ``.86``, ``0`` and ``1`` at the ends."""
    text = f"{min(1.0, max(0.0, value)):.2f}"
    return {"0.00": "0", "1.00": "1"}.get(text, text.removeprefix("0"))
