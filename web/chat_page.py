"""The chat page: Gradio carries events in and HTML out; ``rendering`` and ``frame`` draw, the assistant answers.

The server keeps nothing for a tab but its running turn. Which conversation is open lives in the page's address, the
choice of language and the clock in cookies, and everything said in the store, so a restart loses nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from html import escape
from itertools import takewhile
from pathlib import Path
from typing import Any

import gradio as gr

from domain.conversation import Conversation
from domain.errors import PartUnavailable
from domain.events import AnswerFinished
from domain.operating import Operated
from domain.own_files import is_own
from domain.protocols import Assistant, KnowledgeBaseInfo
from web.frame import (
    render_composer,
    render_first_visit,
    render_header,
    render_panel,
)
from web.own_files import render_own_files
from web.rendering import (
    Progress,
    render_failure,
    render_found_passages,
    render_progress,
    render_stopped,
    render_transcript,
    render_turn,
)
from web.running import RunningTurn, RunningTurns
from web.sidebar import render_sidebar, render_sidebar_failure
from web.texts import ENGLISH
from web.view import View
from web.visitors import Person, console_of, explain, field, name_of, person_of, person_or_not, tab_of, valid, view_for

_STATIC = Path(__file__).parent / "static"
_SESSIONS_KEPT = 16
_SCRIPTS = ("helpers.js", "sources.js", "conversations.js", "files.js", "my_data.js", "turns.js", "keys.js", "chat.js")


class _Chat:
    """What happens on each event. Of people it knows only the turns running at this moment."""

    def __init__(
        self, assistant: Assistant, default_knowledge_base: str, running: RunningTurns, beat_seconds: float
    ) -> None:
        self._assistant = assistant
        self._default = default_knowledge_base
        self._beat_seconds = beat_seconds
        self._running = running
        self._has_console = isinstance(assistant, Operated)

    def load(self, request: gr.Request) -> tuple[str, ...]:
        """A page was opened or refreshed: header, sidebar, transcript, live turn, found passages, box, panel."""
        bases = self._bases(request)
        view = self._view(request, bases)
        conversation_id = valid(request.query_params.get("c", ""))
        try:
            person = person_of(request, view)
            sidebar = self._sidebar(person, conversation_id)
            transcript = self._transcript(person, conversation_id, bases)
        except Exception as error:
            sidebar = render_sidebar_failure("", view)
            transcript = _notice(*explain(error, view.texts))
        header = render_header(bases, self._default, view.texts, name_of(request))
        return header, sidebar, transcript, "", "", render_composer(view.texts), render_panel(view.texts)

    def open(self, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """Show a conversation, or with an empty id the first-visit screen: sidebar, transcript, live, found."""
        bases = self._bases(request)
        view = self._view(request, bases)
        conversation_id = valid(field(event, "conversation"))
        try:
            person = person_of(request, view)
            self._running.stop(person.tab, abandon=True)
            shown = self._transcript(person, conversation_id, bases, field(event, "knowledge_base"))
            return self._sidebar(person, conversation_id), shown, "", ""
        except Exception as error:
            return gr.skip(), _notice(*explain(error, view.texts)), "", ""

    def remove(self, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """Delete a conversation; where it was the open one, the first-visit screen takes its place."""
        view = self._view(request, self._bases(request))
        try:
            person = person_of(request, view)
            self._assistant.delete_conversation(person.owner, valid(field(event, "remove")))
            if field(event, "remove") != field(event, "conversation"):
                return self._sidebar(person, field(event, "conversation")), gr.skip(), gr.skip(), gr.skip()
        except Exception as error:
            message, _ = explain(error, view.texts)
            return render_sidebar_failure(message, view), gr.skip(), gr.skip(), gr.skip()
        return self.open(gr.EventData(None, {"knowledge_base": field(event, "knowledge_base")}), request)

    def forget(self, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """Delete one turn of the open conversation, and with its last turn the conversation; shows what is left."""
        view = self._view(request, self._bases(request))
        try:
            owner, conversation_id = person_of(request, view).owner, valid(field(event, "conversation"))
            self._assistant.shelf.delete_turn(owner, conversation_id, field(event, "turn"))
            if not self._assistant.conversation(owner, conversation_id).turns:
                self._assistant.delete_conversation(owner, conversation_id)
        except Exception as error:
            message, _ = explain(error, view.texts)
            return render_sidebar_failure(message, view), gr.skip(), gr.skip(), gr.skip()
        return self.open(event, request)

    def arrange(self, event: gr.EventData, request: gr.Request) -> str:
        """Rename, pin or unpin a conversation, or just list them anew; returns the sidebar."""
        view = self._view(request, self._bases(request))
        try:
            person = person_of(request, view)
            self._arrange(person.owner, event)
            return self._sidebar(person, field(event, "conversation"))
        except Exception as error:
            message, _ = explain(error, view.texts)
            return render_sidebar_failure(message, view)

    def added(self, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """Files of one's own have changed: the head line with what there is to ask about, then what ``open`` shows."""
        bases, base = self._bases(request), field(event, "knowledge_base")
        there = base if base in {info.name for info in bases} else self._default
        header = render_header(bases, there, self._view(request, bases).texts, name_of(request))
        return header, *self.open(gr.EventData(None, {"knowledge_base": there}), request)

    def _view(self, request: gr.Request, bases: list[KnowledgeBaseInfo]) -> View:
        """How to draw for whoever sent this."""
        return replace(view_for(request, bases), console=console_of(request) if self._has_console else "")

    def _bases(self, request: gr.Request) -> list[KnowledgeBaseInfo]:
        """What this person may ask about."""
        return list(self._assistant.knowledge_bases(tab_of(request)[0]))

    def _arrange(self, owner: str, event: gr.EventData) -> None:
        if renamed := valid(field(event, "rename")):
            self._assistant.rename_conversation(owner, renamed, field(event, "title"))
        if pinned := valid(field(event, "pin")):
            self._assistant.shelf.pin(owner, pinned, True)
        if unpinned := valid(field(event, "unpin")):
            self._assistant.shelf.pin(owner, unpinned, False)

    def stop(self, request: gr.Request) -> None:
        """Stop what is being written in this tab."""
        self._running.stop(tab_of(request))

    async def ask(self, event: gr.EventData, request: gr.Request) -> AsyncIterator[tuple[Any, ...]]:
        """One turn: yields sidebar, transcript, live turn and found passages as they change."""
        bases = await asyncio.to_thread(self._bases, request)
        view = self._view(request, bases)
        conversation_id = valid(field(event, "conversation"))
        knowledge_base = field(event, "knowledge_base") or self._default
        progress = Progress(field(event, "message"), knowledge_base, replaces=field(event, "replaces"))
        try:
            person = person_of(request, view)
            if not conversation_id:
                raise ValueError("a question came without a well-formed conversation id")
            await asyncio.to_thread(self._branch, person, event)
            before, turns = await asyncio.to_thread(self._before, person, conversation_id, progress)
            yield gr.skip(), turns, _live(render_progress(progress, view), conversation_id), ""
            async for update in self._answer(person, before, progress):
                yield update
        except Exception as error:
            message, rejected = explain(error, view.texts)
            failure = render_failure(progress, message, view, rejected)
            restored = await asyncio.to_thread(self._restored, person_or_not(request, view), conversation_id, progress)
            yield gr.skip(), restored, _live(failure, conversation_id), ""

    def _branch(self, person: Person, event: gr.EventData) -> None:
        """Begin the conversation with the turns before an edited question, where that is what was asked for."""
        source, branch = valid(field(event, "branch_of")), valid(field(event, "conversation"))
        if source:
            self._assistant.shelf.branch(person.owner, source, field(event, "before"), branch, field(event, "message"))

    def _before(self, person: Person, conversation_id: str, progress: Progress) -> tuple[Conversation, Any]:
        """What was said before, and its drawing. Without memory the page keeps what it shows and the turn goes on."""
        try:
            before = self._assistant.conversation(person.owner, conversation_id)
            earlier = tuple(takewhile(lambda turn: turn.id != progress.replaces, before.turns))
            turns = render_transcript(replace(before, turns=earlier), self._about(person, before))
        except PartUnavailable:
            return Conversation(conversation_id, person.owner), gr.skip()
        return before, _turns(turns, conversation_id, progress.knowledge_base)

    def _restored(self, person: Person | None, conversation_id: str, progress: Progress) -> Any:
        """The transcript with the answer that was to be replaced and is still there, where asking again came to nothing
        or was stopped."""
        if not progress.replaces or person is None:
            return gr.skip()
        try:
            return self._transcript(person, conversation_id, [], progress.knowledge_base)
        except PartUnavailable:
            return gr.skip()

    def _about(self, person: Person, conversation: Conversation) -> View:
        """The person's view of one conversation: what they thought of its answers, and where it branched off."""
        given = self._assistant.feedback.of(person.owner, conversation.id)
        verdicts = {turn_id: feedback.verdict for turn_id, feedback in given.items()}
        titles: dict[str, str] = {}
        if conversation.branched_from:
            titles = {one.id: one.title for one in self._assistant.conversations(person.owner)}
        return replace(person.view, conversation=conversation.id, verdicts=verdicts, conversation_titles=titles)

    async def _answer(self, person: Person, before: Conversation, progress: Progress) -> AsyncIterator[tuple[Any, ...]]:
        view, finished = replace(person.view, conversation=before.id), ""
        turn = self._running.start(person.tab, self._begin(person.owner, before.id, progress))
        try:
            if turn.position:
                yield self._step(replace(progress, queued=turn.position), before.id, view, changed=True)
            async for events in turn.events(self._beat_seconds):
                shown, progress = progress, replace(progress, queued=turn.position)
                for event in events:
                    progress = progress.after(event)
                    if isinstance(event, AnswerFinished):
                        finished = render_turn(event.turn, view, event.stored, event.waiting)
                if not finished:
                    yield self._step(progress, before.id, view, changed=progress != shown)
            if turn.stopping and not turn.abandoned and not finished:
                progress = replace(progress, stopping=True)
                yield self._step(progress, before.id, view, changed=True)
                finished = await self._stopped(person, before, progress, turn)
        finally:
            self._running.finish(person.tab, turn)
        if not turn.abandoned:
            sidebar = await asyncio.to_thread(self._sidebar_or_not, person, before.id)
            if turn.stopping and progress.replaces:  # the answer that was there is there again
                restored = await asyncio.to_thread(self._restored, person, before.id, progress)
                yield sidebar, restored, _live("", before.id), ""
            else:
                yield sidebar, gr.skip(), _live(finished, before.id), ""

    def _begin(self, owner: str, conversation_id: str, progress: Progress) -> Callable[[], Any]:
        asked = (owner, conversation_id, progress.question, progress.knowledge_base, progress.replaces)
        return lambda: self._assistant.stream_reply(*asked)

    @staticmethod
    def _step(progress: Progress, conversation_id: str, view: View, changed: bool) -> tuple[Any, ...]:
        if not changed:
            return gr.skip(), gr.skip(), gr.skip(), gr.skip()
        found = gr.skip() if progress.writing else render_found_passages(progress, view)
        return gr.skip(), gr.skip(), _live(render_progress(progress, view), conversation_id), found

    async def _stopped(self, person: Person, before: Conversation, progress: Progress, turn: RunningTurn) -> str:
        """The stopped turn as it was stored, or as far as the page knows it."""
        await turn.stored()
        known = {earlier.id for earlier in before.turns}
        try:
            after = await asyncio.to_thread(self._assistant.conversation, person.owner, before.id)
        except PartUnavailable:
            return render_stopped(progress, person.view)
        new = [later for later in after.turns if later.id not in known]
        view = replace(person.view, conversation=before.id)
        return render_turn(new[-1], view) if new else render_stopped(progress, view)

    def _sidebar_or_not(self, person: Person, conversation_id: str) -> Any:
        """The sidebar; while memory is down the one on the page stays, for an answer is worth more than a list."""
        try:
            return self._sidebar(person, conversation_id)
        except PartUnavailable:
            return gr.skip()

    def _sidebar(self, person: Person, conversation_id: str) -> str:
        listed = self._assistant.conversations(person.owner)
        return render_sidebar(listed, conversation_id, self._assistant.memory_limits, person.view)

    def _transcript(
        self, person: Person, conversation_id: str, bases: list[KnowledgeBaseInfo], chosen: str = ""
    ) -> str:
        if conversation_id:
            conversation = self._assistant.conversation(person.owner, conversation_id)
            if conversation.turns:
                used = conversation.turns[-1].knowledge_base
                view = self._about(person, conversation)
                return _turns(render_transcript(conversation, view), conversation_id, used)
        name = chosen or self._default
        if is_own(name):
            return _turns(render_own_files(self._assistant.files.list(person.owner), person.view.texts), "", name)
        info = next((info for info in bases if info.name == name), None)
        return _turns(render_first_visit(info, person.view), "", name)


