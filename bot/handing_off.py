"""Passing a question to a person: who asks for one, what goes into the queue, and what is said about it."""

from __future__ import annotations

import hashlib
import re
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.webhook import Webhook, WebhookSettings
from domain.answer import NOT_SEARCHED, Answer, AnswerKind, Reason
from domain.conversation import Query, Turn
from domain.errors import PartUnavailable
from domain.hand_off import Delivery, HandOff, HandOffState
from domain.passage import RetrievedPassage
from domain.protocols import HandOffDesk

_NEAREST = 5  # sources that go with the question
_ROLES = r"human(?: being)?|person|agent|advis[oe]r|representative|operator|somebody|someone"
_ALONE = rf"(?:(?:a |an |the )?(?:real |live |actual )?(?:{_ROLES}))"
_STAFF = r"(?:a |the )?(?:manager|supervisor|member of staff)|one of your (?:people|agents|staff)|your team"
_WHOM = rf"(?:{_ALONE}|{_STAFF})"
_BEFORE = r"(?:(?:hi|hello|hey|ok|okay|please|just|no|look|right|sorry)[\s,.!-]+)*"
_AFTER = (
    r"(?:[\s,.!-]*(?:please|pls|plz|now|thanks|thank you|instead|about (?:this|it|that|my \w+)|directly|asap|here"
    r"|who can help(?: me)?|at harbourline|in person|today|rather|already))*"
)
_ASKING = (
    r"(?:(?:can|could|may|might) i|can you|could you|i(?:'d| would|d)? (?:want|like|need|wanna|prefer)(?: to)?|i must"
    r"|let me|i wish to|is there (?:a|any) way to|how (?:do|can) i|(?:get|give|put|connect|transfer|pass) me|i need)"
)
_THROUGH = r"(?:through|on|over)"
_TALK = (
    rf"(?:(?:talk|speak|chat)(?: to| with)?|be (?:put|connected|transferred|passed)(?: {_THROUGH})?(?: to| with)?"
    rf"|{_THROUGH}? ?(?:to|with)|ask|get|have|contact|complain to|please)"
)
_PASS = r"(?:pass|put|transfer|hand|connect)"
_WANTED = tuple(
    re.compile(rf"^\s*{_BEFORE}(?:{pattern}){_AFTER}[\W_]*$", re.IGNORECASE)
    for pattern in (
        _ALONE,
        rf"(?:ask|(?:talk|speak) (?:to|with)|get|(?:transfer|connect)(?: me)? to|put me through to) {_WHOM}",
        rf"{_ASKING}[\s,]*(?:to )?(?:please )?{_TALK}[\s,]+{_WHOM}",
        rf"(?:get|give|find) me {_WHOM}|i (?:want|need)(?: to see)? {_WHOM}|i(?:'d| would) (?:like|prefer) {_WHOM}",
        rf"i (?:want|need|would like|'d like) to (?:make a complaint|complain) to {_WHOM}",
        rf"(?:(?:can|could) (?:you )?)?(?:please )?{_PASS} (?:me|this|it)(?: {_THROUGH})? (?:to|with) {_WHOM}",
        r"i (?:don'?t|do not) want (?:to (?:talk|speak) to )?a (?:bot|robot|machine|computer)",
        rf"is there {_WHOM}(?: i can (?:talk|speak)(?: to| with)?| there| available)",
        r"can (?:someone|somebody|a person) (?:please )?(?:call|ring|phone) me(?: back)?",
        rf"{_WHOM} (?:needed|wanted|please)",
    )
)
_YES = re.compile(
    r"^\s*(?:yes|yeah|yep|yea|sure|ok|okay|please|go on|do|that would be \w+|i would|i do)(?:[\s,.!-]+(?:yes|please|pls"
    r"|do|do that|go ahead|that|ok|thanks|thank you|a person|would be (?:good|great|nice|lovely)))*[\W_]*$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person is asked about: the message as typed, the query that was searched for it, and what was found."""

    question: str
    query: Query
    evidence: tuple[RetrievedPassage, ...]
    reason: Reason


@dataclass(frozen=True, slots=True)
class Where:
    """Whose turn it is: owner, conversation and knowledge base."""

    owner: str
    conversation_id: str
    knowledge_base: str


def person_wanted(message: str, history: Sequence[Turn]) -> Wanted | None:
    """What to pass on when ``message`` asks for a person, or takes the offer of one; None when it does neither.

    After an abstention it is the question that was not answered, with its sources.
    """
    previous = history[-1] if history else None
    offered = previous is not None and previous.answer.offers_person
    asks = any(pattern.match(message.replace("’", "'")) for pattern in _WANTED)
    if not asks and not (offered and _YES.match(message)):
        return None
    if previous is not None and previous.answer.kind is AnswerKind.ABSTAINED:
        urgent = previous.answer.reason is Reason.EMERGENCY  # whoever reads the queue should see it
        reason = Reason.EMERGENCY if urgent else Reason.AFTER_ABSTENTION
        return Wanted(previous.question, previous.query, previous.evidence, reason)
    query = previous.query if previous is not None else Query(message, message)
    return Wanted(message, query, previous.evidence if previous else (), Reason.ASKED_FOR_PERSON)


def repeated_abstention(history: Sequence[Turn]) -> bool:
    """Whether the turn before ended without an answer too: a second time in a row a person is offered in words."""
    return (
        bool(history)
        and history[-1].answer.kind is AnswerKind.ABSTAINED
        and (history[-1].answer.reason not in NOT_SEARCHED)
    )


class HandingOff:
    """Puts questions into the queue and tells the webhook. Safe for several threads."""

    def __init__(
        self, desk: HandOffDesk, webhook: WebhookSettings | None = None, now: Callable[[], float] = time.time
    ) -> None:
        """Messages to the webhook that an earlier run did not get to are sent again. Raises ``Misconfigured`` for an
        address that is neither http nor https."""
        self._desk, self._now = desk, now
        self._webhook = Webhook(webhook, self._delivered) if webhook is not None else None
        if self._webhook is not None:
            self._send_waiting(self._webhook)

    def hand_over(self, where: Where, wanted: Wanted) -> HandOff:
        """The entry, stored; the webhook is told behind the turn's back. Raises ``PartUnavailable`` when the queue
        does not answer or is full of entries that nobody has done."""
        item = HandOff(
            id=uuid.uuid4().hex,
            owner_hash=hashlib.sha256(where.owner.encode("utf-8", "surrogatepass")).hexdigest(),
            conversation_id=where.conversation_id,
            question=wanted.question,
            query=wanted.query.text,
            reason=wanted.reason,
            knowledge_base=where.knowledge_base,
            sources=tuple(one.passage.place for one in wanted.evidence[:_NEAREST]),
            created_at=self._now(),
            delivery=Delivery.WAITING if self._webhook is not None else Delivery.NOT_WANTED,
        )
        self._desk.put(item)
        if self._webhook is not None and not self._webhook.send(item):
            self._delivered(item.id, "too many messages wait for the webhook")
        return item

    def close(self) -> None:
        """Ends the webhook's worker; what it did not get to is sent at the next start."""
        if self._webhook is not None:
            self._webhook.close()

    def _send_waiting(self, webhook: Webhook) -> None:
        try:
            waiting = [one for one in self._desk.list() if one.delivery is Delivery.WAITING]
        except PartUnavailable:  # the queue is asked again at the next start
            return
        for item in waiting:
            if item.state is not HandOffState.DONE:
                webhook.send(item)

    def _delivered(self, item_id: str, error: str) -> None:
        delivery = Delivery.FAILED if error else Delivery.DELIVERED
        try:
            self._desk.record_delivery(item_id, delivery, error)
        except PartUnavailable:  # it stays "waiting", and is sent again at the next start: twice is better than never
            return


CALLED = "I have passed your question on to a person."
"""What is said where nobody is called: in a replay, which keeps and tells nothing."""


def handed_over(item: HandOff) -> Answer:
    """What the person is told."""
    text = (
        f"I have passed your question on to a person (reference {item.id[:8]}). They see what you asked and the "
        "sources I found, and will take it from there."
    )
    return Answer(text, AnswerKind.HANDED_OFF, reason=item.reason)


def not_handed_over() -> Answer:
    """What the person is told when the queue does not take the question."""
    text = "I could not pass your question on at this moment. Please try again in a few minutes."
    return Answer(text, AnswerKind.ABSTAINED, reason=Reason.ASKED_FOR_PERSON, offers_person=True)
