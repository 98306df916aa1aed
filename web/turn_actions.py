"""What can be done with one turn: judge it, copy, ask again, edit, see why, link to it, delete it.

Values in, escaped HTML out. The forms behind judging and editing stand on the page once (``render_turn_forms``); the
page's script puts a copy where it is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from urllib.parse import urlencode

from domain.answer import AnswerKind
from domain.conversation import Turn
from web.texts import Texts
from web.view import View, attribute

_THUMB = (
    '<svg viewBox="0 0 20 20" width="15" height="15" fill="none" stroke="currentColor" stroke-width="1.5" '
    'stroke-linejoin="round" aria-hidden="true"><path d="M3 9h3v8H3zM6 9.5 9.6 3c1.4 0 2.1 1 1.8 2.2L10.8 8H16c1 0 '
    '1.7.9 1.5 1.9l-1.2 5.5c-.2 1-.9 1.6-1.9 1.6H6z"/></svg>'
)


def render_actions(turn: Turn, view: View, stored: bool = True) -> str:
    """The line under an answer. What was not stored can be copied and asked again, no more."""
    texts = view.texts
    copied = f"{attribute('data-copy', turn.answer.with_markers())} {attribute('data-copied', texts.copied)}"
    copy = _button(texts.copy, copied)
    if not stored or not turn.id:
        return f'<div class="actions">{copy}{_button(texts.ask_again, "data-ask-again")}</div>'
    judged = "" if turn.stopped or turn.answer.kind is AnswerKind.SMALL_TALK else _verdicts(turn, view)
    why = "" if turn.answer.kind is AnswerKind.SMALL_TALK else _why(turn, view)
    retry = _button(texts.actions.retry, f"data-retry {attribute('title', texts.actions.retry_help)}")
    edit = _button(texts.edit, f"data-edit {attribute('title', texts.actions.edit_help)}")
    return f'<div class="actions">{judged}{copy}{retry}{edit}{why}{_more(turn, view)}</div>'


def render_turn_forms(texts: Texts) -> str:
    """The forms that the page's script copies: why an answer was no good, and a question to be edited."""
    words = texts.actions
    chips = "".join(
        f'<label><input type="radio" name="reason" value="{reason}"><span>{escape(said)}</span></label>'
        for reason, said in words.reasons.items()
    )
    comment = f'<textarea name="comment" rows="2" maxlength="2000" {attribute("placeholder", words.comment)} '
    return (
        f'<div id="reasons-form" hidden><form class="reasons"><fieldset><legend>{escape(words.what_was_wrong)}</legend>'
        f'<div class="chips">{chips}</div></fieldset>{comment}{attribute("aria-label", words.comment)}></textarea>'
        f'<p class="buttons"><button type="submit" class="submit">{escape(words.send_feedback)}</button>'
        f'<button type="button" class="quiet" data-give-up>{escape(words.cancel)}</button></p></form></div>'
        f'<div id="edit-form" hidden><form class="editing"><textarea name="question" rows="2" '
        f"{attribute('aria-label', texts.message_label)}></textarea><p class='note'>{escape(words.edit_help)}</p>"
        f'<p class="buttons"><button type="submit" class="submit">{escape(words.ask_edited)}</button>'
        f'<button type="button" class="quiet" data-give-up>{escape(words.cancel)}</button></p></form></div>'
    )


def render_follow_ups(questions: Sequence[str], texts: Texts) -> str:
    """Questions that could be asked next, as buttons; "" without any."""
    if not questions:
        return ""
    buttons = "".join(f'<button class="choice">{escape(question)}</button>' for question in questions)
    named = attribute("aria-label", texts.actions.ask_next)
    return f'<div class="choices follow-ups" role="group" {named}>{buttons}</div>'


def _button(words: str, attributes: str) -> str:
    return f'<button class="quiet" {attributes}>{escape(words)}</button>'


def _verdicts(turn: Turn, view: View) -> str:
    given = view.verdicts.get(turn.id)
    return "".join(
        f'<button class="quiet verdict {verdict}" data-verdict="{verdict}" '
        f'aria-pressed="{str(given == verdict).lower()}" {attribute("aria-label", label)} {attribute("title", label)}>'
        f"{_THUMB}</button>"
        for verdict, label in (("up", view.texts.actions.good), ("down", view.texts.actions.bad))
    )


def _why(turn: Turn, view: View) -> str:
    where = urlencode({"conversation": view.conversation, "turn": turn.id})
    return (
        f'<a class="open quiet" target="_blank" rel="noopener" {attribute("href", f"explanation?{where}")}>'
        f"{escape(view.texts.why)}</a>"
    )


def _more(turn: Turn, view: View) -> str:
    words = view.texts.actions
    link = urlencode({"c": view.conversation, "t": turn.id})
    copied = f"{attribute('data-link', '?' + link)} {attribute('data-copied', words.link_copied)}"
    delete = f"data-delete-turn {attribute('data-confirm', words.confirm_delete_turn)}"
    return (
        f'<details class="others"><summary class="quiet" {attribute("aria-label", words.more_actions)} '
        f'{attribute("title", words.more_actions)}>⋯</summary><div class="menu">'
        f"{_button(words.copy_link, copied)}"
        f"{_button(words.delete_turn, delete)}</div></details>"
    )
