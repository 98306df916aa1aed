"""Several real Redis servers on loopback: a master with a replica under three Sentinels, and a Cluster of six."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis

from memory.redis_keys import index_key

SERVICE = "conversations"
_DOWN_MS = 1000  # silence after which a master is given up: short, and more than a busy machine's hiccups
_SLOTS = 16384


@dataclass
class Group:
    """``url``: what a client is told. ``processes`` and the ``commands`` that started them: by port."""

    url: str = ""
    processes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    commands: dict[int, list[str]] = field(default_factory=dict)
    master_of: Callable[[str], int] = lambda owner: 0
    """The port of the server that keeps an owner's conversations now."""

    def restart(self, port: int) -> None:
        """Starts a server that was killed, on its own files."""
        _spawn(self, port, self.commands[port])

    def kill(self, port: int) -> None:
        """As the machine would by losing power: no goodbye."""
        self.processes[port].send_signal(signal.SIGKILL)
        self.processes[port].wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def client(port: int) -> Any:
    return redis.Redis("127.0.0.1", port, decode_responses=True, socket_timeout=5)


def until(holds: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except redis.RedisError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"after {seconds:.0f} s still not: {what}")


@contextmanager
def running(folder: Path) -> Iterator[Group]:
    """A group without servers; whatever is started in it ends with it."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed here")
    group = Group()
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield group
    finally:
        for process in group.processes.values():
            process.kill()
        for process in group.processes.values():
            process.wait()


def start(group: Group, folder: Path, options: dict[str, str]) -> int:
    """One durable server; its port."""
    port = free_port()
    home = folder / str(port)
    home.mkdir(exist_ok=True)
    usual = {"port": str(port), "bind": "127.0.0.1", "dir": str(home), "save": "", "appendonly": "yes"}
    usual |= {"appendfsync": "always", "repl-diskless-sync-delay": "0"}
    words = [word for name, value in {**usual, **options}.items() for word in (f"--{name}", value)]
    _spawn(group, port, ["redis-server", *words])
    return port


def _spawn(group: Group, port: int, command: list[str]) -> None:
    group.commands[port] = command
    group.processes[port] = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: bool(client(port).ping()), f"port {port} answers")


@contextmanager
def sentinels(folder: Path) -> Iterator[Group]:
    """A master, a replica and three Sentinels that agree on them."""
    with running(folder) as group:
        master = start(group, folder, {})
        replica = start(group, folder, {"replicaof": f"127.0.0.1 {master}"})
        until(lambda: client(replica).info("replication")["master_link_status"] == "up", "the replica follows")
        watchers = [_sentinel(group, folder, master) for _ in range(3)]
        for port in watchers:
            until(lambda port=port: _knows_all(port), f"Sentinel {port} knows the others")  # type: ignore[misc]
        hosts = ",".join(f"127.0.0.1:{port}" for port in watchers)
        group.url = f"redis+sentinel://{hosts}/{SERVICE}"
        group.master_of = lambda owner: int(client(watchers[0]).sentinel_master(SERVICE)["port"])
        yield group


def _sentinel(group: Group, folder: Path, master: int) -> int:
    port = free_port()
    config = folder / f"sentinel-{port}.conf"
    lines = [
        f"port {port}",
        "bind 127.0.0.1",
        f"dir {folder}",
        f"sentinel monitor {SERVICE} 127.0.0.1 {master} 2",
        f"sentinel down-after-milliseconds {SERVICE} {_DOWN_MS}",
        f"sentinel failover-timeout {SERVICE} 5000",
    ]
    config.write_text("\n".join(lines) + "\n")
    _spawn(group, port, ["redis-server", str(config), "--sentinel"])
    return port


def _knows_all(port: int) -> bool:
    master = client(port).sentinel_master(SERVICE)
    return bool(master["num-other-sentinels"] == 2 and master["num-slaves"] == 1)


@contextmanager
def cluster(folder: Path) -> Iterator[Group]:
    """Three masters with a third of the slots each, and a replica of each."""
    with running(folder) as group:
        options = {"cluster-enabled": "yes", "cluster-node-timeout": str(_DOWN_MS)}
        ports = [start(group, folder, {**options, "cluster-port": str(free_port())}) for _ in range(6)]
        masters, replicas = ports[:3], ports[3:]
        for number, port in enumerate(masters):
            first, last = number * _SLOTS // 3, (number + 1) * _SLOTS // 3 - 1
            client(port).execute_command("CLUSTER ADDSLOTSRANGE", first, last)
        buses = [client(port).config_get("cluster-port")["cluster-port"] for port in ports]
        for port, bus in zip(ports[1:], buses[1:], strict=True):
            client(ports[0]).execute_command("CLUSTER MEET", "127.0.0.1", port, bus)
        for port in ports:
            until(lambda port=port: _known(port) == 6, f"node {port} knows all")  # type: ignore[misc]
        for master, replica in zip(masters, replicas, strict=True):
            client(replica).execute_command("CLUSTER REPLICATE", client(master).execute_command("CLUSTER MYID"))
        for port in ports:
            until(lambda port=port: _well(port, port in replicas), f"node {port} is well")  # type: ignore[misc]
        group.url = "redis+cluster://" + ",".join(f"127.0.0.1:{port}" for port in ports[:2])
        group.master_of = lambda owner: _keeper(ports, group, owner)
        yield group


def _known(port: int) -> int:
    return int(client(port).execute_command("CLUSTER INFO")["cluster_known_nodes"])


def _well(port: int, replica: bool) -> bool:
    info = client(port).info("replication")
    follows = info["role"] == "slave" and info["master_link_status"] == "up"
    return bool(client(port).execute_command("CLUSTER INFO")["cluster_state"] == "ok" and follows == replica)


def _keeper(ports: list[int], group: Group, owner: str) -> int:
    slot = client(next(port for port in ports if group.processes[port].poll() is None)).execute_command(
        "CLUSTER KEYSLOT", index_key(owner)
    )
    for port in ports:
        if group.processes[port].poll() is None:
            for first, last, keeper, *_ in _slots(port):
                if first <= slot <= last:
                    return keeper
    raise AssertionError(f"nobody keeps slot {slot}")


def _slots(port: int) -> list[tuple[int, int, int]]:
    rows: Any = client(port).execute_command("CLUSTER SLOTS")
    if isinstance(rows, dict):
        return [(first, last, int(row["primary"][1])) for (first, last), row in rows.items()]
    return [(int(row[0]), int(row[1]), int(row[2][1])) for row in rows]