def build_page(
    assistant: Assistant,
    running: RunningTurns,
    *,
    default_knowledge_base: str,
    title: str = "Colloquy",
    beat_seconds: float = 1.0,
) -> gr.Blocks:
    """The chat page over ``assistant``. ``running`` says how many turns may be answered at once over all browsers;
    ``beat_seconds`` is how soon a browser that went away is noticed. Needs ``server.build_app`` around it for
    owners and styles."""
    chat = _Chat(assistant, default_knowledge_base, running, beat_seconds)
    with gr.Blocks(title=title, analytics_enabled=False, fill_width=True) as page:
        header = _part("header")
        sidebar = _part("sidebar")
        with gr.Column(elem_id="scroll"):
            transcript = _part("transcript")
            live = _part("live")
            found = _part("found")
        box = _part("box", render_composer(ENGLISH))
        panel = _part("panel", render_panel(ENGLISH))
        script = "\n".join((_STATIC / name).read_text(encoding="utf-8") for name in _SCRIPTS)
        bridge = gr.HTML("", js_on_load=script, elem_id="bridge", visible="hidden")
        # No limit and no queueing of one event behind another: a slow turn must hold up nobody.
        how: dict[str, Any] = {"concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private"}
        how["trigger_mode"] = "multiple"  # Gradio's "once" drops a click while the event before is winding up
        page.load(chat.load, None, [header, sidebar, transcript, live, found, box, panel], **how)
        conversation = [sidebar, transcript, live, found]
        bridge.added(chat.added, None, [header, *conversation], **how)
        bridge.open(chat.open, None, conversation, **how)
        bridge.remove(chat.remove, None, conversation, **how)
        bridge.forget(chat.forget, None, conversation, **how)
        bridge.arrange(chat.arrange, None, sidebar, **how)
        asked = bridge.ask(chat.ask, None, conversation, **how)
        asked.then(None, None, None, js="() => window.colloquySettled?.()", show_progress="hidden")
        bridge.stop(chat.stop, None, None, **how)
    page.queue(default_concurrency_limit=None)
    # Gradio keeps the last drawing of every part for each tab, 10,000 tabs long; nothing here ever reads it back.
    page.state_session_capacity = _SESSIONS_KEPT
    return page


def _part(name: str, value: str = "") -> gr.HTML:
    return gr.HTML(value, elem_id=name, js_on_load=None, apply_default_css=False)


def _turns(html: str, conversation_id: str, knowledge_base: str) -> str:
    where = f'data-conversation="{escape(conversation_id)}" data-knowledge-base="{escape(knowledge_base)}"'
    return f'<div class="turns" {where}>{html}</div>'


def _live(html: str, conversation_id: str) -> str:
    return f'<div class="turns" data-conversation="{escape(conversation_id)}">{html}</div>'


def _notice(message: str, _rejected: bool) -> str:
    alert = f'<p class="answer failure" role="alert">{escape(message)}</p>'
    return _turns(f'<div class="welcome">{alert}</div>', "", "")
