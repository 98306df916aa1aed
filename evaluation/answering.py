"""How near the answers come to an agent's: from the gold passage, and through the whole pipeline (Feng et al. 2020)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from corpora.doc2dial import TURNS_FILE, GoldTurn
from corpora.jsonl import rows
from domain.answer import AnswerKind
from domain.conversation import Turn
from domain.passage import Passage
from domain.protocols import ANSWERED
from evaluation.figures import Line, Tell, table
from evaluation.metrics import Estimate, bootstrap
from evaluation.reports import Table
from evaluation.wording import corpus_bleu, token_f1
from retrieval.places import OpenBase

Reply = Callable[[GoldTurn], Turn]


@dataclass(frozen=True, slots=True)
class Replied:
    """The agent's response to a turn and the assistant's reply: "" where it did not claim to answer."""

    wanted: str
    told: str
    kind: AnswerKind

    @property
    def f1(self) -> float:
        return token_f1(self.told, [self.wanted]) if self.told else 0.0


def responses(folder: Path) -> dict[str, str]:
    """What the agent said, by the id of the turn; turns without a response are left out."""
    found = ((str(row["id"]), str(row.get("response") or "")) for row in rows(folder / TURNS_FILE))
    return {name: text for name, text in found if text.strip()}


def passages_of(knowledge_base: OpenBase) -> dict[str, Passage]:
    """Every passage by its id."""
    with knowledge_base.snapshot() as snapshot:
        return {passage.id: passage for passage in snapshot.passages(snapshot.rows()).values()}


def gold_of(turn: GoldTurn, passages: Mapping[str, Passage]) -> list[Passage]:
    """The turn's gold passages in the order of the document."""
    return sorted((passages[name] for name in turn.passages), key=lambda one: (one.span, one.id))


def reply_to_all(turns: Sequence[GoldTurn], wanted: Mapping[str, str], reply: Reply, tell: Tell) -> list[Replied]:
    """The reply to each turn that has a response in ``wanted``."""
    asked = [turn for turn in turns if turn.turn.id in wanted]
    found = []
    for done, turn in enumerate(asked, start=1):
        answer = reply(turn).answer
        found.append(Replied(wanted[turn.turn.id], answer.text if answer.kind in ANSWERED else "", answer.kind))
        tell(done, len(asked))
    return found


def measure(replies: Sequence[Replied]) -> list[Line]:
    """All turns together, then those whose response states something and those whose response asks the person."""
    groups = {
        "all turns": list(replies),
        "the agent states": [one for one in replies if not _asks(one.wanted)],
        "the agent asks": [one for one in replies if _asks(one.wanted)],
    }
    return [_line(name, group) for name, group in groups.items() if group]


def report(lines: Sequence[Line], title: str, facts: Mapping[str, str]) -> Table:
    """The lines with what was measured."""
    told = {
        "intervals": "95 %, bootstrap over turns",
        "F1, BLEU": "words after SQuAD's normalisation; sacrebleu, lower-cased; a turn not answered counts as empty",
        "coverage": "the share of turns answered; the rest is abstentions, questions back and small talk",
        "the agent asks": "the response ends with a question mark",
    }
    return table(title, lines, {**told, **facts}, "turns")


def _line(name: str, replies: Sequence[Replied]) -> Line:
    answered = [one for one in replies if one.told]
    measures = {
        "F1": bootstrap([one.f1 for one in replies]),
        "BLEU": _bleu(replies),
        "abstained": bootstrap([float(one.kind is AnswerKind.ABSTAINED) for one in replies]),
        "coverage": bootstrap([float(bool(one.told)) for one in replies]),
        "F1 of answered": bootstrap([one.f1 for one in answered]),
        "BLEU of answered": _bleu(answered),
    }
    return Line(name, len(replies), measures)


def _bleu(replies: Iterable[Replied]) -> Estimate:
    pairs = [(one.told, one.wanted) for one in replies]
    return corpus_bleu([told for told, _ in pairs], [wanted for _, wanted in pairs])


def _asks(text: str) -> bool:
    return text.rstrip().endswith("?")
