"""What operators do with turns: look at them, take them over, put them right. Knows only the domain."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from domain.answer import AnswerKind, Reason
from domain.conversation import Turn
from domain.corrections import Correction, CorrectionKind, CorrectionStore, Excerpt
from domain.errors import DocumentRejected, Misconfigured
from domain.explanation import Explanation
from domain.feedback import FeedbackStore
from domain.hand_off import HandOff, HandOffState
from domain.operating import AuditEntry, Mark, OperatorBook, QueueItem, Why
from domain.passage import Passage, RetrievedPassage
from domain.protocols import HandOffDesk
from domain.redaction import redact, redacted_turn
from domain.turn_log import EVERY_TURN, LoggedTurn, TurnFilter, TurnLog

_NEAREST = 5  # sources that go with a question
_QUEUE = 200  # entries of each kind that are looked at: more than anybody works through before the page is loaded again
_HASH = 12  # digits of an owner's hash that a logged turn has
_TURN, _HAND_OFF = "turn:", "hand-off:"
_NOBODYS_BUSINESS = frozenset({Reason.FOREIGN, Reason.UNSAFE, Reason.INJECTION})
_LONGEST = 20_000  # characters of a page or passage that somebody types

Clock = Callable[[], float]


class CoveredLog:
    """Another ``TurnLog`` with personal data covered, as operators see it."""

    def __init__(self, inner: TurnLog) -> None:
        self._inner = inner

    @property
    def capacity(self) -> int:
        return self._inner.capacity

    def recent(self, limit: int, before: float | None = None, where: TurnFilter = EVERY_TURN) -> Sequence[LoggedTurn]:
        """The turns that the other log gives for the same filter: texts are searched as they were typed."""
        return [_covered(one) for one in self._inner.recent(limit, before, where)]

    def get(self, reference: str) -> tuple[LoggedTurn, Turn] | None:
        """One turn, whole, or None."""
        found = self._inner.get(reference)
        return None if found is None else (_covered(found[0]), redacted_turn(found[1]))


class Turns:
    """``domain.operating.TurnRoom``."""

    def __init__(self, log: TurnLog, explain: Callable[[Turn], Explanation]) -> None:
        self._log, self._explain = log, explain

    def recent(self, limit: int, before: float | None = None, where: TurnFilter = EVERY_TURN) -> Sequence[LoggedTurn]:
        """The newest turns of all people that pass ``where``."""
        return self._log.recent(limit, before, where)

    def get(self, reference: str) -> tuple[LoggedTurn, Turn] | None:
        """One turn, whole, or None."""
        return self._log.get(reference)

    def explain(self, reference: str) -> Explanation | None:
        """Why the turn ended as it did; None when it is gone."""
        found = self._log.get(reference)
        return None if found is None else self._explain(found[1])


class Queue:
    """``domain.operating.QueueRoom``: flagged and unanswered turns with the operators' marks, and hand-offs."""

    def __init__(
        self, log: TurnLog, feedback: FeedbackStore, desk: HandOffDesk, book: OperatorBook, now: Clock = time.time
    ) -> None:
        self._log, self._feedback, self._desk, self._book, self._now = log, feedback, desk, book, now

    def items(self, *, done: bool = False) -> Sequence[QueueItem]:
        """What is open or taken, the longest waiting first; with ``done`` what is finished, newest first."""
        marks = self._book.marks()
        unanswered = self._log.recent(_QUEUE, where=TurnFilter(kinds=frozenset({AnswerKind.ABSTAINED})))
        handed = [(one, _turn_of(one, unanswered)) for one in self._desk.list()]
        covered = {turn for _, turn in handed if turn}
        found = [_handed(one, turn, marks.get(f"{_HAND_OFF}{one.id}", Mark())) for one, turn in handed]
        found += self._flagged(covered, marks, done=done)
        covered |= {item.turn for item in found}
        found += [_unanswered(one, marks) for one in unanswered if one.reference not in covered and _waits(one)]
        wanted = [one for one in found if (one.mark.state is HandOffState.DONE) == done]
        return sorted(wanted, key=lambda one: (one.at, one.key), reverse=done)

    def holds(self, reference: str) -> bool:
        """Whether a turn is among the newest of what waits or is finished."""
        return any(item.turn == reference for done in (False, True) for item in self.items(done=done))

    def take(self, key: str, by: str) -> bool:
        """Makes an open entry ``by``'s; False for one that is not open."""
        return self._desk.take(_id(key), by) if key.startswith(_HAND_OFF) else self._book.take(_known(key), by)

    def finish(self, key: str, by: str) -> bool:
        """Makes an entry done; False for one that is."""
        return self._desk.finish(_id(key)) if key.startswith(_HAND_OFF) else self._book.finish(_known(key), by)

    def note(self, key: str, by: str, text: str) -> None:
        """Keeps a note with an entry."""
        self._book.note(key if key.startswith(_HAND_OFF) else _known(key), by, text.strip())

    def hand_over(self, reference: str, by: str) -> HandOff:
        """Puts a turn into the queue of hand-offs. Raises ``Misconfigured`` when it is gone."""
        logged, turn = _existing(self._log, reference)
        sources = tuple(one.passage.place for one in turn.evidence[:_NEAREST])
        item = HandOff(
            uuid.uuid4().hex, logged.owner_hash, logged.session, turn.question, turn.query.text,
            logged.reason or Reason.ASKED_FOR_PERSON, turn.knowledge_base, sources, self._now(), turn=reference,
        )  # fmt: skip
        self._desk.put(item)
        self._book.note(f"{_HAND_OFF}{item.id}", by, "")
        return item

    def _flagged(self, covered: set[str], marks: Mapping[str, Mark], *, done: bool) -> Iterator[QueueItem]:
        """Only those in the wanted state are looked up: each costs a question to the log."""
        for given in self._feedback.recent(_QUEUE):
            key = f"{_TURN}{given.reference}"
            mark = marks.get(key, Mark())
            wanted = given.feedback.verdict == "down" and (mark.state is HandOffState.DONE) == done
            found = self._log.get(given.reference) if wanted and given.reference not in covered else None
            if found is not None:
                yield _bad(found[0], key, mark)


