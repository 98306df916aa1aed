"""The quality set played through the assistant, and a verdict on every turn.

A conversation is played turn by turn with the assistant's own earlier replies as history, as a customer would have it.
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from domain.answer import Answer, AnswerKind, Citation
from domain.conversation import Gate, Turn
from domain.events import AnswerFinished
from domain.passage import Passage, RetrievedPassage
from domain.protocols import ANSWERED, Assistant
from evaluation.figures import Tell
from evaluation.quality import ExpectedTurn, Gold, QualityConversation, TurnKind, stands_alone
from evaluation.wording import rouge1_recall, same_text
from generation.quoting import said_alone
from generation.support import context_of, objection
from retrieval.sentences import sentence_spans

Place = Literal["first", "standalone", "follow-up"]
OWNER = "quality"
DEPTHS = (1, 3, 5)
_REFUSED = (AnswerKind.ABSTAINED, AnswerKind.HANDED_OFF)
_LINK = re.compile(r"\]\([^)]*\)")
_LIST_MARKER = re.compile(r"^\s*(?:[-*•]|\d{1,3}[.)])\s+")
_DASHES = re.compile(r"[‐‑‒–—−]")
_ROUND = re.compile(r"(?<=\d)\.00(?!\d)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_CURRENCY = re.compile(r"([£€$])\s+(?=\d)")
_SPELT = re.compile(r"(?<![\w.,])(\d+(?:\.\d+)?)\s*(pounds?|gbp|euros?|eur)\b")
_SIGNS = {"p": "£", "g": "£", "e": "€"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a turn came to, each None where the question does not arise.

    ``unchanged``: a standalone message was searched as typed. ``rouge``: ROUGE-1 recall of the searched text against
    the query meant. ``let_go``: a switched topic was reset or searched as typed. ``hits``: a gold passage stood in
    the first 1, 3, 5. ``answered``: the reply claims to answer. ``right``: it does, with every fact; ``wrong``: it
    does, with one missing. ``supported``: each sentence has a citation that bears it out. ``refused``: the assistant
    said that it does not know, or handed off. ``asked_back``: it asked what was meant. ``one_reading``: it answered
    from a gold passage of one of the readings. ``small_talk``: it took the message for small talk.
    """

    answered: bool
    refused: bool
    asked_back: bool
    small_talk: bool
    unchanged: bool | None = None
    rouge: float | None = None
    let_go: bool | None = None
    hits: tuple[bool, ...] | None = None
    right: bool | None = None
    wrong: bool | None = None
    supported: bool | None = None
    one_reading: bool | None = None


@dataclass(frozen=True, slots=True)
class PlayedTurn:
    """A turn as expected and as it went; ``number`` counts from 1 within the conversation."""

    conversation: str
    number: int
    place: Place
    expected: ExpectedTurn
    turn: Turn
    verdict: Verdict


def play(
    assistant: Assistant,
    knowledge_base: str,
    conversations: Sequence[QualityConversation],
    passages_with: Callable[[Gold], frozenset[str]],
    tell: Tell,
) -> list[PlayedTurn]:
    """Every turn of every conversation, in order. ``passages_with`` gives the ids of the passages that hold a gold
    sentence. The conversations are deleted afterwards."""
    total, played = sum(len(conversation.turns) for conversation in conversations), []
    for conversation in conversations:
        name = f"{conversation.id}-{uuid.uuid4().hex}"
        for number, expected in enumerate(conversation.turns, 1):
            turn = _reply(assistant, name, expected.message, knowledge_base)
            gold = frozenset(found for one in expected.gold for found in passages_with(one))
            place = place_of(conversation, number)
            verdict = judge(expected, turn, gold, place)
            played.append(PlayedTurn(conversation.id, number, place, expected, turn, verdict))
            tell(len(played), total)
        assistant.delete_conversation(OWNER, name)
    return played


def place_of(conversation: QualityConversation, number: int) -> Place:
    """Whether turn ``number`` (from 1) opens the conversation, leans on it, or could have been asked alone."""
    if number == 1:
        return "first"
    return (
        "standalone" if stands_alone(conversation.turns[number - 1], conversation.turns[: number - 1]) else "follow-up"
    )


