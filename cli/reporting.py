"""``colloquy kb report``: what is wrong with the documents themselves, as a page to read and as JSON."""

from __future__ import annotations

import json
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.console import assembled, ensure_shipped_bases, note, say, say_json, settings_for_command, working
from cli.measuring import Output, circumstances, show
from cli.options import AsJson
from cli.showing import printable
from domain.errors import Misconfigured

if TYPE_CHECKING:
    from bot.assembly import Colloquy
    from retrieval.quality.coverage import Asked
    from retrieval.quality.report import QualityReport, Questions

Today = Annotated[
    datetime | None,
    typer.Option(
        "--today", formats=["%Y-%m-%d"], metavar="DATE", help="The day that counts as today.", show_default=False
    ),
]


def report_on_base(
    name: Annotated[str, typer.Argument(help="The knowledge base.")],
    output: Annotated[
        list[Path] | None,
        typer.Option("--output", help="Write the report here: .html or .json; may be given twice.", show_default=False),
    ] = None,
    questions: Annotated[
        Path | None,
        typer.Option("--questions", metavar="FILE", help="Questions asked, as JSON lines.", show_default=False),
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--source", metavar="FOLDER", help="The ingested folder, for its links.", show_default=False),
    ] = None,
    today: Today = None,
    as_json: AsJson = False,
) -> None:
    """Find gaps, contradictions, repetitions, what is out of date, broken links and hard passages.

    The report is a page, NAME-report.html unless --output names another; a line of --questions is
    {"question": "…", "answered": true, "confidence": 0.8}. Without --questions coverage, and without --source the links
    of a knowledge base that does not come with Colloquy, are not looked at.
    """
    settings = settings_for_command()
    asked = read_questions(questions) if questions else None
    paths = output or ([] if as_json else [Path(f"{name}-report.html")])
    wrong = next((path for path in paths if path.suffix.lower() not in (".html", ".htm", ".json")), None)
    if wrong is not None:
        raise Misconfigured(f"The report “{wrong}” has the ending {wrong.suffix!r}; use .html or .json.")
    with assembled(settings, memory=False) as colloquy:
        ensure_shipped_bases(settings, colloquy, {name})
        day = today.date() if today else date.today()
        report = _examined(colloquy, name, asked, source or _shipped_folder(name), day)
    for path in paths:
        _write(report, path)
    if as_json:
        say_json(report.as_json())
    else:
        say("\n".join(_lines(report)))
    for path in paths:
        note(f"The report is in {path}.")


def read_questions(path: Path) -> tuple[Asked, ...]:
    """The questions of a file of JSON lines. Raises ``Misconfigured`` for the first line that is none."""
    from retrieval.quality.coverage import Asked

    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"The questions “{path}” cannot be read ({error}); name a file of JSON lines.") from error
    found = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            row = _row(line)
            if row is None:
                raise Misconfigured(
                    f"Line {number} of “{path}” is no question ({line[:80]!r}); write "
                    '{"question": "…", "answered": true, "confidence": 0.8}.'
                )
            found.append(Asked(*row))
    return tuple(found)


def _row(line: str) -> tuple[str, bool, float] | None:
    try:
        row = json.loads(line)
        question, answered, confidence = row["question"], row["answered"], row["confidence"]
    except (ValueError, KeyError, TypeError):
        return None
    right = isinstance(question, str) and isinstance(answered, bool) and isinstance(confidence, int | float)
    return (question, answered, float(confidence)) if right and question.strip() else None


def _examined(
    colloquy: Colloquy, name: str, asked: tuple[Asked, ...] | None, source: Path | None, today: date
) -> QualityReport:
    from retrieval.quality.links import read_sources
    from retrieval.quality.pages import read_pages
    from retrieval.quality.report import Subject, examine

    knowledge_base = colloquy.knowledge.open(name)
    files = read_sources(source) if source else {}
    with working(f"examining {name}…"):
        pages = read_pages(knowledge_base)
        subject = Subject(name, colloquy.knowledge.info(name).title, today)
        return examine(subject, pages, files, None if asked is None else _questions(colloquy, name, asked))


def _questions(colloquy: Colloquy, name: str, asked: tuple[Asked, ...]) -> Questions:
    from retrieval.quality.report import Questions

    def nearest(vector: Any) -> Any:
        with colloquy.knowledge.open(name).snapshot() as snapshot:
            rows = [row for row, _ in snapshot.dense(vector, 1)]
            return next(iter(snapshot.passages(rows).values()), None)

    return Questions(asked, colloquy.encoder.encode_queries, nearest)


def _shipped_folder(name: str) -> Path | None:
    from bot.shipped import SHIPPED, SHIPPED_FOLDER

    folder = next((SHIPPED_FOLDER / base.folder for base in SHIPPED if base.name == name), None)
    return folder if folder is not None and folder.is_dir() else None


def _write(report: QualityReport, path: Path) -> None:
    from retrieval.quality.page_html import render_report

    html = path.suffix.lower() != ".json"
    text = render_report(report) if html else json.dumps(report.as_json(), ensure_ascii=False, indent=2) + "\n"
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise Misconfigured(
            f"The report “{path}” cannot be written ({error.strerror}); name a file in a folder that can be."
        ) from error


def _lines(report: QualityReport) -> list[str]:
    from retrieval.quality.page_html import kind_name, topic_name

    lines = [f"{report.subject.name}: {report.documents} documents, {report.passages} passages", ""]
    for topic, kinds in report.counts().items():
        lines.append(f"{sum(kinds.values()):6,}  {topic_name(topic)}")
        lines += [f"{count:14,}  {kind_name(kind)}" for kind, count in kinds.items() if count and len(kinds) > 1]
    lines += [f"     –  {topic_name(topic)}: {printable(why)}" for topic, why in report.skipped.items()]
    return lines


def measure_planted(
    data: Annotated[
        Path | None, typer.Option("--data", metavar="FOLDER", help="A handbook with planted.yaml.", show_default=False)
    ] = None,
    today: Today = None,
    output: Output = None,
) -> None:
    """Recall and precision of the quality report on the defects planted in the handbook, and what else it found."""
    from evaluation.planted import HANDBOOK, measure, report

    settings, day = settings_for_command(), today.date() if today else date.today()
    folder = data or HANDBOOK
    outcomes = measure(folder, day)
    show(report(outcomes, circumstances(settings, folder, today=day)), output)
    for outcome in outcomes:
        for finding in outcome.unplanted:
            sentences = " / ".join(" ".join(place.text.split())[:160] for place in finding.places if place.text)
            note(f"Not planted ({outcome.name}): {printable(finding.what)} {printable(sentences)}")
