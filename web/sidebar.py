"""The list of conversations as HTML: new chat, search, the conversations by day with what can be done to each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import urlencode

from domain.conversation import ConversationSummary
from domain.protocols import MemoryLimits
from web.frame import icon
from web.texts import Texts
from web.texts_actions import ActionTexts
from web.texts_my_data import MY_DATA_TEXTS
from web.view import View, attribute, kept, size

_INFORMATION = (
    '<svg viewBox="0 0 16 16" width="13" height="13" fill="none" stroke="currentColor" stroke-width="1.3" '
    'aria-hidden="true"><circle cx="8" cy="8" r="6.6"/><path d="M8 7.3v4M8 4.6v.6" stroke-linecap="round"/></svg>'
)
_BRANCH = (
    '<svg viewBox="0 0 16 16" width="11" height="11" fill="none" stroke="currentColor" stroke-width="1.4" '
    'aria-hidden="true"><path d="M4 2v12M4 10c0-4 8-1 8-5V3"/></svg> '
)


def render_sidebar(conversations: Sequence[ConversationSummary], current: str, limits: MemoryLimits, view: View) -> str:
    """New chat, search, the pinned conversations and the others by day, how long they are kept, and what else there is:
    import, one's own data, the console."""
    texts = view.texts
    titles = {item.id: item.title for item in conversations}
    groups = "".join(
        f"<h2>{escape(name)}</h2><ul>{''.join(_conversation(item, current, titles, texts) for item in items)}</ul>"
        for name, items in _groups(conversations, view)
    )
    body = groups or f'<p class="none">{escape(texts.no_conversations)}</p>'
    explained = texts.limits.format(kept=kept(limits, texts), turns=limits.max_turns, size=size(limits.max_bytes))
    return (
        f"{_top(texts)}{_search(texts) if conversations else ''}"
        f"<nav {attribute('aria-label', texts.conversations)}>{body}"
        f'<p class="none" id="nothing-found" role="status" hidden>{escape(texts.actions.nothing_found)}</p></nav>'
        f'<details class="kept"><summary>{escape(kept(limits, texts))} {_INFORMATION}</summary>'
        f"<p>{escape(explained)}</p></details>"
        f'<div class="ways">{_import(texts)}{_my_data(texts)}{_console(view)}</div>'
    )


def render_sidebar_failure(message: str, view: View) -> str:
    """What stands in the sidebar while the conversations cannot be listed; without a message where another part of
    the page says why."""
    said = f'<p class="none" role="alert">{escape(message)}</p>' if message else ""
    nav = f"<nav {attribute('aria-label', view.texts.conversations)}>{said}</nav>"
    return f'{_top(view.texts)}{nav}<div class="ways">{_console(view)}</div>'


def _top(texts: Texts) -> str:
    new = f'<button class="new" data-do="new">+ {escape(texts.new_chat)}</button>'
    return f'<div class="top">{new}{icon("close-menu", "✕", texts.close)}</div>'


def _search(texts: Texts) -> str:
    named = f"{attribute('placeholder', texts.actions.search)} {attribute('aria-label', texts.actions.search)}"
    return f'<input id="filter" type="search" {named}>'


def _import(texts: Texts) -> str:
    return (
        f'<label class="import"><input type="file" id="import" accept=".json,application/json" class="unseen">'
        f"<span>{escape(texts.actions.import_file)}</span></label>"
    )


def _my_data(texts: Texts) -> str:
    return f'<button data-do="my-data">{escape(MY_DATA_TEXTS[texts.language].my_data)}</button>'


def _console(view: View) -> str:
    """A link for whoever may follow it, into a window of its own: an answer may be on its way in this one."""
    if not view.console:
        return ""
    words, leads = escape(MY_DATA_TEXTS[view.texts.language].console), attribute("href", view.console)
    return f'<a {leads} target="_blank" rel="noopener">{words} <span aria-hidden="true">↗</span></a>'


def _groups(conversations: Sequence[ConversationSummary], view: View) -> list[tuple[str, list[ConversationSummary]]]:
    groups: dict[str, list[ConversationSummary]] = {}
    for item in sorted(conversations, key=lambda item: (not item.pinned, -item.updated_at)):
        age_days = view.day(view.now) - view.day(item.updated_at)
        names = (view.texts.today, view.texts.yesterday, view.texts.earlier)
        name = view.texts.actions.pinned if item.pinned else names[min(2, max(0, age_days))]
        groups.setdefault(name, []).append(item)
    return list(groups.items())


def _conversation(item: ConversationSummary, current: str, titles: dict[str, str], texts: Texts) -> str:
    here = ' aria-current="page"' if item.id == current else ""
    title = item.title.strip() or "…"
    more = texts.more.format(title=title)
    return (
        f'<li><button class="conversation" {attribute("data-open", item.id)}{here} {attribute("title", title)}>'
        f"{_branch(item, titles, texts)}{escape(title)}</button>"
        f'<button class="more" data-more aria-expanded="false" {attribute("aria-label", more)}>⋯</button>'
        f'<div class="menu" hidden>{_menu(item, texts)}</div></li>'
    )


def _branch(item: ConversationSummary, titles: dict[str, str], texts: Texts) -> str:
    """A sign before the title of a branch, which says to all what it is."""
    if item.branched_from is None:
        return ""
    source = titles.get(item.branched_from)
    said = f"{texts.actions.branched_from} {source}" if source else texts.actions.branched
    return (
        f'<span class="branch" {attribute("title", said)}>{_BRANCH}<span class="unseen">{escape(said)}: </span></span>'
    )


def _menu(item: ConversationSummary, texts: Texts) -> str:
    words = texts.actions
    pin, said = ("unpin", words.unpin) if item.pinned else ("pin", words.pin)
    covered = f"{words.export}, {words.export_covered}"
    return (
        f'<button class="rename" {attribute("data-rename", item.id)}>{escape(texts.rename)}</button>'
        f'<button class="pin" {attribute(f"data-{pin}", item.id)}>{escape(said)}</button>'
        f'<button class="remove" {attribute("data-remove", item.id)} '
        f"{attribute('data-confirm', texts.confirm_delete)}>{escape(texts.delete)}</button>"
        f"{_files(item.id, words.export, words)}{_files(item.id, covered, words, covered='1')}"
    )


def _files(conversation_id: str, label: str, words: ActionTexts, **more: str) -> str:
    files = "".join(_file({"c": conversation_id, "kind": kind, **more}, name) for kind, name in words.export_as.items())
    return (
        f'<span class="export" role="group" {attribute("aria-label", label)}>'
        f"<span>{escape(label)}:</span>{files}</span>"
    )


def _file(what: Mapping[str, str], name: str) -> str:
    where = urlencode(what)
    return f"<a download {attribute('href', f'export?{where}')}>{escape(name)}</a>"