class Editing(Protocol):
    """What corrections need of the knowledge bases."""

    def correct(self, knowledge_base: str, passage_id: str, text: str) -> Passage: ...

    def add_page(self, knowledge_base: str, title: str, text: str) -> Passage:
        """The first passage of the new page."""
        ...


class Corrections:
    """``domain.operating.CorrectionRoom``: keeps what is learnt and, where the documents were wrong, changes them."""

    def __init__(
        self, log: TurnLog, kept: CorrectionStore, editing: Editing, book: OperatorBook, now: Clock = time.time
    ) -> None:
        self._log, self._kept, self._editing, self._book, self._now = log, kept, editing, book, now

    def answer(self, reference: str, by: str, text: str, passage_id: str = "", note: str = "") -> Correction:
        """``text`` is the right answer; ``passage_id`` names the passage of the turn that says so."""
        turn = _existing(self._log, reference)[1]
        told, right = _worded(text, "answer"), _excerpt(_found(turn, passage_id)) if passage_id else None
        cited = {citation.passage_id for citation in turn.answer.citations}
        wrong = tuple(
            _excerpt(one) for one in turn.evidence if right and one.passage.id in cited and one.passage.id != passage_id
        )
        made = replace(self._about(turn, reference, by), answer=told, right=right, wrong=wrong, note=note.strip())
        return self._keep(made)

    def wrong_passage(self, reference: str, by: str, passage_id: str) -> Correction:
        """The passage does not answer the question."""
        turn = _existing(self._log, reference)[1]
        wrong = (_excerpt(_found(turn, passage_id)),)
        about = self._about(turn, reference, by)
        return self._keep(replace(about, kind=CorrectionKind.WRONG_PASSAGE, wrong=wrong))

    def passage(self, reference: str, by: str, passage_id: str, text: str) -> Correction:
        """From now on the passage says ``text``."""
        turn = _existing(self._log, reference)[1]
        before = _found(turn, passage_id)
        after = self._editing.correct(turn.knowledge_base, passage_id, _worded(text, "passage"))
        self._audit(by, turn.knowledge_base, after.document_id, before.passage.text, after.text)
        about = self._about(turn, reference, by)
        return self._keep(replace(about, kind=CorrectionKind.PASSAGE, answer=after.text, right=_quoted(after)))

    def page(self, reference: str, by: str, title: str, text: str) -> Correction:
        """A page with ``text`` is added to the knowledge base of the turn."""
        turn = _existing(self._log, reference)[1]
        heading, told = _worded(title, "title"), _worded(text, "page")
        added = self._editing.add_page(turn.knowledge_base, heading, told)
        self._audit(by, turn.knowledge_base, added.document_id, "", added.text)
        about = self._about(turn, reference, by)
        return self._keep(replace(about, kind=CorrectionKind.PAGE, answer=told, right=_quoted(added)))

    def recent(self, limit: int) -> Sequence[Correction]:
        """Newest first."""
        return list(self._kept.all())[::-1][:limit]

    def _about(self, turn: Turn, reference: str, by: str) -> Correction:
        return Correction(
            uuid.uuid4().hex, self._now(), by, CorrectionKind.ANSWER, turn.knowledge_base, turn.question,
            turn.query.text or turn.question, turn.query.context, turn.answer.text, turn=reference,
        )  # fmt: skip

    def _keep(self, made: Correction) -> Correction:
        self._kept.add(made)
        return made

    def _audit(self, by: str, knowledge_base: str, document_id: str, old: str, new: str) -> None:
        self._book.record(AuditEntry(self._now(), by, f"document {knowledge_base}/{document_id}", old, new))


