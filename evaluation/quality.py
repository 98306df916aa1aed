"""The Harbourline quality set: conversations as customers have them, with what each turn should come to.

``evaluation/data/quality_*.jsonl`` holds one conversation a line. Half of them are for development and half are the
test, by a hash of the conversation's id; nothing may be tuned on the test.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

from corpora.records import Record, records
from domain.errors import Misconfigured
from generation.words import content_words

DATA = Path(__file__).parent / "data"
QualitySplit = Literal["dev", "test", "all"]
_SAME_WORD = 0.75  # of difflib's ratio: a typing mistake, not another word
_ASKING = frozenset(content_words("Harbourline cost price charge fee pay get need take happen long month day year"))


class TurnKind(StrEnum):
    """What a turn asks of the assistant."""

    ANSWERABLE = "answerable"
    UNANSWERABLE = "unanswerable"
    CLARIFY = "clarify"
    SMALL_TALK = "small_talk"


@dataclass(frozen=True, slots=True)
class Gold:
    """A sentence that carries the answer, verbatim, and the handbook's file that holds it."""

    file: str
    sentence: str


@dataclass(frozen=True, slots=True)
class ExpectedTurn:
    """One message and what is expected.

    ``query`` is the standalone question meant; ``switch``: the topic changes here. ``facts``: what a right answer
    must hold, each as its acceptable wordings. ``gold`` of a turn to be clarified belongs to its several readings.
    """

    message: str
    kind: TurnKind
    query: str
    switch: bool
    gold: tuple[Gold, ...]
    facts: tuple[tuple[str, ...], ...]
    reply: str


@dataclass(frozen=True, slots=True)
class QualityConversation:
    """The turns of one conversation, in order; at least one."""

    id: str
    turns: tuple[ExpectedTurn, ...]


def load_quality(split: QualitySplit, folder: Path = DATA) -> list[QualityConversation]:
    """The conversations of that half, in the order of the files' names.

    Raises ``Misconfigured`` naming file, row and turn when there is none, a field is missing or contradicts another,
    or an id stands twice.
    """
    files = sorted(folder.glob("quality_*.jsonl"))
    if not files:
        raise Misconfigured(f"There is no quality_*.jsonl in {folder}. Restore them with: git checkout -- evaluation")
    found: dict[str, QualityConversation] = {}
    for row in (row for file in files for row in records(file)):
        conversation = _conversation(row)
        if conversation.id in found:
            raise row.wrong(f"the id {conversation.id!r} came before; give each conversation its own")
        found[conversation.id] = conversation
    return [one for one in found.values() if split in ("all", split_of(one.id))]


def split_of(conversation_id: str) -> QualitySplit:
    """Which half a conversation belongs to."""
    return "test" if hashlib.sha256(conversation_id.encode("utf-8")).digest()[0] % 2 else "dev"


def check_gold(conversations: Sequence[QualityConversation], handbook: Path) -> None:
    """Raises ``Misconfigured`` for a gold sentence that its file does not hold on one line, or a fact whose first
    wording stands in no gold sentence of its turn."""
    for conversation in conversations:
        for number, turn in enumerate(conversation.turns, 1):
            for problem in _problems(turn, handbook):
                raise Misconfigured(f"Quality conversation {conversation.id}, turn {number}: {problem}")


def stands_alone(turn: ExpectedTurn, earlier: Sequence[ExpectedTurn]) -> bool:
    """Whether the message can be understood without the turns before it.

    It leans on them when a content word of the query meant is missing from it, typing mistakes aside, and was said
    before, by either side. A word that is new in the query is another way to say what was typed; words of asking
    ("cost", "month") tell nothing. A rule and no annotation: it sees words, not what is understood.
    """
    typed = content_words(turn.message)
    said = {word for one in earlier for word in content_words(f"{one.message} {one.query} {one.reply}")} - _ASKING
    wanted = (word for word in content_words(turn.query) if word in said)
    return all(difflib.get_close_matches(word, typed, n=1, cutoff=_SAME_WORD) for word in wanted)


def _problems(turn: ExpectedTurn, handbook: Path) -> Iterator[str]:
    for gold in turn.gold:
        file = handbook / gold.file
        if not file.is_file():
            yield f"the handbook has no file {gold.file!r}; correct its name."
        elif not any(gold.sentence in line for line in file.read_text("utf-8").splitlines()):
            yield f"{gold.file} does not hold {gold.sentence!r} on one line; copy the sentence as it stands there."
    said = " ".join(gold.sentence for gold in turn.gold).casefold()
    for wordings in turn.facts:
        if wordings[0].casefold() not in said:
            yield f"the fact {wordings[0]!r} stands in no gold sentence; give the wording the handbook has first."


def _conversation(row: Record) -> QualityConversation:
    turns = tuple(_turn(turn) for turn in row.records("turns"))
    if not turns:
        raise row.wrong("a conversation needs at least one turn")
    if turns[0].switch:
        raise row.wrong("the first turn has no topic to switch from; its 'switch' should be false")
    return QualityConversation(row.name("id"), turns)


def _turn(row: Record) -> ExpectedTurn:
    name = row.text("kind")
    if name not in set(TurnKind):
        raise row.wrong(f"'kind' is {name!r} and should be one of {', '.join(TurnKind)}")
    kind = TurnKind(name)
    gold = tuple(Gold(one.text("file"), one.text("sentence")) for one in row.records("gold"))
    facts = _facts(row)
    _check_kind(row, kind, gold, facts)
    switch = row.fields.get("switch")
    if not isinstance(switch, bool):
        raise row.wrong(f"'switch' should be true or false and is {switch!r}")
    return ExpectedTurn(_filled(row, "message"), kind, row.text("query"), switch, gold, facts, row.text("reply", ""))


def _check_kind(row: Record, kind: TurnKind, gold: Sequence[Gold], facts: Sequence[object]) -> None:
    if bool(gold) != (kind in (TurnKind.ANSWERABLE, TurnKind.CLARIFY)):
        raise row.wrong(f"a turn of kind {kind} with {len(gold)} gold sentences; only what can be answered has some")
    if bool(facts) != (kind is TurnKind.ANSWERABLE):
        raise row.wrong(f"a turn of kind {kind} with {len(facts)} facts; answerable turns have some, others none")


def _facts(row: Record) -> tuple[tuple[str, ...], ...]:
    facts = []
    for wordings in row.items("facts"):
        given = wordings if isinstance(wordings, list) else []
        texts = [text for text in given if isinstance(text, str) and text.strip()]
        if not texts or len(texts) < len(given):
            raise row.wrong(f"a fact should be a list of wordings and is {wordings!r}")
        facts.append(tuple(texts))
    return tuple(facts)


def _filled(row: Record, key: str) -> str:
    text = row.text(key)
    if not text.strip():
        raise row.wrong(f"{key!r} is empty")
    return text
