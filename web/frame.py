"""What stands around the conversation, as HTML: the head line, the first visit, the box."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from domain.protocols import KnowledgeBaseInfo
from web.own_files import render_add_file
from web.texts import Texts
from web.texts_log_in import LOG_IN_TEXTS
from web.turn_actions import render_turn_forms
from web.view import View, attribute, base_title

# Drawn, because not every system has letters of both languages.
_GLOBE = (
    '<svg viewBox="0 0 20 20" width="18" height="18" fill="none" stroke="currentColor" stroke-width="1.4" '
    'aria-hidden="true"><circle cx="10" cy="10" r="7.3"/><ellipse cx="10" cy="10" rx="3.2" ry="7.3"/>'
    '<path d="M3 8h14M3 12.5h14"/></svg>'
)
# Above the box: how far a file has come, and what was just done or refused.
_NEWS = (
    '<p id="sending" hidden><progress max="1" aria-hidden="true"></progress><span></span></p>'
    '<p id="toast" role="status" hidden></p>'
)
_EXAMPLES = 4


def render_header(knowledge_bases: Sequence[KnowledgeBaseInfo], chosen: str, texts: Texts, person: str = "") -> str:
    """Menu (on phones), the knowledge base or a picker where there are several, language, dark or light; the way out
    for a ``person`` who is logged in."""
    titles = [(info.name, base_title(info, texts)) for info in knowledge_bases] or [(chosen, chosen)]
    if len(titles) > 1:
        options = "".join(
            f"<option {attribute('value', name)}{' selected' if name == chosen else ''}>{escape(title)}</option>"
            for name, title in titles
        )
        where = f'<select id="knowledge-base" {attribute("aria-label", texts.knowledge_base)}>{options}</select>'
    else:
        name, title = titles[0]
        where = f'<h1 id="knowledge-base" {attribute("data-value", name)}>{escape(title)}</h1>'
    return (
        f"{icon('menu', '☰', texts.open_menu)}{where}<span class='space'></span>"
        f"{icon('help', '?', texts.actions.help)}{icon('dark', '☾', texts.toggle_dark)}"
        f'<button class="icon" data-do="language" data-language="{texts.other_language}" '
        f"{attribute('aria-label', texts.toggle_language)} {attribute('title', texts.other_language_name)}>"
        f"{_GLOBE}</button>{_way_out(person, LOG_IN_TEXTS[texts.language].log_out)}"
    )


def _way_out(name: str, words: str) -> str:
    """A link with the name's first letter; where it leads a button does it, for a link alone must change nothing."""
    if not name:
        return ""
    said = f"{attribute('aria-label', f'{name}: {words}')} {attribute('title', f'{name}: {words}')}"
    return f'<a class="who" href="log-out" {said}>{escape(name[:1].upper())}</a>'


def render_first_visit(info: KnowledgeBaseInfo | None, view: View) -> str:
    """What there is to ask: how much is known, how fresh it is, real example questions. No lecture."""
    if info is None:
        return f'<div class="welcome"><p>{escape(view.texts.knowledge_base_gone)}</p></div>'
    texts = view.texts
    heading = escape(texts.first_visit.format(title=info.title or info.name))
    if info.document_count == 0:
        return f'<div class="welcome"><h2>{heading}</h2><p>{escape(texts.no_documents)}</p></div>'
    known = texts.knows.format(documents=f"{info.document_count:,}", passages=f"{info.passage_count:,}")
    updated = texts.last_update.format(date=view.date(info.updated_at))
    questions = list(dict.fromkeys(info.examples))[:_EXAMPLES]
    examples = "".join(f'<li><button class="choice">{escape(q)}</button></li>' for q in questions)
    return (
        f'<div class="welcome"><h2>{heading}</h2><p class="knows">{escape(known)} · {escape(updated)}</p>'
        f"<ul>{examples}</ul></div>"
    )


def render_composer(texts: Texts) -> str:
    """The box a question is typed into, Send, Stop (shown while working), and the line a screen reader hears."""
    return (
        f'{_NEWS}<form id="composer">{render_add_file(texts)}'
        f'<textarea id="message" rows="1" autocomplete="off" enterkeyhint="send" '
        f"{attribute('placeholder', texts.ask_placeholder)} {attribute('aria-label', texts.message_label)}></textarea>"
        f'<button id="send" type="submit" {attribute("aria-label", texts.send)} {attribute("title", texts.send)}>'
        f'<span aria-hidden="true">➤</span></button>'
        f'<button id="stop" type="button" data-do="stop"><span aria-hidden="true">■</span> '
        f'{escape(texts.stop)}</button></form><p class="keys">{escape(texts.keys)}</p>'
        f'<div id="announcer" class="unseen" role="status" aria-live="polite" '
        f"{attribute('data-interrupted', texts.interrupted)}></div>"
    )


def render_panel(texts: Texts) -> str:
    """The empty sources panel, the document viewer and the forms of a turn; the page's script fills them."""
    return (
        f'<h2 id="sources-heading">{escape(texts.sources)}</h2>'
        f'<div id="panel-cards" data-empty="{escape(texts.sources_empty, quote=True)}"></div>'
        f'<dialog id="viewer" {attribute("aria-label", texts.open_document)}>'
        f'<button class="icon" data-do="close-viewer" {attribute("aria-label", texts.close)}>✕</button>'
        f'<div class="page" {attribute("data-working", texts.actions.working)} tabindex="0"></div></dialog>'
        f"{_help(texts)}{render_turn_forms(texts)}"
    )


def _help(texts: Texts) -> str:
    """The keyboard shortcuts, in a dialog; the page's script writes ⌘ for Ctrl where keyboards have it."""
    rows = "".join(
        f'<tr><th scope="row">{_keys(keys)}</th><td>{escape(does)}</td></tr>'
        for keys, does in texts.actions.shortcuts.items()
    )
    return (
        f'<dialog id="help" {attribute("aria-label", texts.actions.help)}>'
        f'<button class="icon" data-do="close-help" {attribute("aria-label", texts.close)}>✕</button>'
        f'<div class="page"><h2>{escape(texts.actions.help)}</h2><table>{rows}</table></div></dialog>'
    )


def _keys(keys: str) -> str:
    return "+".join(f"<kbd>{escape(key)}</kbd>" for key in keys.split("+"))


def icon(action: str, sign: str, label: str) -> str:
    """A button that shows a sign and says ``label``."""
    named = f"{attribute('aria-label', label)} {attribute('title', label)}"
    return f'<button class="icon" data-do="{action}" {named}>{sign}</button>'
