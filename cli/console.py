"""The terminal: data goes to standard output, everything meant for a person's eyes only to standard error."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from domain.redaction import RedactingFormatter

if TYPE_CHECKING:
    from bot.assembly import Colloquy
    from domain.protocols import IngestReport
    from retrieval.ingestion import IngestProgress
    from settings import Settings

ERRORS = Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Data for standard output, as it is: no colour, no wrapping, no markup."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def say_json(value: Any) -> None:
    """``value`` as one JSON document on standard output."""
    say(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def note(text: str, style: str = "dim") -> None:
    """A remark for the person at the terminal (standard error)."""
    ERRORS.print(text, style=style, markup=False)


def warn(text: str) -> None:
    """Something that went wrong and did not stop the rest (standard error)."""
    note(text, style="yellow")


def complain(text: str) -> None:
    """Why the command ends now (standard error)."""
    note(text, style="red")


@contextmanager
def progress_bar(unit: str) -> Iterator[Progress]:
    """A bar on standard error that counts ``unit``; silent where standard error is no terminal."""
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=ERRORS, disable=not ERRORS.is_terminal, transient=True) as bar:
        yield bar


@contextmanager
def working(what: str) -> Iterator[None]:
    """Shows that something of unknown length is going on."""
    if not ERRORS.is_terminal:
        yield
        return
    with ERRORS.status(what):
        yield


def settings_for_command(**overrides: Any) -> Settings:
    """The settings with this command's options over them; logging follows them."""
    from settings import load_settings

    settings = load_settings(**overrides)
    log_to_stderr(settings)
    return settings


def log_to_stderr(settings: Settings) -> None:
    """The log goes to standard error without the settings' secrets and, unless they say otherwise, without personal
    data. A handler that is there already stays as it is."""
    handler = logging.StreamHandler()
    layout = "%(levelname)s %(name)s: %(message)s"
    handler.setFormatter(RedactingFormatter(layout, secrets_of(settings), personal=not settings.safety.redact_logs))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])


def secrets_of(settings: Settings) -> list[str]:
    """What must never be written down: every secret setting, and the password in an address."""
    kept = (settings.milvus_token, settings.hand_off_secret)
    addresses = (settings.redis_url, settings.hand_off.webhook_url, settings.retrieval.milvus_uri)
    passwords = [urlsplit(address).password for address in addresses if address]
    return [*(one.get_secret_value() for one in kept if one), *(one for one in passwords if one)]


@contextmanager
def assembled(settings: Settings, *, memory: bool) -> Iterator[Colloquy]:
    """The assistant of ``settings``, closed at the end."""
    with working("loading models…"):
        from bot.assembly import assemble

        colloquy = assemble(settings, memory=memory)
    try:
        yield colloquy
    finally:
        colloquy.close()


def ensure_shipped_bases(settings: Settings, colloquy: Colloquy, names: Collection[str] | None = None) -> None:
    """Sees to it that the knowledge bases that come with Colloquy are there, showing progress if that takes time."""
    from bot.shipped import ensure_shipped

    with ingestion_bar() as tell:
        for name, report in ensure_shipped(colloquy, settings.data_dir, names, tell):
            documents = report.added + report.replaced + report.unchanged
            note(f"The knowledge base {name} is ready: {documents} documents, {report.seconds:.1f} s.")


@contextmanager
def ingestion_bar() -> Iterator[Any]:
    """A progress callback for ingestion that drives a bar."""
    with progress_bar("files") as bar:
        task = bar.add_task("reading", total=None)

        def tell(progress: IngestProgress) -> None:
            bar.update(
                task,
                total=progress.files_total,
                completed=progress.files_done,
                description=f"{Path(progress.source).name[:40]} · {progress.passages} passages",
            )

        yield tell


def summary(report: IngestReport) -> str:
    """An ingestion in one line."""
    rate = report.passages / report.seconds if report.seconds > 0 else 0.0
    return (
        f"{report.added} documents added, {report.replaced} replaced, {report.unchanged} unchanged, "
        f"{len(report.skipped)} skipped; {report.passages} passages in {report.seconds:.1f} s ({rate:.0f}/s)."
    )
