"""``colloquy evaluate`` for single parts: rewriter, reader, support check."""

from __future__ import annotations

from cli.console import assembled, ensure_shipped_bases, settings_for_command
from cli.measuring import DataFile, Half, Limit, Output, circumstances, counting, show

SHIPPED = "harbourline"
"""The knowledge base a part is assembled with where the data needs none of its own."""


def rewriting(data: DataFile, limit: Limit = None, parity: Half = None, output: Output = None) -> None:
    """BLEU, ROUGE-1 and exact match of rewrites, and how often the gate is right."""
    settings = settings_for_command(knowledge_base=SHIPPED)
    from corpora.rewriting import read_rewriting
    from evaluation.figures import evenly, of_parity
    from evaluation.quality import load_quality
    from evaluation.rewriting import (
        dialogue_of,
        gate_rows_of_quality,
        gate_rows_of_rewrites,
        measure_gate,
        measure_rewrites,
        report,
    )
    from evaluation.systems import ModelAlone, ServedRewriter

    examples = evenly(of_parity(list(read_rewriting(data)), parity, dialogue_of), limit)
    rows = [
        *gate_rows_of_rewrites(examples, "rewrites"),
        *evenly(gate_rows_of_quality(load_quality("dev"), "Harbourline dev"), limit),
    ]
    with assembled(settings, memory=False) as colloquy:
        ensure_shipped_bases(settings, colloquy, {SHIPPED})
        served, alone = ServedRewriter(colloquy, SHIPPED), ModelAlone()
        systems = {"as typed": lambda question, _: question, "model alone": alone.text, "as served": served.text}
        with counting("rewriting", "rewrites") as tell:
            lines = measure_rewrites(examples, systems, tell)
        with counting("deciding", "messages") as tell:
            lines += measure_gate(rows, served.query, tell)
    show(report(lines, "Rewriting", circumstances(settings, data, limit=limit, parity=parity)), output)


def reading(data: DataFile, limit: Limit = None, parity: Half = None, output: Output = None) -> None:
    """F1 and exact match of the reader's span, given the passage that answers."""
    settings = settings_for_command()
    from corpora.reading import read_reading
    from evaluation.figures import evenly, of_parity
    from evaluation.reading import measure, report

    answerable = [one for one in read_reading(data) if one.answerable]
    asked = evenly(of_parity(answerable, parity, lambda one: one.passage), limit)
    with assembled(settings, memory=False) as colloquy, counting("reading", "questions") as tell:
        lines = measure(asked, colloquy.read, tell)
    show(report(lines, "Reading", circumstances(settings, data, limit=limit, parity=parity)), output)


def answerability(data: DataFile, limit: Limit = None, output: Output = None) -> None:
    """AUROC, F1 and calibration of the reader's relevance: the answering passage against its nearest likeness."""
    settings = settings_for_command()
    from corpora.reading import read_reading
    from evaluation.answerability import judge, measure, report, with_negatives
    from evaluation.figures import evenly

    every = [one for one in read_reading(data) if one.answerable]
    pairs = with_negatives(evenly(every, limit), every)
    with assembled(settings, memory=False) as colloquy, counting("reading", "questions") as tell:
        judged = judge(pairs, colloquy.read, tell)
    lines, threshold = measure(judged)
    show(report(lines, threshold, "Answerability", circumstances(settings, data, limit=limit)), output)


def support(data: DataFile, limit: Limit = None, output: Output = None) -> None:
    """AUROC of the support check for replies that people found fully attributable to their evidence."""
    settings = settings_for_command()
    from corpora.support import read_support
    from evaluation.figures import evenly
    from evaluation.supporting import measure, report

    examples = evenly(list(read_support(data)), limit)
    show(report(measure(examples), examples, "Support", circumstances(settings, data, limit=limit)), output)


def planted_errors(output: Output = None) -> None:
    """Errors planted in the handbook's answers: how many the support check catches, and what it rejects by mistake."""
    settings = settings_for_command()
    from evaluation.planted_errors import cases, measure, report

    show(report(measure(cases()), circumstances(settings)), output)
