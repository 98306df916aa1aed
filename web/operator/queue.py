"""What waits for an operator: flagged answers, questions without one, and questions handed over."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from domain.answer import Reason
from domain.hand_off import HandOffState
from domain.operating import QueueItem, Why
from web.operator.look import Look, address, link, post
from web.view import attribute


def render_queue(items: Sequence[QueueItem], look: Look, *, done: bool) -> str:
    """The entries as cards, in the order given, with what can be done about each."""
    words = look.words
    switch = link(address("queue"), words.still_open) if done else link(address("queue", done=1), words.finished)
    cards = "".join(_card(item, look, done=done) for item in items)
    none = "" if items else f'<p class="none">{escape(words.nothing_finished if done else words.nothing_waits)}</p>'
    heading = words.finished if done else words.waiting
    return (
        f'<div class="column"><header class="bar-head">'
        f'<h1>{escape(heading)} <span class="quiet">{len(items)}</span></h1>'
        f'{switch}</header>{none}<ol class="cards">{cards}</ol></div>'
    )


def _card(item: QueueItem, look: Look, *, done: bool) -> str:
    words = look.words
    taken = f" · {escape(words.taken_by.format(name=item.mark.by))}" if item.mark.by else ""
    kind = "comment" if item.why is Why.FLAGGED else "quiet"
    said = f'<p class="{kind}">{escape(_said(item, look))}</p>' if item.said else ""
    turn = link(look.turn(item.turn), words.open_turn, "button") if item.turn else ""
    return (
        f'<li class="queue-card"><p class="line">{look.time(item.at)} <span class="why {item.why.value}">'
        f'{escape(words.whys[item.why])}</span><span class="quiet">{escape(look.base(item.knowledge_base))}'
        f'{taken}</span></p><h2 class="question">{escape(item.question)}</h2>{said}'
        f'<div class="doing">{turn}{"" if done else _doing(item, look)}{_note(item, look)}</div></li>'
    )


def _said(item: QueueItem, look: Look) -> str:
    if item.why is Why.FLAGGED:
        return f"“{item.said}”"
    return look.words.reasons.get(Reason(item.said), item.said)


def _doing(item: QueueItem, look: Look) -> str:
    words, key = look.words, {"key": item.key}
    take = post(address("queue", "take"), key, f'<button class="button">{escape(words.take)}</button>')
    finish = post(address("queue", "done"), key, f'<button class="button">{escape(words.done)}</button>')
    return (take if item.mark.state is HandOffState.OPEN else "") + finish


def _note(item: QueueItem, look: Look) -> str:
    words = look.words
    label = words.note_on.format(question=item.question[:60])
    body = (
        f'<input name="text" maxlength="2000" {attribute("placeholder", words.note)} {attribute("aria-label", label)} '
        f'{attribute("value", item.mark.note)}><button class="quiet">{escape(words.keep)}</button>'
    )
    return post(address("queue", "note"), {"key": item.key}, body, "note-form")