def judge(expected: ExpectedTurn, turn: Turn, gold: frozenset[str], place: Place) -> Verdict:
    """The verdict on one turn; ``gold`` are the ids of the passages that hold a gold sentence of it."""
    answer, asks = turn.answer, expected.kind
    answered = answer.kind in ANSWERED
    answerable, clarify = asks is TurnKind.ANSWERABLE, asks is TurnKind.CLARIFY
    complete = answered and all(has_fact(answer.text, wordings) for wordings in expected.facts)
    as_typed = same_text(turn.query.text, expected.message)
    ranked = [one.passage.id for one in turn.evidence]
    return Verdict(
        answered=answered,
        refused=answer.kind in _REFUSED,
        asked_back=answer.kind is AnswerKind.CLARIFYING,
        small_talk=answer.kind is AnswerKind.SMALL_TALK,
        unchanged=as_typed if answerable and place == "standalone" else None,
        rouge=rouge1_recall(turn.query.text, expected.query) if answerable else None,
        let_go=as_typed or turn.query.gate is Gate.RESET if expected.switch and answerable else None,
        hits=tuple(any(name in gold for name in ranked[:k]) for k in DEPTHS) if answerable else None,
        right=complete if answerable else None,
        wrong=answered and not complete if answerable else None,
        supported=is_supported(answer, turn.evidence) if answered else None,
        one_reading=answered and any(one.passage_id in gold for one in answer.citations) if clarify else None,
    )


def has_fact(text: str, wordings: Sequence[str]) -> bool:
    """Whether ``text`` says one of ``wordings``: whatever the case, spacing, dashes and the way an amount of money is
    written, as whole words (a plural s may follow), so that £2 is not found in £29."""
    plain = plainly(text)
    return any(
        re.search(rf"(?<!\w)(?<!\d[.,]){re.escape(plainly(wording))}(?:e?s)?(?!\w)(?![.,]\d)", plain)
        for wording in wordings
    )


def plainly(text: str) -> str:
    """Lower case, single spaces, plain dashes, amounts as ``£1200``."""
    text = _DASHES.sub("-", unicodedata.normalize("NFKC", text).casefold()).replace("’", "'")
    text = _CURRENCY.sub(r"\1", _ROUND.sub("", _THOUSANDS.sub("", " ".join(text.split()))))
    return _SPELT.sub(lambda amount: f"{_SIGNS[amount[2][0]]}{amount[1]}", text)


def is_supported(answer: Answer, evidence: Sequence[RetrievedPassage]) -> bool:
    """Whether each sentence of the answer is borne out by what it cites, by the check that answers are cited by
    (``generation.support``): what stands over the quotes may supply names, no amounts."""
    passages = {one.passage.id: one.passage for one in evidence}
    for start, end in sentence_spans(answer.text):
        cited = [one for one in answer.citations if one.sentence[0] < end and one.sentence[1] > start]
        pieces = [
            pair for one in cited if one.passage_id in passages for pair in _pieces(one, passages[one.passage_id])
        ]
        if objection(answer.text[start:end], pieces):
            return False
    return True


def gold_index(passages: Mapping[str, Passage]) -> Callable[[Gold], frozenset[str]]:
    """Finds the passages of a gold sentence's file that hold it. Compared as runs of letters and digits: a passage
    holds the text of the Markdown, not its marks and spacing."""
    squeezed = [(passage, _squeezed(passage.text)) for passage in passages.values()]

    def passages_with(gold: Gold) -> frozenset[str]:
        wanted = _squeezed(_LIST_MARKER.sub("", gold.sentence))
        return frozenset(
            passage.id
            for passage, text in squeezed
            if wanted in text and f"/{passage.source}".endswith(f"/{gold.file}")
        )

    return passages_with


def missing_gold(
    conversations: Sequence[QualityConversation], passages_with: Callable[[Gold], frozenset[str]]
) -> str | None:
    """Which gold sentences no passage holds, for the report: what they ask for counts as not found. None for none."""
    every = (gold for conversation in conversations for turn in conversation.turns for gold in turn.gold)
    lost = [gold for gold in dict.fromkeys(every) if not passages_with(gold)]
    if not lost:
        return None
    return f"{len(lost)} gold sentences in no passage, first: {lost[0].file}: {lost[0].sentence}"


def _reply(assistant: Assistant, conversation: str, message: str, knowledge_base: str) -> Turn:
    *_, last = assistant.stream_reply(OWNER, conversation, message, knowledge_base)
    assert isinstance(last, AnswerFinished)  # the last event of every turn
    return last.turn


def _pieces(citation: Citation, passage: Passage) -> list[tuple[str, str]]:
    """The quote and each sentence of it as it is said, with what stands over them."""
    context, start = context_of(passage), citation.quote_span[0]
    spans = [(start + a, start + b) for a, b in sentence_spans(citation.quote)]
    return [(citation.quote, context), *((said_alone(passage, span), context) for span in spans)]


def _squeezed(text: str) -> str:
    return "".join(c for c in _LINK.sub("]", text).lower() if c.isalnum())
