"""Writers that go on while Redis is killed and restarted again and again: nothing that was acknowledged may be lost.

    python -m evaluation.memory_soak [--seconds 60] [--every 10] [--down 1.5] [--writers 3] [--server PATH]

Two applications (processes of their own, ``--writers`` threads each) append turns to a real redis-server, each writer
to a conversation of its own and, in turns, to one that all share. Every ``--every`` seconds the server is killed with
SIGKILL and started again ``--down`` seconds later; halfway one application is killed, too, and another takes its place.
A turn counts as acknowledged when its writer was told that it is stored, or that it waits in the journal. At the end,
when nothing waits any more, what is stored is compared with what was acknowledged.

Prints a table and ends with status 1 when a turn was lost, stored twice, or stored out of its writer's order.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from domain.answer import Answer, AnswerKind
from domain.conversation import Query, Turn
from domain.errors import MemoryDown, PartUnavailable
from domain.protocols import MemoryLimits
from evaluation.metrics import percentile
from evaluation.reports import Table, circumstances
from memory.embedded_server import EmbeddedRedis
from memory.hand_off_queue import InMemoryHandOffDesk
from memory.journal import Journal
from memory.keeping_store import KeepingStore
from memory.redis_store import RedisConversationStore

OWNER, SHARED = "soak", "shared"
_LIMITS = MemoryLimits(None, 1_000_000, 1_000_000_000)
_PACE_SECONDS = 0.02  # between two turns of a writer: 50 a second, as a busy team together
_TEXT = "Sixty days. " * 20
_DRAIN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Schedule:
    """Seconds: how long all of it takes, how often the server is killed and how long it stays away."""

    seconds: float = 60.0
    every: float = 10.0
    down: float = 1.5


@dataclass(frozen=True, slots=True)
class Told:
    """What a writer was told of one turn: ``how`` is ``stored``, ``waiting`` or ``refused``, after ``milliseconds``."""

    writer: str
    number: int
    conversation: str
    how: str
    milliseconds: float


@dataclass(frozen=True, slots=True)
class Soak:
    """The outcome. ``lost``, ``twice`` and ``disordered`` name turns; ``untold``: how many are stored of which nobody
    was told, because the application died first or the answer was lost."""

    told: tuple[Told, ...]
    kills: int
    stored: int
    lost: tuple[str, ...]
    twice: tuple[str, ...]
    disordered: tuple[str, ...]
    untold: int

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.twice or self.disordered)

    def count(self, how: str) -> int:
        """How many turns ended so."""
        return sum(one.how == how for one in self.told)


def soak(folder: Path, schedule: Schedule, writers: int, server: Path | None = None) -> Soak:
    """Runs it in ``folder``, which is empty. ``server`` is the redis-server binary; None takes the one that comes
    along."""
    redis = EmbeddedRedis(folder / "redis", server)
    with redis:
        apps = [_application(folder, redis.url, number, writers) for number in range(2)]
        for number, app in enumerate(apps):
            _await_start(folder, app, number)
        kills = _disturbed(folder, redis, schedule, (apps, writers))
        _await_start(folder, apps[-1], len(apps) - 1)
        _stop_file(folder).touch()
        for app in apps:
            app.join()
        return judged(read_told(folder), _drained(folder, redis.url), kills)


def judged(told: Sequence[Told], stored: Mapping[str, Sequence[str]], kills: int) -> Soak:
    """What became of the turns: ``stored`` has the ids of each conversation in their order there."""
    ids = [one for conversation in stored.values() for one in conversation]
    kept, known = set(ids), {f"{one.writer}:{one.number}" for one in told if one.how != "refused"}
    late: list[str] = []
    for conversation in stored.values():
        latest: dict[str, int] = {}
        for one in conversation:
            writer, _, number = one.rpartition(":")
            late += [one] if int(number) < latest.get(writer, -1) else []
            latest[writer] = max(int(number), latest.get(writer, -1))
    twice = sorted({one for one in kept if ids.count(one) > 1}) if len(kept) < len(ids) else []
    return Soak(tuple(told), kills, len(ids), tuple(sorted(known - kept)), tuple(twice), tuple(late), len(kept - known))


def table(outcome: Soak, schedule: Schedule, server: str) -> Table:
    """The outcome as what was counted."""
    waits = sorted(one.milliseconds for one in outcome.told if one.how != "refused")
    rows = (
        ("server killed and restarted", str(outcome.kills)),
        ("turns acknowledged", str(outcome.count("stored") + outcome.count("waiting"))),
        ("  of these told “stored”", str(outcome.count("stored"))),
        ("  of these told “waits”", str(outcome.count("waiting"))),
        ("turns refused", str(outcome.count("refused"))),
        ("turns stored", str(outcome.stored)),
        ("  of these never told", str(outcome.untold)),
        ("acknowledged and lost", str(len(outcome.lost))),
        ("stored twice", str(len(outcome.twice))),
        ("out of their writer's order", str(len(outcome.disordered))),
        ("acknowledged after, p50 (ms)", f"{percentile(waits, 0.5):.1f}"),
        ("acknowledged after, p99 (ms)", f"{percentile(waits, 0.99):.1f}"),
        ("acknowledged after, at most (ms)", f"{waits[-1]:.0f}"),
    )
    facts = {**circumstances({}), "server": server, "schedule": repr(schedule)}
    facts.pop("weights")
    facts |= {f"problem {n}": one for n, one in enumerate((*outcome.lost, *outcome.twice, *outcome.disordered)[:9], 1)}
    return Table("Redis killed while turns are stored", ("what", "count"), rows, facts, dict(rows))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--every", type=float, default=10.0)
    parser.add_argument("--down", type=float, default=1.5)
    parser.add_argument("--writers", type=int, default=3, help="threads of each of the two applications")
    parser.add_argument("--server", type=Path, help="a redis-server binary; else the one that comes along")
    parser.add_argument("--output", type=Path, help="also write the table there: .md, .json or text")
    chosen = parser.parse_args(arguments)
    schedule = Schedule(chosen.seconds, chosen.every, chosen.down)
    with tempfile.TemporaryDirectory() as folder:
        outcome = soak(Path(folder), schedule, chosen.writers, chosen.server)
    report = table(outcome, schedule, str(chosen.server or "the one that comes along"))
    sys.stdout.write(report.as_text() + "\n")
    if chosen.output:
        report.write(chosen.output)
    return 0 if outcome.is_clean else 1


def read_told(folder: Path, files: str = "told-*") -> list[Told]:
    """What all writers were told, application by application."""
    lines = [line for path in sorted(folder.glob(files)) for line in path.read_text().splitlines()]
    return [
        Told(writer, int(number), conversation, how, float(milliseconds))
        for writer, number, conversation, how, milliseconds in (line.split() for line in lines)
    ]


def _disturbed(folder: Path, redis: EmbeddedRedis, schedule: Schedule, running: tuple[list[BaseProcess], int]) -> int:
    """Kills the server on schedule, and halfway the second application; how often the server was killed."""
    (apps, writers), began, kills, replaced = running, time.monotonic(), 0, False
    while (spent := time.monotonic() - began) < schedule.seconds:
        if not replaced and spent >= schedule.seconds / 2:
            apps[1].kill()
            apps[1].join()
            apps.append(_application(folder, redis.url, 2, writers))
            replaced = True
        if spent >= (kills + 1) * schedule.every and spent + schedule.down < schedule.seconds:
            assert redis.pid is not None
            os.kill(redis.pid, signal.SIGKILL)
            kills += 1
            time.sleep(schedule.down)
            redis.start()
        time.sleep(0.05)
    return kills


def _application(folder: Path, url: str, number: int, writers: int) -> BaseProcess:
    process = multiprocessing.get_context("spawn").Process(target=_run, args=(folder, url, number, writers))
    process.start()
    return process


def _await_start(folder: Path, app: BaseProcess, number: int) -> None:
    """Until the application has stored its first turn, or ended."""
    while app.is_alive() and not read_told(folder, f"told-{number}"):
        time.sleep(0.05)


def _run(folder: Path, url: str, number: int, writers: int) -> None:
    """An application: ``writers`` threads that append until the stop file is there."""
    store = _opened(folder, url)
    told = os.open(folder / f"told-{number}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    names = [f"w{number}.{writer}" for writer in range(writers)]
    threads = [threading.Thread(target=_write, args=(folder, store, name, told)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()


def _write(folder: Path, store: KeepingStore, writer: str, told: int) -> None:
    number = 0
    while not _stop_file(folder).exists():
        conversation = SHARED if number % 2 else writer
        turn = Turn(f"{writer}:{number}", "And now?", Query("now", "now"), Answer(_TEXT, AnswerKind.QUOTED))
        began = time.perf_counter()
        how = _append(store, conversation, turn)
        milliseconds = (time.perf_counter() - began) * 1000
        os.write(told, f"{writer} {number} {conversation} {how} {milliseconds:.3f}\n".encode())
        number += 1
        time.sleep(_PACE_SECONDS)


def _append(store: KeepingStore, conversation: str, turn: Turn) -> str:
    try:
        store.append(OWNER, conversation, turn)
    except MemoryDown:
        return "waiting"
    except PartUnavailable:
        return "refused"
    return "stored"


def _opened(folder: Path, url: str) -> KeepingStore:
    store = RedisConversationStore(url, _LIMITS, log_capacity=1000)
    return KeepingStore(store, Journal(folder / "waiting", 10_000, 100_000_000), InMemoryHandOffDesk())


def _drained(folder: Path, url: str) -> dict[str, list[str]]:
    """The ids of each conversation once nothing waits any more."""
    store, deadline = _opened(folder, url), time.monotonic() + _DRAIN_SECONDS
    store.start()
    while any((folder / "waiting").glob("*")) and time.monotonic() < deadline:
        time.sleep(0.1)
    ids = {one.id: [turn.id for turn in store.load(OWNER, one.id).turns] for one in store.list(OWNER)}
    store.close()
    return ids


def _stop_file(folder: Path) -> Path:
    return folder / "stop"


if __name__ == "__main__":
    sys.exit(main())
