"""What kind of reply a message gets: small talk, an answer, a quote, or "I don't know". Knows only the domain."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from domain.answer import Answer, AnswerKind
from domain.conversation import Query
from domain.errors import QuestionRejected
from domain.passage import RetrievedPassage
from domain.protocols import AnswerWeigher, Draft

MAX_MESSAGE_CHARACTERS = 4000
"""Longer than any question; a pasted log or letter is better asked about in parts."""

_JOINERS = "\u200c\u200d"  # invisible, but Persian words and emoji families fall apart without them

_SMALL_TALK: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(rf"^(?:{pattern})[\W_]*$", re.IGNORECASE), reply)  # an emoji may follow
    for pattern, reply in (
        (
            r"(?:hi|hello|hey|hiya|(?:good )?(?:morning|afternoon|evening)|greetings)(?: there| all| everyone| again)?",
            "Hello! Ask me anything about {subject}, and I will show you where the answer stands.",
        ),
        (
            r"(?:(?:ok(?:ay)?|great|perfect|brilliant|cool|lovely|no)[\s,.!-]*)*"
            r"(?:many )?(?:thanks?|thank you|cheers|ta|thx)(?: you)?(?: so much| very much| a lot| a million)?"
            r"(?:[\s,.!-]*(?:bye|goodbye|that(?:'s| is) (?:all|it|everything)|for (?:your|the) help|that helps?"
            r"|that(?:'s| is| was) (?:great|helpful|perfect)))*",
            "You're welcome. Is there anything else you would like to know?",
        ),
        (
            r"(?:good)?bye(?: bye| now)?|see you(?: later)?|have a (?:good|nice|great) (?:day|evening|one)",
            "Goodbye, and thank you for asking.",
        ),
        (
            r"(?:ok(?:ay)?|great|perfect|brilliant|cool|lovely|got it|i see|nice|good|understood|alright|right)"
            r"(?:[\s,.!-]*(?:ok(?:ay)?|great|perfect|cool|got it|i see))*",
            "Good. What else would you like to know?",
        ),
        (
            r"(?:(?:hi|hello|hey)(?: there)?[\s,.!-]*)?(?:(?:who|what) are you|what can you (?:do|help(?: me)? with)"
            r"|(?:are you|is this|am i talking to)(?: an?)?\s?(?:(?:real|chat)\s?)?"
            r"(?:bot|robot|ai|human|real|person|machine)"
            r"(?: or(?: an?)?(?: real)? (?:bot|robot|ai|human|person|machine))?|how are you(?: today| doing)?"
            r"|help(?: me)?(?: please)?|(?:can|could) you (?:please )?help(?: me)?(?: please)?)",
            "I am an assistant that answers from {subject}. Ask in your own words; under each answer you see the "
            "passages it comes from and how sure I am.",
        ),
    )
)

_THANKS = re.compile(r"\b(?:thanks|thank you(?! \w+$)|cheers|ta|thx)\b", re.IGNORECASE)
# What makes a message with thanks in it one to look up all the same: it asks, or tells of its own affairs.
_ASKS = re.compile(
    r"[?\d]|\b(?:how|what|when|where|who|why|which|can|could|do|does|is|are|will|would|should|please|my|i|im|need|want"
    r"|but|if|and|still|tell|show)\b",
    re.IGNORECASE,
)
_MOST_WORDS_OF_THANKS = 14
_CHATTER = frozenset(
    "ok okay right fair enough grand great lol haha ha hmm no worries bother problem talk soon good one sound alright "
    "cool nice lovely perfect ah oh well then so brilliant super bye ages ago".split()
)


@dataclass(frozen=True, slots=True)
class PolicySettings:
    """``abstain_below``: confidence (0..1) under which the reply is "I don't know"."""

    abstain_below: float = 0.35


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
        self, weigher: AnswerWeigher, settings: PolicySettings = PolicySettings(), *, subject: str = "the documents"
    ) -> None:
        """``subject`` names the knowledge base in replies: "the Harbourline handbook"."""
        self._weigher, self._settings, self._subject = weigher, settings, subject

    def small_talk(self, message: str) -> Answer | None:
        """The reply to a greeting, thanks or a question about the assistant; None when it needs the documents."""
        for pattern, reply in _SMALL_TALK:
            if pattern.match(message.strip()):
                return Answer(reply.format(subject=self._subject), AnswerKind.SMALL_TALK)
        words = re.findall(r"[^\W\d_]+", message.lower())
        if _THANKS.search(message) and not _ASKS.search(message) and len(words) <= _MOST_WORDS_OF_THANKS:
            return Answer("You're welcome. Is there anything else you would like to know?", AnswerKind.SMALL_TALK)
        if len(words) > 1 and _CHATTER.issuperset(words) and "?" not in message:
            return Answer("Good. What else would you like to know?", AnswerKind.SMALL_TALK)
        return None

    def presentable(self, draft: str, evidence: Sequence[RetrievedPassage]) -> str:
        """The beginning of a growing draft that may be shown before the choice is made."""
        return self._weigher.presentable(draft, evidence)

    def choose(self, query: Query, evidence: Sequence[RetrievedPassage], drafts: Sequence[Draft]) -> Answer:
        """The best candidate, or an honest "I don't know" when there is none or confidence is below the threshold.

        An abstention keeps the weighing and the confidence of what was not said, for the operator.
        """
        best = self._weigher.propose(query, evidence, drafts)
        if best is not None and best.confidence >= self._settings.abstain_below:
            return best
        abstained = Answer(self._not_found(evidence), AnswerKind.ABSTAINED)
        if best is None:
            return abstained
        weighting = best.weighting and replace(
            best.weighting, candidates=tuple(replace(c, chosen=False) for c in best.weighting.candidates)
        )
        return replace(abstained, confidence=best.confidence, weighting=weighting)

    def _not_found(self, evidence: Sequence[RetrievedPassage]) -> str:
        if evidence:
            return f"I could not find a sure answer to this in {self._subject}."
        return f"I could not find this in {self._subject}."
