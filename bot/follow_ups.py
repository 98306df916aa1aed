"""What could be asked next: questions drawn from the documents around the answer, never made up.

A candidate is a section of a document that the last turn looked at and that no answer of the conversation has cited.
Its heading, worded as a question, is offered when the reader believes that the section answers it, best first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bot.question_wording import is_chinese, question_from
from domain.answer import AnswerKind
from domain.conversation import Conversation, Turn
from domain.passage import Passage
from domain.protocols import PassageReader

MOST = 3  # buttons under an answer; more is a menu
_READ = 6  # candidates at most: each is read once, which costs what reading a passage for a search costs
_BELIEVED = 0.5  # the reader's probability from which a section answers the question its heading makes
_LONGEST = 90  # characters of a button
_KINDS = frozenset({AnswerKind.GENERATED, AnswerKind.QUOTED, AnswerKind.ABSTAINED})
_WORD = re.compile(r"[^\W_]+")
_LITTLE = frozenset(
    "a an and are at by can do does for from how i if in is it my of on or the to what when who you".split()
)
_PAGE = re.compile(r"page \d+")
PassagesOf = Callable[[str, Sequence[str]], Sequence[Passage]]
"""The passages of documents (knowledge base, document ids), documents in that order, each from its beginning."""


@dataclass(frozen=True, slots=True)
class FollowUps:
    """Suggests questions. ``reader`` says whether a section answers; ``passages_of`` reads the documents."""

    reader: PassageReader
    passages_of: PassagesOf

    def suggest(self, conversation: Conversation) -> tuple[str, ...]:
        """Up to ``MOST`` questions that the documents answer and the conversation has not asked; () where the last turn
        looked nothing up, or waits for an answer itself."""
        if not conversation.turns or conversation.turns[-1].answer.kind not in _KINDS:
            return ()
        last = conversation.turns[-1]
        documents = list(dict.fromkeys(one.document_id for one in _looked_at(last)))
        candidates = _candidates(conversation, self.passages_of(last.knowledge_base, documents))
        believed = [(self._belief(question, passage), question) for question, passage in candidates]
        ranked = sorted((pair for pair in believed if pair[0] >= _BELIEVED), key=lambda pair: -pair[0])
        return tuple(question for _, question in ranked[:MOST])

    def _belief(self, question: str, passage: Passage) -> float:
        return self.reader.read(question, [passage])[0].relevance


def _looked_at(turn: Turn) -> Iterator[Passage]:
    """The passages of the turn, the cited ones first."""
    cited = {citation.passage_id for citation in turn.answer.citations}
    yield from (one.passage for one in turn.evidence if one.passage.id in cited)
    yield from (one.passage for one in turn.evidence if one.passage.id not in cited)


def _candidates(conversation: Conversation, passages: Sequence[Passage]) -> list[tuple[str, Passage]]:
    """(question, the passage that begins the section) of at most ``_READ`` sections nobody has had an answer from."""
    told = {citation.passage_id for turn in conversation.turns for citation in turn.answer.citations}
    known = {section_of(passage) for passage in passages if passage.id in told}
    asked = [words_of(text) for turn in conversation.turns for text in (turn.question, turn.query.text)]
    found: dict[str, Passage] = {}
    for passage in passages:
        question = "" if section_of(passage) in known else worded(passage)
        if question and not any(_same(words_of(question), words) for words in asked):
            found.setdefault(question, passage)
    return list(found.items())[:_READ]


def section_of(passage: Passage) -> tuple[str, ...]:
    """A section's name among all documents."""
    return (passage.document_id, *passage.section)


def words_of(text: str) -> frozenset[str]:
    """The telling words of ``text``, without case."""
    return frozenset(_WORD.findall(text.casefold())) - _LITTLE


def _same(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two questions ask for the same, as far as their words tell."""
    return not one or len(one & other) >= 0.75 * min(len(one), len(other) or 1)


def worded(passage: Passage) -> str:
    """The question that a section's heading makes, which stands alone: ``Moving home: who pays the fee?``. A document
    whose title is a question is asked as it is. "" where there is no heading or it is too long for a button."""
    heading = next((name for name in reversed(passage.section) if not _PAGE.fullmatch(name)), "")
    title = passage.title.strip()
    if title.endswith(("?", "？")) and (not heading or heading == title):
        return title if len(title) <= _LONGEST else ""
    if not heading or heading == title:
        return ""
    question = question_from(heading, passage.text)
    if is_chinese(heading):
        question = f"{title}：{question}"
    elif not words_of(heading) & words_of(title):
        question = f"{title}: {question[0].lower()}{question[1:]}"
    return question if len(question) <= _LONGEST else ""
