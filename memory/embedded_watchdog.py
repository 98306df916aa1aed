"""Shuts an embedded Redis down when its last user has gone, however that user went.

Runs as a small process of its own, started beside the server by ``memory/embedded_server.py``: every app that
uses the server holds a shared lock on one file, and the kernel takes the lock away when the app ends, even by
``kill -9``. The watchdog sleeps until it gets that lock for itself, then asks the server to shut down. Whoever
wants to start the server anew meanwhile waits for the lock, so a server is never taken from under a new user.

    python -I -S embedded_watchdog.py USERS_LOCK SOCKET

Standard library only: it must start fast and stay small.
"""

from __future__ import annotations

import fcntl
import os
import socket
import sys

_SHUTDOWN_SECONDS = 30.0
"""Ample for Redis to flush the append-only file; then the lock is let go all the same."""


def ask(socket_path: str, command: str, timeout_seconds: float) -> bytes | None:
    """The start of the server's reply to one inline command; b"" when it hung up instead, None if nobody answers."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout_seconds)
        try:
            connection.connect(socket_path)
            connection.sendall(f"{command}\r\n".encode())
            return connection.recv(4096)
        except ConnectionResetError:
            return b""
        except OSError:
            return None


def shut_down(socket_path: str) -> bool:
    """Whether no server is left at ``socket_path``. Redis hangs up once its append-only file is flushed."""
    return not ask(socket_path, "SHUTDOWN", _SHUTDOWN_SECONDS)


def main(users_lock: str, socket_path: str) -> None:
    """Waits for the last user, then shuts the server down while nobody new can come in."""
    descriptor = os.open(users_lock, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    shut_down(socket_path)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
