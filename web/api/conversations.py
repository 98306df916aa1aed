"""Conversations and the turns in them: list, get, rename, delete, feedback, trace."""

from __future__ import annotations

import time

from fastapi import APIRouter

from domain.conversation import Conversation, Turn
from domain.explanation import Explanation
from domain.feedback import Feedback
from web.api.desk import Asking, ConversationId, Desk, TurnId, new_conversation_id
from web.api.models import ConversationList, ConversationOut, FeedbackIn, NewConversation, RenameIn, SummaryOut
from web.api.problems import Refused, responses


def add_conversations(router: APIRouter, desk: Desk) -> None:
    """Adds the routes about whole conversations."""
    service = desk.service

    @router.get("/conversations", responses=responses(), tags=["conversations"])
    def list_conversations(caller: Asking) -> ConversationList:
        """The caller's conversations, newest first."""
        return ConversationList(conversations=[SummaryOut.of(item) for item in service.conversations(caller.owner)])

    @router.post("/conversations", status_code=201, responses=responses(), tags=["conversations"])
    def begin_conversation() -> NewConversation:
        """An id for a new conversation. Nothing is kept before its first turn."""
        return NewConversation(id=new_conversation_id())

    @router.get("/conversations/{conversation_id}", responses=responses(404), tags=["conversations"])
    def get_conversation(conversation_id: ConversationId, caller: Asking) -> ConversationOut:
        """A conversation with all its turns."""
        return ConversationOut.of(found_conversation(desk, caller.owner, conversation_id))

    @router.patch("/conversations/{conversation_id}", responses=responses(404), tags=["conversations"])
    def rename_conversation(conversation_id: ConversationId, change: RenameIn, caller: Asking) -> ConversationOut:
        """Give a conversation another title."""
        found_conversation(desk, caller.owner, conversation_id)
        service.rename_conversation(caller.owner, conversation_id, change.title)
        return ConversationOut.of(found_conversation(desk, caller.owner, conversation_id))

    @router.delete(
        "/conversations/{conversation_id}", status_code=204, responses=responses(404), tags=["conversations"]
    )
    def delete_conversation(conversation_id: ConversationId, caller: Asking) -> None:
        """Forget a conversation for good."""
        found_conversation(desk, caller.owner, conversation_id)
        service.delete_conversation(caller.owner, conversation_id)


def add_parts_of_turns(router: APIRouter, desk: Desk) -> None:
    """Adds what there is to know and to say about one turn."""
    service = desk.service
    turn_path = "/conversations/{conversation_id}/turns/{turn_id}"

    @router.get(f"{turn_path}/trace", responses=responses(404), tags=["turns"])
    def trace(conversation_id: ConversationId, turn_id: TurnId, caller: Asking) -> Turn:
        """Everything that is kept of a turn: the query, passages with every signal, candidates, weights, timings."""
        return _turn(desk, caller.owner, conversation_id, turn_id)

    @router.get(f"{turn_path}/explanation", responses=responses(404), tags=["turns"])
    def explanation(conversation_id: ConversationId, turn_id: TurnId, caller: Asking) -> Explanation:
        """Why the turn was answered as it was. Takes as long as a short answer."""
        return service.explain(_turn(desk, caller.owner, conversation_id, turn_id))

    @router.put(f"{turn_path}/feedback", status_code=204, responses=responses(404), tags=["turns"])
    def give_feedback(conversation_id: ConversationId, turn_id: TurnId, given: FeedbackIn, caller: Asking) -> None:
        """Say whether the answer helped. Takes the place of what was said before."""
        feedback = Feedback(given.verdict, given.reason, given.comment, time.time())
        if not service.feedback.give(caller.owner, conversation_id, turn_id, feedback):
            raise _no_turn()
        desk.metrics.feedback(given.verdict)

    @router.delete(f"{turn_path}/feedback", status_code=204, responses=responses(404), tags=["turns"])
    def take_feedback_back(conversation_id: ConversationId, turn_id: TurnId, caller: Asking) -> None:
        """Take back what was said about the answer."""
        if not service.feedback.take_back(caller.owner, conversation_id, turn_id):
            raise _no_turn()


def found_conversation(desk: Desk, owner: str, conversation_id: str) -> Conversation:
    """One of the owner's own conversations; 404 for any other."""
    conversation = desk.service.conversation(owner, conversation_id)
    if not conversation.turns:
        raise Refused(404, "You have no conversation of that id; GET /api/v1/conversations lists those you have.")
    return conversation


def _turn(desk: Desk, owner: str, conversation_id: str, turn_id: str) -> Turn:
    turns = desk.service.conversation(owner, conversation_id).turns
    found = next((turn for turn in turns if turn.id == turn_id), None)
    if found is None:
        raise _no_turn()
    return found


def _no_turn() -> Refused:
    return Refused(404, "You have no turn of that id in that conversation; GET the conversation to see its turns.")
