"""How good rewrites are: near the reference, and left alone where nothing is to be rewritten."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from corpora.rewriting import RewriteExample
from domain.conversation import Gate, Query
from evaluation.figures import Line, Tell, table
from evaluation.metrics import bootstrap, bootstrap_clusters
from evaluation.quality import QualityConversation, TurnKind, stands_alone
from evaluation.reports import Table
from evaluation.wording import corpus_bleu, rouge1_recall, same_text

History = Sequence[tuple[str, str]]
System = Callable[[str, History], str]
"""A message and what was said before, as (message, reply) pairs, oldest first -> the rewrite."""


@dataclass(frozen=True, slots=True)
class GateRow:
    """A message that stands alone, after a conversation. ``switched``: it leaves the conversation's topic.
    ``cluster``: rows that are not independent of one another share it."""

    data: str
    question: str
    history: tuple[tuple[str, str], ...]
    switched: bool
    cluster: str


def measure_rewrites(examples: Sequence[RewriteExample], systems: Mapping[str, System], tell: Tell) -> list[Line]:
    """Each system on every example: BLEU, ROUGE-1 recall, exact match (but for case, spacing, final marks)."""
    total, done, lines = len(systems) * len(examples), 0, []
    for name, system in systems.items():
        told = []
        for example in examples:
            told.append(system(example.question, example.history))
            done += 1
            tell(done, total)
        lines.append(_line(name, told, [example.rewrite for example in examples]))
    return lines


def measure_gate(rows: Sequence[GateRow], rewrite: Callable[[str, History], Query], tell: Tell) -> list[Line]:
    """For each data set: how many standalone questions stay as typed, how many switched topics are reset, and how
    many of those carry nothing over (the text searched is the text typed). Intervals are over clusters."""
    found: dict[str, list[tuple[GateRow, Query]]] = {}
    for done, row in enumerate(rows, start=1):
        found.setdefault(row.data, []).append((row, rewrite(row.question, row.history)))
        tell(done, len(rows))
    return [line for data, pairs in found.items() for line in _gate_lines(data, pairs)]


def gate_rows_of_rewrites(examples: Sequence[RewriteExample], data: str) -> list[GateRow]:
    """Each rewrite put back into its own conversation, to be kept, and into another dialogue's, to be reset.

    The other dialogue is half the set away, so it is the same every time. Examples with less than
    two pairs before them, the first of which CANARD makes of titles, give no rows.
    """
    leaning = [example for example in examples if len(example.history) > 1]
    rows = []
    for at, example in enumerate(leaning):
        rows.append(GateRow(data, example.rewrite, example.history, False, dialogue_of(example)))
        other = _elsewhere(leaning, at)
        if other is not None:
            rows.append(GateRow(data, other.rewrite, example.history, True, dialogue_of(example)))
    return rows


def gate_rows_of_quality(conversations: Sequence[QualityConversation], data: str) -> list[GateRow]:
    """The turns after the first that can be answered and either stand alone or switch the topic, after the messages
    and model replies before them."""
    rows = []
    for conversation in conversations:
        said = tuple((turn.message, turn.reply) for turn in conversation.turns)
        for at, turn in enumerate(conversation.turns):
            if at and turn.kind is TurnKind.ANSWERABLE and (turn.switch or stands_alone(turn, conversation.turns[:at])):
                rows.append(GateRow(data, turn.message, said[:at], turn.switch, conversation.id))
    return rows


def report(lines: Sequence[Line], title: str, facts: Mapping[str, str]) -> Table:
    """Rewrites and gate as one table."""
    told = {
        "BLEU": "sacrebleu, lower-cased, whole corpus",
        "ROUGE-1": "recall of the reference's words, unstemmed",
        "exact": "the same but for case, spacing and marks at the end",
        "kept, reset": "a rewrite in its own conversation left as it is; a topic of another dialogue recognised",
    }
    return table(title, lines, {**told, **facts})


def dialogue_of(example: RewriteExample) -> str:
    """The conversation an example belongs to: its id without the number of the turn (``…_q#3``, ``71_3``)."""
    return example.id.rpartition("#" if "#" in example.id else "_")[0] or example.id


def _line(name: str, told: Sequence[str], wanted: Sequence[str]) -> Line:
    pairs = list(zip(told, wanted, strict=True))
    measures = {
        "BLEU": corpus_bleu(told, wanted),
        "ROUGE-1": bootstrap([rouge1_recall(one, other) for one, other in pairs]),
        "exact": bootstrap([float(same_text(one, other)) for one, other in pairs]),
    }
    return Line(name, len(pairs), measures)


def _gate_lines(data: str, pairs: Sequence[tuple[GateRow, Query]]) -> list[Line]:
    standing = [(row, query) for row, query in pairs if not row.switched]
    switched = [(row, query) for row, query in pairs if row.switched]
    clusters = [row.cluster for row, _ in standing]
    kept = Line(
        f"{data}: standalone questions",
        len(standing),
        {"kept": bootstrap_clusters([_as_typed(query) for _, query in standing], clusters)},
    )
    clusters = [row.cluster for row, _ in switched]
    reset = Line(
        f"{data}: switched topics",
        len(switched),
        {
            "kept": bootstrap_clusters([_as_typed(query) for _, query in switched], clusters),
            "reset": bootstrap_clusters([float(query.gate is Gate.RESET) for _, query in switched], clusters),
        },
    )
    return [line for line in (kept, reset) if line.count]


def _as_typed(query: Query) -> float:
    return float(same_text(query.text, query.original))


def _elsewhere(examples: Sequence[RewriteExample], at: int) -> RewriteExample | None:
    """The first example from half the set away on that is of another dialogue."""
    own = dialogue_of(examples[at])
    around = (examples[(at + len(examples) // 2 + step) % len(examples)] for step in range(len(examples)))
    return next((one for one in around if dialogue_of(one) != own), None)
