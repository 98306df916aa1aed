"""What kind of reply a message gets. Knows only the domain and its neighbours in ``bot``.

In this order, each with its own trigger:

1. What must not be looked up (``bot/scope.py``): danger, harm, orders to the assistant, foreign topics.
2. Small talk (``bot/small_talk.py``).
3. A person is wanted (``bot/handing_off.py``): the question goes into the queue.
4. An answer or a quote, where the best candidate is sure enough.
5. A question back (``bot/clarifying.py``), where two readings are about equally likely; never twice in a row.
6. "I don't know", with the nearest sources and, where there is a queue, the offer of a person.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

from bot import handing_off, pending, scope
from bot.clarifying import Clarifier
from bot.handing_off import HandingOff, Wanted, Where
from bot.small_talk import small_talk_reply
from domain.answer import Answer, AnswerKind, Reason, Weighting
from domain.conversation import Query, Turn
from domain.errors import PartUnavailable, QuestionRejected
from domain.passage import RetrievedPassage
from domain.protocols import AnswerWeigher, Draft

MAX_MESSAGE_CHARACTERS = 4000
"""Longer than any question; a pasted log or letter is better asked about in parts."""

_JOINERS = "\u200c\u200d"  # invisible, but Persian words and emoji families fall apart without them


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """``abstain_below``: confidence (0..1) under which the reply is "I don't know"."""

    abstain_below: float = 0.5


def accept(message: str) -> str:
    """The message without control characters, trimmed.

    Raises ``QuestionRejected``, in words for the person, when it is empty or longer than ``MAX_MESSAGE_CHARACTERS``.
    """
    cleaned = "".join(c if _is_kept(c) else " " for c in message).strip()
    if not cleaned.strip(_JOINERS):
        raise QuestionRejected("The message is empty. Please type a question.")
    if len(cleaned) > MAX_MESSAGE_CHARACTERS:
        raise QuestionRejected(
            f"The message has {len(cleaned):,} characters; up to {MAX_MESSAGE_CHARACTERS:,} can be read at once. "
            "Please shorten it or ask in parts."
        )
    return cleaned


def _is_kept(character: str) -> bool:
    return character in "\n\t" or character in _JOINERS or unicodedata.category(character)[0] != "C"


class Policy:
    """Chooses the reply of a turn."""

    def __init__(
        self,
        weigher: AnswerWeigher,
        settings: PolicySettings = PolicySettings(),
        *,
        subject: str = "the documents",
        subject_words: Set[str] = frozenset(),
        clarifier: Clarifier | None = None,
        handing_off: HandingOff | None = None,
    ) -> None:
        """``subject`` names the knowledge base in replies ("the Harbourline handbook"); a message with one of the
        ``subject_words`` is about it. Without a ``clarifier`` nothing is asked back; without ``handing_off`` nobody is
        offered."""
        self._weigher, self._settings, self._subject, self._subject_words = weigher, settings, subject, subject_words
        self._clarifier, self._handing_off = clarifier, handing_off

    def without_search(self, message: str, history: Sequence[Turn], where: Where | None) -> tuple[Answer, str] | None:
        """The reply to a message that needs no documents, and why nothing is searched; None for all others.

        ``where`` says whose turn it is; without it (a replay) nobody is called, and the reply says that one was.
        """
        if (reason := scope.concern(message, self._subject_words)) is not Reason.NONE:
            return self._declined(reason), f"{reason.value}: nothing is searched"
        if (reply := small_talk_reply(message, self._subject)) is not None:
            return Answer(reply, AnswerKind.SMALL_TALK), "small talk: nothing is searched"
        wanted = handing_off.person_wanted(message, history) if self._handing_off else None
        if wanted is not None:
            return self._handed_over(wanted, where), "a person was asked for: nothing is searched"
        return None

    def taken_up(self, message: str, history: Sequence[Turn]) -> Query | None:
        """The pending question completed by ``message``, when something was just asked back and this answers it."""
        previous = history[-1] if history else None
        if previous is None or previous.answer.kind is not AnswerKind.CLARIFYING:
            return None
        choice = pending.chosen(message, previous.answer.options)
        return None if choice is None else pending.taken_up(message, previous, choice)

    def presentable(self, draft: str, evidence: Sequence[RetrievedPassage]) -> str:
        """The beginning of a growing draft that may be shown before the choice is made."""
        return self._weigher.presentable(draft, evidence)

    def choose(
        self,
        query: Query,
        evidence: Sequence[RetrievedPassage],
        drafts: Sequence[Draft],
        history: Sequence[Turn] = (),
    ) -> Answer:
        """The best candidate, a question back where two readings are about equally likely, or an honest "I don't
        know" when there is none or confidence is below the threshold.

        A question back and an abstention keep the weighing and the confidence of what was not said, for the operator.
        """
        best = self._weigher.propose(query, evidence, drafts)
        if best is not None and (question := self._asked_back(best, query, evidence, history)) is not None:
            return question
        if best is not None and best.confidence >= self._settings.abstain_below:
            return best
        return self._abstained(best, evidence, history)

    def _asked_back(
        self, best: Answer, query: Query, evidence: Sequence[RetrievedPassage], history: Sequence[Turn]
    ) -> Answer | None:
        just_asked = bool(history) and history[-1].answer.kind is AnswerKind.CLARIFYING
        if self._clarifier is None or just_asked:
            return None
        said = (*(turn.question for turn in history), query.original)
        question = self._clarifier.question(best, evidence, said, query.text)
        if question is None or _was_asked(question, history):
            return None
        return replace(question, weighting=_nothing_chosen(question))

    def _abstained(self, best: Answer | None, evidence: Sequence[RetrievedPassage], history: Sequence[Turn]) -> Answer:
        reason = Reason.UNSURE if evidence else Reason.NOTHING_FOUND
        text = self._not_found(evidence)
        if self._handing_off is not None and handing_off.repeated_abstention(history):
            text += " Would you like a person to look at it?"
        answer = self._offering(Answer(text, AnswerKind.ABSTAINED, reason=reason, offers_person=True))
        if best is None:
            return answer
        weighting = _nothing_chosen(best)
        if weighting is not None:
            asked_for = {**weighting.features, "abstain_below": self._settings.abstain_below}
            weighting = replace(weighting, features=asked_for)
        return replace(answer, confidence=best.confidence, weighting=weighting)

    def _declined(self, reason: Reason) -> Answer:
        answer = self._offering(scope.declined(reason, self._subject))
        offer = " A person here can talk with you, if you wish." if answer.offers_person else ""
        return replace(answer, text=f"{answer.text}{offer}")

    def _handed_over(self, wanted: Wanted, where: Where | None) -> Answer:
        if where is None or self._handing_off is None:
            return Answer(handing_off.CALLED, AnswerKind.HANDED_OFF, reason=wanted.reason)
        try:
            return handing_off.handed_over(self._handing_off.hand_over(where, wanted))
        except PartUnavailable:
            return handing_off.not_handed_over()

    def _offering(self, answer: Answer) -> Answer:
        """``answer`` with its offer of a person only where there is a queue that takes it."""
        return replace(answer, offers_person=answer.offers_person and self._handing_off is not None)

    def _not_found(self, evidence: Sequence[RetrievedPassage]) -> str:
        if evidence:
            return f"I could not find a sure answer to this in {self._subject}."
        return f"I could not find this in {self._subject}."


def _was_asked(question: Answer, history: Sequence[Turn]) -> bool:
    """Whether the same choice was put before; whatever was said to it, asking again would not help."""
    choice = set(question.options)
    return any(turn.answer.kind is AnswerKind.CLARIFYING and set(turn.answer.options) == choice for turn in history)


def _nothing_chosen(answer: Answer) -> Weighting | None:
    """The weighing of ``answer`` with no candidate marked as chosen."""
    return answer.weighting and replace(
        answer.weighting, candidates=tuple(replace(one, chosen=False) for one in answer.weighting.candidates)
    )
