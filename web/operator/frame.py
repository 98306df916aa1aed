"""What stands around every page of the console: the line of tabs, what was done, what went wrong."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path
from typing import Literal

from domain.permissions import Permission
from web.operator.look import ROOT, Look, address
from web.view import attribute

Tab = Literal["sessions", "queue", "knowledge", "playground", "dashboards", "settings"]
TABS: tuple[Tab, ...] = ("sessions", "queue", "knowledge", "playground", "dashboards", "settings")

OPENED_BY: Mapping[Tab, Permission] = {
    "sessions": Permission.TURNS,
    "queue": Permission.QUEUE,
    "knowledge": Permission.KNOWLEDGE,
    "playground": Permission.PLAYGROUND,
    "dashboards": Permission.DASHBOARDS,
    "settings": Permission.SEE_SETTINGS,
}
"""What each tab needs."""

_STATIC = Path(__file__).parents[1] / "static"
# Drawn, because not every system has letters of both languages.
_GLOBE = (
    '<svg viewBox="0 0 20 20" width="17" height="17" fill="none" stroke="currentColor" stroke-width="1.4" '
    'aria-hidden="true"><path d="M2.8 10a7.2 7.2 0 1 0 14.4 0a7.2 7.2 0 1 0-14.4 0M2.8 10h14.4M10 2.8c-4 4-4 10.400 0 '
    '14.400M10 2.8c4 4 4 10.400 0 14.400"/></svg>'
)
_STYLES = ("chat.css", "explanation.css", "operator.css")


def page(look: Look, tab: Tab | None, body: str, *, waiting: int = 0, said: str = "", trouble: str = "") -> str:
    """A whole page. ``body`` is HTML; ``waiting``: entries of the queue; ``said`` was done, ``trouble`` went wrong."""
    words, texts = look.words, look.texts
    told = f'<p class="said" role="status">{escape(said)}</p>' if said else ""
    told += f'<p class="trouble" role="alert">{escape(trouble)}</p>' if trouble else ""
    name = words.tabs[tab] if tab else words.console
    return (
        f'<!doctype html><html lang="{texts.language}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(name)} · Colloquy</title><link rel="icon" href="/favicon.ico">{_head()}</head>'
        f'<body class="alone operator"><a class="skip" href="#content">{escape(words.skip)}</a>'
        f"{_top(look, tab, waiting)}"
        f'<main id="content" data-tab="{tab or ""}">{told}{body}</main>'
        f'<div id="announcer" class="unseen" role="status" aria-live="polite"></div>{_script()}</body></html>'
    )


def _top(look: Look, tab: Tab | None, waiting: int) -> str:
    words, texts = look.words, look.texts
    tabs = "".join(_tab(one, look, here=one == tab, waiting=waiting) for one in TABS if look.may(OPENED_BY[one]))
    who = f'<span class="who">{escape(look.name)}</span>' if look.name else ""
    return (
        f'<header class="top"><a class="home" href="/">Colloquy</a>'
        f'<nav {attribute("aria-label", words.console)}>{tabs}</nav><span class="space"></span>{who}'
        f'<button class="icon" data-do="dark" {attribute("aria-label", texts.toggle_dark)}>☾</button>'
        f'<button class="icon" data-do="language" data-language="{texts.other_language}" '
        f"{attribute('aria-label', texts.toggle_language)} {attribute('title', texts.other_language_name)}>"
        f"{_GLOBE}</button></header>"
    )


def _tab(tab: Tab, look: Look, *, here: bool, waiting: int) -> str:
    count = f' <span class="count">{waiting}</span>' if tab == "queue" and waiting else ""
    current = ' aria-current="page"' if here else ""
    href = ROOT if tab == "sessions" else address(tab)
    return f"<a {attribute('href', href)}{current}>{escape(look.words.tabs[tab])}{count}</a>"


@cache
def _head() -> str:
    style = "\n".join((_STATIC / name).read_text(encoding="utf-8") for name in _STYLES)
    early = (_STATIC / "early.js").read_text(encoding="utf-8")
    return f"<style>{style}</style><script>{early}</script>"


@cache
def _script() -> str:
    return f"<script>{(_STATIC / 'operator.js').read_text(encoding='utf-8')}</script>"
