"""The forms below a turn: put its answer right, name a wrong passage, mend the document, add a page, call a person."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from domain.conversation import Turn
from domain.passage import RetrievedPassage
from domain.turn_log import LoggedTurn
from web.operator.look import Look, address, post, select
from web.view import attribute


def render_actions(logged: LoggedTurn, turn: Turn, look: Look) -> str:
    """All that can be done about a turn, each folded until it is wanted."""
    words, passages = look.words, list(turn.evidence)
    forms = [_fold(words.correct_answer, words.correct_answer_help, _answer(logged, turn, look))]
    if passages:
        forms.append(_fold(words.wrong_passage, words.wrong_passage_help, _wrong(logged, passages, look)))
        forms.append(_fold(words.mend_passage, words.mend_passage_help, _mend(logged, passages, look)))
    forms.append(_fold(words.add_page, words.add_page_help, _page(logged, turn, look)))
    send = post(_action(logged, "hand-over"), {}, f'<button class="button">{escape(words.send_to_person)}</button>')
    return f'<h3>{escape(words.put_right)}</h3><div class="mending">{"".join(forms)}{send}</div>'


def _fold(title: str, help_: str, form: str) -> str:
    summary = f'<summary class="button">{escape(title)}</summary>'
    return f'<details class="fold">{summary}<p class="help">{escape(help_)}</p>{form}</details>'


def _action(logged: LoggedTurn, what: str) -> str:
    return address("turns", logged.reference, what)


def _answer(logged: LoggedTurn, turn: Turn, look: Look) -> str:
    words = look.words
    said_by = select("passage", words.stands_in, [("", words.no_passage_says), *_named(turn.evidence)], "")
    body = (
        f"{_area('text', words.right_answer, turn.answer.text)}{said_by if turn.evidence else ''}"
        f"{_line('note', words.note)}{_keep(look)}"
    )
    return post(_action(logged, "answer"), {}, body, "stack")


def _wrong(logged: LoggedTurn, passages: Sequence[RetrievedPassage], look: Look) -> str:
    body = select("passage", look.words.passage, _named(passages), passages[0].passage.id) + _keep(look)
    return post(_action(logged, "wrong-passage"), {}, body, "stack")


def _mend(logged: LoggedTurn, passages: Sequence[RetrievedPassage], look: Look) -> str:
    """A form for each passage, so that each comes with its own text."""
    return "".join(
        f'<details class="fold"><summary>{one.rank} {escape(one.passage.heading or one.passage.id)}</summary>'
        + post(
            _action(logged, "passage"),
            {"passage": one.passage.id},
            _area("text", look.words.passage_text, one.passage.text) + _keep(look),
            "stack",
        )
        + "</details>"
        for one in passages
    )


def _page(logged: LoggedTurn, turn: Turn, look: Look) -> str:
    words = look.words
    title = turn.query.text or turn.question
    body = f"{_line('title', words.title, title)}{_area('text', words.page_text, '')}{_keep(look)}"
    return post(_action(logged, "page"), {}, body, "stack")


def _named(passages: Sequence[RetrievedPassage]) -> list[tuple[str, str]]:
    return [(one.passage.id, f"{one.rank} · {one.passage.heading or one.passage.id}") for one in passages]


def _area(name: str, label: str, value: str) -> str:
    rows = min(14, max(3, value.count("\n") + len(value) // 80 + 1))
    return f'<label>{escape(label)}<textarea name="{name}" rows="{rows}" required>{escape(value)}</textarea></label>'


def _line(name: str, label: str, value: str = "") -> str:
    return f'<label>{escape(label)}<input name="{name}" maxlength="300" {attribute("value", value)}></label>'


def _keep(look: Look) -> str:
    return f'<p><button class="main">{escape(look.words.keep)}</button></p>'
