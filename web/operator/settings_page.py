"""The settings that may change while the assistant runs, and who changed what."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from domain.audit import AuditArea
from domain.operating import AuditEntry, Knob
from web.operator.look import Look, address, post, table
from web.view import attribute


def render_settings(
    knobs: Sequence[Knob], audit: Sequence[AuditEntry], look: Look, area: AuditArea | None = None
) -> str:
    """A row a setting, then the audit, newest first: that of one area, or all."""
    words = look.words
    rows = "".join(_knob(one, look) for one in knobs)
    told = words.settings_help if look.may_set else words.may_not_set
    return (
        f'<div class="column"><h1>{escape(words.tabs["settings"])}</h1><p class="help">{escape(told)}</p>'
        f'<ul class="knobs">{rows}</ul><h2 id="audit">{escape(words.audit)}</h2>'
        f"{_areas(area, look)}{_audit(audit, look)}</div>"
    )


def _knob(one: Knob, look: Look) -> str:
    words = look.words
    name, about = words.knobs[one.key]
    changed = (
        f'<span class="changed">{escape(words.changed_from.format(value=_worded(one.default, look)))}</span>'
        if one.value != one.default
        else ""
    )
    state = "" if look.may_set else " disabled"
    body = f'{_field(one, name, state, look)}<button class="button"{state}>{escape(words.change)}</button>'
    form = post(address("settings"), {"key": one.key}, body)
    return (
        f'<li><div><h3>{escape(name)}</h3><p class="help">{escape(about)}</p>'
        f'<p class="quiet"><code>{escape(one.key)}</code> '
        f"{changed}</p></div>{form}</li>"
    )


def _field(one: Knob, name: str, state: str, look: Look) -> str:
    label = attribute("aria-label", name)
    if one.choices:
        options = "".join(
            f"<option {attribute('value', choice)}{' selected' if choice == one.value else ''}>"
            f"{escape(_worded(choice, look))}</option>"
            for choice in one.choices
        )
        return f'<select name="value" {label}{state}>{options}</select>'
    step = "1" if one.kind == "count" else "any"
    return (
        f'<input type="number" name="value" required min="{one.low:g}" max="{one.high:g}" step="{step}" {label} '
        f"{attribute('value', one.value)}{state}>"
    )


def _worded(value: str, look: Look) -> str:
    return look.words.values.get(value, value)


def _areas(chosen: AuditArea | None, look: Look) -> str:
    """A link for each area that the audit can be narrowed to."""
    words = look.words
    named = [("", words.any), *((one.value, words.areas[one]) for one in AuditArea)]
    links = "".join(
        f"<a {attribute('href', address('settings', audit=value) + '#audit')}"
        f"{' aria-current=true' if value == (chosen or '') else ''}>{escape(name)}</a>"
        for value, name in named
    )
    return f'<nav class="areas" {attribute("aria-label", words.audit)}>{links}</nav>'


def _audit(audit: Sequence[AuditEntry], look: Look) -> str:
    words = look.words
    if not audit:
        return f'<p class="none">{escape(words.nothing_changed)}</p>'
    rows = (
        f'<tr><td>{look.time(one.at)}</td><td>{escape(one.by)}</td><th scope="row">{escape(one.what)}{_times(one)}</th>'
        f"<td>{_value(one.old)}</td><td>{_value(one.new)}</td></tr>"
        for one in audit
    )
    return table([words.when, words.who, words.what, words.old, words.new], rows, words.audit, "audit")


def _times(one: AuditEntry) -> str:
    return f' <span class="quiet">× {one.count}</span>' if one.count > 1 else ""


def _value(text: str) -> str:
    """A value as it is; a long one folded."""
    if len(text) <= 60:
        return escape(text) or "–"
    return f"<details><summary>{escape(text[:50])}…</summary><p>{escape(text)}</p></details>"