def _covered(one: LoggedTurn) -> LoggedTurn:
    given = one.feedback and replace(one.feedback, comment=redact(one.feedback.comment))
    return replace(one, question=redact(one.question), answer=redact(one.answer), feedback=given)


def _existing(log: TurnLog, reference: str) -> tuple[LoggedTurn, Turn]:
    found = log.get(reference)
    if found is None:
        raise Misconfigured(f"The turn {reference[:40]!r} is gone; its conversation was deleted or has expired.")
    return found


def _found(turn: Turn, passage_id: str) -> RetrievedPassage:
    found = next((one for one in turn.evidence if one.passage.id == passage_id), None)
    if found is None:
        raise DocumentRejected(f"The turn did not see the passage {passage_id[:80]!r}; choose one that it lists.")
    return found


def _worded(text: str, what: str) -> str:
    told = text.replace("\r\n", "\n").strip()
    if not told:
        raise DocumentRejected(f"The {what} is empty; write what it should say.")
    if len(told) > _LONGEST:
        raise DocumentRejected(f"The {what} has {len(told):,} characters; keep it under {_LONGEST:,}.")
    return told


def _excerpt(one: RetrievedPassage) -> Excerpt:
    return _quoted(one.passage)


def _quoted(passage: Passage) -> Excerpt:
    return Excerpt(passage.id, passage.document_id, passage.heading, passage.text)


def _turn_of(item: HandOff, turns: Sequence[LoggedTurn]) -> str:
    """The reference of the turn that was handed over: as noted, or that of an unanswered one among ``turns``."""
    if item.turn:
        return item.turn
    same = (
        one for one in turns if one.question == item.question and item.owner_hash.startswith(one.owner_hash[:_HASH])
    )
    return next((one.reference for one in same), "")


def _handed(item: HandOff, turn: str, mark: Mark) -> QueueItem:
    own = replace(mark, state=item.state, by=item.taken_by)
    return QueueItem(
        f"{_HAND_OFF}{item.id}", Why.HANDED_OFF, item.question, item.knowledge_base, item.created_at, own,
        item.reason.value, turn,
    )  # fmt: skip


def _bad(one: LoggedTurn, key: str, mark: Mark) -> QueueItem:
    verdict = one.feedback
    said = " · ".join(part for part in (verdict.reason, verdict.comment) if part) if verdict else ""
    at = (verdict.at if verdict else 0.0) or one.logged_at
    return QueueItem(key, Why.FLAGGED, one.question, one.knowledge_base, at, mark, said, one.reference)


def _unanswered(one: LoggedTurn, marks: Mapping[str, Mark]) -> QueueItem:
    key = f"{_TURN}{one.reference}"
    mark = marks.get(key, Mark())
    return QueueItem(
        key, Why.ABSTAINED, one.question, one.knowledge_base, one.logged_at, mark, one.reason.value, one.reference
    )


def _waits(one: LoggedTurn) -> bool:
    """Whether somebody should look at it: the documents may lack something, or a person may need help."""
    return one.reason not in _NOBODYS_BUSINESS


def _id(key: str) -> str:
    return key.removeprefix(_HAND_OFF)


def _known(key: str) -> str:
    if not key.startswith(_TURN):
        raise Misconfigured(f"The entry {key[:60]!r} is none of the queue's; reload the page.")
    return key
