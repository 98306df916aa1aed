from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from domain.errors import Misconfigured
from memory import embedded_watchdog
from memory.embedded_server import EmbeddedRedis

REPOSITORY = Path(__file__).resolve().parents[2]
APP = """
import sys
from pathlib import Path
from memory.embedded_server import EmbeddedRedis
EmbeddedRedis(Path(sys.argv[1])).start()
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts other processes that use the server of ``tmp_path`` until their standard input ends."""
    apps: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", APP, str(tmp_path)]
        process = subprocess.Popen(
            command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=_environment()
        )
        apps.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in apps:
        process.kill()
        process.communicate()


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY)}


def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_start_gives_an_address_that_answers_within_half_a_second(tmp_path: Path) -> None:
    seconds = []
    for number in range(3):  # one of them while the machine has time for it
        began = time.perf_counter()
        with EmbeddedRedis(tmp_path / f"memory{number}") as server:
            seconds.append(time.perf_counter() - began)
            assert redis.Redis.from_url(server.url).ping()
    assert min(seconds) < 0.5


def test_server_writes_before_it_answers_never_evicts_and_has_no_port(server: EmbeddedRedis) -> None:
    client = redis.Redis.from_url(server.url, decode_responses=True)
    wanted = {
        "appendonly": "yes",
        "appendfsync": "always",
        "aof-load-truncated": "yes",
        "save": "",
        "maxmemory-policy": "noeviction",
        "port": "0",
    }
    assert {name: client.config_get(name)[name] for name in wanted} == wanted


def test_nobody_else_can_read_the_directory_or_its_files(tmp_path: Path) -> None:
    directory = tmp_path / "memory"
    with EmbeddedRedis(directory) as server:
        redis.Redis.from_url(server.url).set("a", "b")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [directory, *directory.iterdir()]}
    assert {"memory", "appendonly.aof", "redis.sock", "redis.log"} <= set(modes)
    assert {name: oct(mode) for name, mode in modes.items() if mode & 0o077} == {}


def test_data_is_there_after_stop_and_start(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    for expected in (None, b"kept"):
        client = redis.Redis.from_url(server.start())
        assert client.get("key") == expected
        client.set("key", "kept")
        server.stop()
        assert server.pid is None


def test_second_user_shares_the_server_which_goes_with_the_last(tmp_path: Path) -> None:
    first, second = EmbeddedRedis(tmp_path), EmbeddedRedis(tmp_path)
    assert first.start() == second.start()
    pid = first.pid
    first.stop()
    assert second.pid == pid
    second.stop()
    assert second.pid is None


def test_starting_or_stopping_twice_changes_nothing(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path)
    server.start()
    pid = server.pid
    server.start()
    assert server.pid == pid is not None
    server.stop()
    server.stop()


def test_users_starting_at_once_get_one_server(tmp_path: Path) -> None:
    users = [EmbeddedRedis(tmp_path) for _ in range(6)]
    threads = [threading.Thread(target=user.start) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({user.pid for user in users}) == 1
    assert (tmp_path / "redis.log").read_text().count("now ready to accept connections") == 1
    for user in users:
        user.stop()


def test_start_brings_back_a_server_that_was_killed(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as server:
        killed = server.pid
        assert killed is not None
        os.kill(killed, signal.SIGKILL)
        assert (tmp_path / "redis.sock").exists()
        server.start()
        assert server.pid not in (None, killed)


def test_server_goes_when_its_last_app_is_killed(tmp_path: Path, app: Callable[[], subprocess.Popen[str]]) -> None:
    process, looking = app(), EmbeddedRedis(tmp_path)
    assert looking.pid is not None
    process.kill()
    assert eventually(lambda: looking.pid is None)


def test_server_stays_for_another_app_when_the_one_that_started_it_is_killed(
    tmp_path: Path, app: Callable[[], subprocess.Popen[str]]
) -> None:
    starter = app()
    with EmbeddedRedis(tmp_path) as other:
        pid = other.pid
        starter.kill()
        starter.wait()
        time.sleep(0.2)
        assert other.pid == pid is not None
    assert eventually(lambda: other.pid is None)


def test_server_goes_when_an_app_ends_without_stopping_it(
    tmp_path: Path, app: Callable[[], subprocess.Popen[str]]
) -> None:
    process, looking = app(), EmbeddedRedis(tmp_path)
    process.communicate()
    assert process.returncode == 0
    assert eventually(lambda: looking.pid is None)


def test_too_long_a_path_moves_only_the_socket(tmp_path: Path) -> None:
    directory = tmp_path / ("long" * 30)
    with EmbeddedRedis(directory) as server:
        redis.Redis.from_url(server.url).set("key", "value")
        assert server.socket_path.parent != directory
        assert stat.S_IMODE(server.socket_path.parent.stat().st_mode) == 0o700
        assert b"value" in (directory / "appendonly.aof").read_bytes()
    server.socket_path.parent.rmdir()


def test_a_socket_directory_that_others_may_enter_is_refused(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path / ("open" * 30))
    server.socket_path.parent.mkdir(mode=0o755)
    try:
        with pytest.raises(Misconfigured, match="not a private directory"):
            server.start()
    finally:
        server.stop()
        server.socket_path.parent.rmdir()


@pytest.mark.parametrize("name", ["with space", "ünïcode", "per%20cent", 'quo"te'])
def test_any_directory_name_makes_an_address_that_works(tmp_path: Path, name: str) -> None:
    with EmbeddedRedis(tmp_path / name) as server:
        assert redis.Redis.from_url(server.url).ping()


def test_missing_binary_is_named(tmp_path: Path) -> None:
    server = EmbeddedRedis(tmp_path, executable=tmp_path / "no-such-server")
    with pytest.raises(Misconfigured, match=r"no-such-server.*COLLOQUY_REDIS_URL"):
        server.start()
    server.stop()


def test_a_file_it_cannot_read_is_refused_with_the_servers_own_words_and_left_alone(tmp_path: Path) -> None:
    damaged = tmp_path / "appendonly.aof"
    damaged.write_bytes(b"this is no append-only file\r\n")
    server = EmbeddedRedis(tmp_path)
    with pytest.raises(Misconfigured, match=r"Bad file format.*redis\.log"):
        server.start()
    server.stop()
    assert damaged.read_bytes() == b"this is no append-only file\r\n"


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(Misconfigured, match=r"file/memory cannot be written.*COLLOQUY_DATA_DIR"):
        EmbeddedRedis(tmp_path / "file" / "memory").start()


def test_asking_where_nobody_listens_gives_none(tmp_path: Path) -> None:
    assert embedded_watchdog.ask(str(tmp_path / "redis.sock"), "PING", 1.0) is None
    assert embedded_watchdog.shut_down(str(tmp_path / "redis.sock"))
