"""What could be asked next: questions drawn from the documents around the answer, never made up.

A candidate is a section of a document that the last turn looked at and that no answer of the conversation has cited.
Its heading, worded as a question, is offered when the reader believes that the section answers it: those of the
document cited first before others. What holds for another region or product than the one talked about is none, nor is
what is written for staff where the answer was not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from bot.question_wording import is_chinese, question_from
from bot.telling_words import Statement, TellingWords
from domain.answer import AnswerKind
from domain.conversation import Conversation, Turn
from domain.filters import ANY, values_of
from domain.passage import Passage
from domain.protocols import PassageReader

MOST = 3  # buttons under an answer; more is a menu
_READ = 6  # candidates at most: each is read once, which costs what reading a passage for a search costs
_BELIEVED = 0.5  # the reader's probability from which a section answers the question its heading makes
_RELATED = 0.1  # the reader's probability for the question itself, from which a passage nobody cited leads on
_LONGEST = 90  # characters of a button
_KINDS = frozenset({AnswerKind.GENERATED, AnswerKind.QUOTED, AnswerKind.ABSTAINED})
_WORD = re.compile(r"[^\W_]+")
_LITTLE = frozenset(
    "a an and are at by can do does for from how i if in is it my of on or the to what when who you".split()
)
_STAFF = frozenset({"agent", "agents", "staff", "internal"})  # of the metadata's audience
_IN_PLACE = re.compile(r"\b(?:in|from) (?:the )?[A-Z]\w+|\d+")  # tells where and when, and not what a page is about
_PAGE = re.compile(r"page \d+")
PassagesOf = Callable[[str, Sequence[str]], Sequence[Passage]]
"""The passages of documents (knowledge base, document ids), documents in that order, each from its beginning."""


@dataclass(frozen=True, slots=True)
class FollowUps:
    """Suggests questions. ``reader`` says whether a section answers; ``passages_of`` reads the documents; ``telling``
    are the words that tell which region or product something is about."""

    reader: PassageReader
    passages_of: PassagesOf
    telling: TellingWords = field(default_factory=lambda: TellingWords(()))

    def suggest(self, conversation: Conversation) -> tuple[str, ...]:
        """Up to ``MOST`` questions that the documents answer and the conversation has not asked; () where the last turn
        looked nothing up, or waits for an answer itself."""
        if not conversation.turns or conversation.turns[-1].answer.kind not in _KINDS:
            return ()
        last = conversation.turns[-1]
        documents = list(dict.fromkeys(one.document_id for one in _looked_at(last)))
        if not cited_passages(last):
            documents = documents[:1]  # nothing answered: what else was found is further off than the nearest
        around = self.passages_of(last.knowledge_base, documents) if documents else ()
        candidates = _candidates(conversation, self._in_scope(conversation, around))
        believed = [
            (documents.index(passage.document_id), -self._belief(question, passage), question)
            for question, passage in candidates
        ]
        ranked = sorted((one for one in believed if -one[1] >= _BELIEVED), key=lambda one: one[:2])
        return tuple(question for _, _, question in ranked[:MOST])

    def _in_scope(self, conversation: Conversation, around: Sequence[Passage]) -> Sequence[Passage]:
        """Those that hold for what is talked about, and are written for whoever the answer was written for."""
        last = conversation.turns[-1]
        wanted = {key: self._wanted(conversation, key) for key in self.telling.keys}
        cited = cited_passages(last)
        for_staff = bool(cited) and all(_is_for_staff(one) for one in cited)
        return [
            one
            for one in around
            if (for_staff or not _is_for_staff(one))
            and not any(values and self._foreign(one, key, values) for key, values in wanted.items())
        ]

    def _wanted(self, conversation: Conversation, key: str) -> frozenset[str]:
        """The values of ``key`` that the query names, else those of the cited passages, else of what was asked before;
        empty where nothing tells."""
        last = conversation.turns[-1]
        if named := self.telling.named(last.query.text, key) or self.telling.hinted(last.query.text, key):
            return named
        held = [self._held(one, key) for one in cited_passages(last)]
        if held:
            return frozenset().union(*held) if all(held) else frozenset()
        before = (self.telling.named(turn.query.text, key) for turn in reversed(conversation.turns[:-1]))
        return next((named for named in before if named), frozenset())

    def _foreign(self, passage: Passage, key: str, wanted: frozenset[str]) -> bool:
        held = self._held(passage, key)
        return bool(held) and held.isdisjoint(wanted)

    def _held(self, passage: Passage, key: str) -> frozenset[str]:
        """The value that a passage holds for: by what stands over it, else by its metadata; empty where for any."""
        if said := self.telling.scope(Statement("", passage, 1.0), key):
            return said
        values = values_of(passage.metadata.get(key, ""))
        return frozenset() if values & ANY else frozenset(values)

    def _belief(self, question: str, passage: Passage) -> float:
        return self.reader.read(question, [passage])[0].relevance


def cited_passages(turn: Turn) -> list[Passage]:
    """The passages that the answer cites, in the order of the answer."""
    seen = {one.passage.id: one.passage for one in turn.evidence}
    cited = dict.fromkeys(citation.passage_id for citation in turn.answer.citations)
    return [seen[id_] for id_ in cited if id_ in seen]


def _looked_at(turn: Turn) -> Iterator[Passage]:
    """The cited passages of the turn, then the others that have to do with the question."""
    yield from cited_passages(turn)
    yield from (one.passage for one in turn.evidence if one.signals.get("relevance", 1.0) >= _RELATED)


def _is_for_staff(passage: Passage) -> bool:
    audience = values_of(passage.metadata.get("audience", ""))
    return bool(audience) and audience <= _STAFF


def _candidates(conversation: Conversation, passages: Sequence[Passage]) -> list[tuple[str, Passage]]:
    """(question, the passage that begins the section) of at most ``_READ`` sections nobody has had an answer from."""
    told = {citation.passage_id for turn in conversation.turns for citation in turn.answer.citations}
    known = {section_of(passage) for passage in passages if passage.id in told}
    asked = [words_of(text) for turn in conversation.turns for text in (turn.question, turn.query.text)]
    found: dict[str, Passage] = {}
    for passage in passages:
        question = "" if section_of(passage) in known else worded(passage)
        if question and not any(_same(words_of(question), words) and own_words(passage) <= words for words in asked):
            found.setdefault(question, passage)
    return list(found.items())[:_READ]


def section_of(passage: Passage) -> tuple[str, ...]:
    """A section's name among all documents."""
    return (passage.document_id, *passage.section)


def words_of(text: str) -> frozenset[str]:
    """The telling words of ``text``, without case."""
    return frozenset(_WORD.findall(text.casefold())) - _LITTLE


def own_words(passage: Passage) -> frozenset[str]:
    """The telling words that a section's heading has beside its document's title."""
    return words_of(passage.section[-1] if passage.section else "") - words_of(passage.title)


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
    elif not words_of(_IN_PLACE.sub("", heading)) & words_of(title):
        question = f"{title}: {question[0].lower()}{question[1:]}"
    return question if len(question) <= _LONGEST else ""
