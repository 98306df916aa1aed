"""Many people at once: sessions over the API against the served application, from another process on this machine.

    python -m evaluation.load [--sessions 200] [--turns 10] [--journal load.jsonl] [--output load.md]

The application runs in a process of its own, on the data folder of the settings, and this process asks: every session
is a person with a cookie, who asks the next question as soon as the answer is there, all sessions at once. Afterwards
each looks whether exactly its turns were stored, in order and once, and deletes its conversation.

Memory is the resident size of the application's process: before (models loaded and a few turns asked), at its peak,
and after the sessions are over. With ``--journal`` finished sessions are written down, and a run that was broken off
goes on with the others. Prints a table, and ends with status 1 when there were errors.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from evaluation.bench import load_questions
from evaluation.load_session import Person, SessionRun
from evaluation.metrics import percentile
from evaluation.reports import Table, circumstances
from evaluation.served_process import APPLICATION, ServedProcess
from settings import Settings, load_settings

_WARM_UP_SESSIONS, _WARM_UP_TURNS = 4, 2
_SETTLE_SECONDS = 3.0  # for what a session leaves behind to be given back
_MIB = 2**20


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """``journal``: where finished sessions are written down, None for nowhere."""

    sessions: int = 200
    turns: int = 10
    journal: Path | None = None


@dataclass(frozen=True, slots=True)
class LoadRun:
    """What came of it. Sizes in bytes; ``seconds`` of the sessions run now, not of those the journal had."""

    sessions: tuple[SessionRun, ...]
    seconds: float
    asked_now: int
    before: int
    peak: int
    after: int
    errors: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> bool:
        """Whether anything went wrong."""
        return bool(self.errors)


def run_load(settings: Settings, options: LoadOptions, command: Sequence[str] = APPLICATION) -> LoadRun:
    """Starts the application (``command``, see ``ServedProcess``), lets every session run, and takes it down. Raises
    ``PartUnavailable``."""
    questions = [question.question for question in load_questions()]
    done = read_journal(options.journal)
    left = [number for number in range(options.sessions) if number not in done]
    environment = {"COLLOQUY_DATA_DIR": str(settings.data_dir.resolve())}
    with ServedProcess(environment, command) as served:
        run_sessions(served.port, range(_WARM_UP_SESSIONS), _WARM_UP_TURNS, questions, None)
        time.sleep(_SETTLE_SECONDS)
        before = served.resident_bytes
        served.forget_peak()
        started = time.perf_counter()
        ran = run_sessions(served.port, left, options.turns, questions, options.journal)
        seconds = time.perf_counter() - started
        time.sleep(_SETTLE_SECONDS)
        peak, after = served.peak_bytes, served.resident_bytes
    every = tuple(sorted([*done.values(), *ran], key=lambda run: run.number))
    return LoadRun(every, seconds, len(ran) * options.turns, before, peak, after, count_errors(every))


def run_sessions(
    port: int, numbers: Sequence[int], turns: int, questions: Sequence[str], journal: Path | None
) -> list[SessionRun]:
    """All at once, each in a thread of its own; each is written to ``journal`` when it is over."""
    if not numbers:
        return []
    ran = []
    with ThreadPoolExecutor(len(numbers)) as pool:
        asked = [pool.submit(_session, port, number, turns, questions) for number in numbers]
        for finished in as_completed(asked):
            ran.append(finished.result())
            if journal is not None:
                with journal.open("a", encoding="utf-8") as file:
                    file.write(ran[-1].as_line() + "\n")
    return ran


def _session(port: int, number: int, turns: int, questions: Sequence[str]) -> SessionRun:
    # Every session begins elsewhere in the list, so that those who ask at the same time do not ask the same.
    mine = [questions[(number * 7 + turn) % len(questions)] for turn in range(turns)]
    return Person(port).session(number, mine)


def read_journal(journal: Path | None) -> dict[int, SessionRun]:
    """The sessions that an earlier run finished, by number."""
    if journal is None or not journal.exists():
        return {}
    runs = [SessionRun.from_line(line) for line in journal.read_text("utf-8").splitlines() if line.strip()]
    return {run.number: run for run in runs}


def count_errors(sessions: Sequence[SessionRun]) -> Counter[str]:
    """How often each thing went wrong."""
    counted = Counter(turn.error for run in sessions for turn in run.turns if turn.error)
    lost = sum(not run.kept for run in sessions)
    return counted + Counter({"sessions with turns lost, doubled or out of order": lost} if lost else {})


def as_table(run: LoadRun, options: LoadOptions, settings: Settings) -> Table:
    """The run with what made it."""
    turns = [turn for session in run.sessions for turn in session.turns if not turn.error]
    whole, first = [turn.whole for turn in turns], [turn.first for turn in turns]
    sizes = (run.before, run.peak, run.after)
    rows = [
        ("sessions × turns", f"{options.sessions} × {options.turns}"),
        ("errors", str(sum(run.errors.values()))),
        *((f"  {error}", str(count)) for error, count in run.errors.most_common(5)),
        ("turns a second", f"{run.asked_now / run.seconds:.2f}" if run.asked_now else "–"),
        ("whole turn, line included, p50 / p95, s", _pair(whole)),
        ("first event, line included, p50 / p95, s", _pair(first)),
        ("first place in line, p50 / most", _places([turn.position for turn in turns])),
        (
            "resident before / peak / after, MiB",
            " / ".join(f"{size / _MIB:.0f}" for size in sizes),
        ),
        ("after against before", f"{100 * (run.after / run.before - 1):+.1f} %"),
    ]
    facts = circumstances(settings.model_dump(mode="json", include={"web", "generation", "retrieval"}))
    return Table("Load", ("", "value"), tuple(rows), facts)


def _pair(values: Sequence[float]) -> str:
    return f"{percentile(values, 0.5):.2f} / {percentile(values, 0.95):.2f}" if values else "–"


def _places(values: Sequence[int]) -> str:
    return f"{percentile([float(n) for n in values], 0.5):.0f} / {max(values)}" if values else "–"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run it as a command; the status is 1 when there were errors."""
    parser = argparse.ArgumentParser(prog="python -m evaluation.load", description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=200)
    parser.add_argument("--turns", type=int, default=10)
    parser.add_argument("--journal", type=Path, help="finished sessions are written here; a run goes on from it")
    parser.add_argument("--output", type=Path, help="the table: .md, .json or text")
    chosen = parser.parse_args(arguments)
    options = LoadOptions(chosen.sessions, chosen.turns, chosen.journal)
    settings = load_settings()
    run = run_load(settings, options)
    table = as_table(run, options, settings)
    sys.stdout.write(table.as_text() + "\n")
    if chosen.output:
        table.write(chosen.output)
    return int(run.failed)


if __name__ == "__main__":
    sys.exit(main())
