"""The real thing as a process of its own: ``colloquy serve`` over a data folder, started, stopped, started again."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]
_START_SECONDS = 600  # the first start reads the whole handbook, on a machine that may be busy
_STOP_SECONDS = 60


def environment(data_dir: Path) -> dict[str, str]:
    """This process's environment with Colloquy's settings at their defaults and its data in ``data_dir``."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COLLOQUY_")}
    return {**kept, "COLLOQUY_DATA_DIR": str(data_dir), "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}


class RealApp:
    """A running ``colloquy serve`` on a free port; a context manager. ``settings``: more of its environment, such as
    ``COLLOQUY_REDIS_URL``."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        self._data_dir, self._settings = data_dir, settings
        self._log = data_dir.parent / f"{data_dir.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    @property
    def pid(self) -> int:
        """The process id of the app."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Returns when the page answers; on the same port as before, so that an open page finds it again."""
        port = re.search(r":(\d+)/", self.url)
        command = [sys.executable, "app.py", "--port", port[1] if port else "0"]
        with self._log.open("wb") as log:
            known = {**environment(self._data_dir), **self._settings}
            self._process = subprocess.Popen(command, cwd=ROOT, env=known, stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.1)

    def stop(self) -> None:
        """Ends the app as Ctrl-C or a service manager would, and waits for it."""
        if self._process is None:
            return
        self._process.terminate()
        self._process.wait(_STOP_SECONDS)
        self._process = None

    def said(self) -> str:
        """What it printed since it started."""
        return self._log.read_text("utf-8", "replace")

    def _answers(self) -> bool:
        address = re.search(r"http://127\.0\.0\.1:\d+/", self.said())
        if address is None:
            return False
        self.url = address[0]
        try:
            with urllib.request.urlopen(self.url, timeout=10) as reply:
                return bool(reply.status == 200)
        except urllib.error.URLError:
            return False

    def __enter__(self) -> RealApp:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
