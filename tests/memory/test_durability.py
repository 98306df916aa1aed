"""Promises 3 and 4 of ``ConversationStore`` where they are hard: several processes, and ``kill -9``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.conversation import Turn
from domain.protocols import MemoryLimits
from memory.embedded_server import EmbeddedRedis
from memory.redis_store import RedisConversationStore

REPOSITORY = Path(__file__).resolve().parents[2]
LIMITS = MemoryLimits(ttl_seconds=86_400, max_turns=10_000, max_bytes=100_000_000)

APP = """
import sys
from pathlib import Path
from domain.answer import Answer, AnswerKind
from domain.conversation import Query, Turn
from domain.protocols import MemoryLimits
from memory.embedded_server import EmbeddedRedis
from memory.redis_store import RedisConversationStore

directory, writer, count, text = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), "x" * 2000
server = EmbeddedRedis(directory)
store = RedisConversationStore(server.start(), MemoryLimits(86400, 10000, 100000000), revive=server.start)
for number in range(count):
    turn = Turn(f"{writer}-{number}", "Q?", Query("Q?", "Q?"), Answer(text, AnswerKind.QUOTED))
    store.append("owner", "c", turn)
    print(turn.id, server.pid if number == 0 else "", flush=True)
sys.stdin.read()
"""


def app(directory: Path, writer: str, count: int) -> subprocess.Popen[str]:
    """A process that appends ``count`` turns, says each id once it is acknowledged, and waits."""
    return subprocess.Popen(
        [sys.executable, "-c", APP, str(directory), writer, str(count)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def stored_ids(directory: Path) -> list[str]:
    with EmbeddedRedis(directory) as server:
        return [turn.id for turn in RedisConversationStore(server.url, LIMITS).load("owner", "c").turns]


def test_two_processes_append_to_one_conversation_and_every_turn_survives(tmp_path: Path) -> None:
    apps = [app(tmp_path, writer, 50) for writer in ("a", "b")]
    for process in apps:
        process.communicate()
        assert process.returncode == 0
    ids = stored_ids(tmp_path)
    assert len(ids) == 100
    for writer in ("a", "b"):
        assert [i for i in ids if i.startswith(writer)] == [f"{writer}-{n}" for n in range(50)]


def test_acknowledged_turns_survive_a_killed_server(tmp_path: Path, owner: str, make_turn: Callable[..., Turn]) -> None:
    server = EmbeddedRedis(tmp_path)
    for round_ in range(5):
        store = RedisConversationStore(server.start(), LIMITS)
        for number in range(20):
            store.append(owner, "c", make_turn(20 * round_ + number))
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
    server.start()
    turns = RedisConversationStore(server.url, LIMITS).load(owner, "c").turns
    server.stop()
    assert turns == tuple(make_turn(number) for number in range(100))


@pytest.mark.parametrize("acknowledged", [1, 7])
def test_acknowledged_turns_survive_when_app_and_server_are_killed_together(tmp_path: Path, acknowledged: int) -> None:
    process = app(tmp_path, "a", 1_000)
    assert process.stdout is not None
    said = [process.stdout.readline().split() for _ in range(acknowledged)]
    os.kill(int(said[0][1]), signal.SIGKILL)
    process.kill()
    rest = process.communicate()[0].splitlines()
    told = [words[0] for words in said] + [line.split()[0] for line in rest if line.strip()]
    ids = stored_ids(tmp_path)
    assert ids[: len(told)] == told
    assert ids == [f"a-{number}" for number in range(len(ids))]  # what came after is whole and in order, too


def test_a_write_cut_in_half_by_a_crash_is_dropped_whole(
    tmp_path: Path, owner: str, make_turn: Callable[..., Turn]
) -> None:
    with EmbeddedRedis(tmp_path) as server:
        store = RedisConversationStore(server.url, LIMITS)
        store.append(owner, "c", make_turn(1))
        store.append(owner, "c", make_turn(2, "y" * 5_000))
    log = tmp_path / "appendonly.aof"
    whole = log.read_bytes()
    with log.open("r+b") as file:
        file.truncate(whole.index(b"y" * 5_000) + 2_500)
    with EmbeddedRedis(tmp_path) as server:
        store = RedisConversationStore(server.url, LIMITS)
        assert store.load(owner, "c").turns == (make_turn(1),)
        assert [summary.turn_count for summary in store.list(owner)] == [1]
        store.append(owner, "c", make_turn(2))  # the retry is a new turn, not a doubled one
        assert store.load(owner, "c").turns == (make_turn(1), make_turn(2))
