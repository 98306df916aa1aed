"""The served application as a process of its own: started on a free port, watched, and told to go down."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import psutil

from domain.errors import PartUnavailable

ROOT = Path(__file__).resolve().parent.parent
APPLICATION = ("app.py", "--host", "127.0.0.1", "--port", "0")
_START_SECONDS = 600.0  # a first start reads the whole handbook, on a machine that may be busy
_STOP_SECONDS = 60.0
_LOOK_SECONDS = 0.25
_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/")


class ServedProcess:
    """A server on this machine alone, ready for work when the block begins. ``peak_bytes`` is the largest resident
    size that was seen since the last ``forget_peak``. Raises ``PartUnavailable`` when it does not come up."""

    def __init__(self, environment: Mapping[str, str], command: Sequence[str] = APPLICATION) -> None:
        """``environment``: settings beside those of this process. ``command`` is what Python runs; it prints its
        address once it listens."""
        self._command = [sys.executable, *command]
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", **environment}
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (open as long as the process lives)
        self._over = threading.Event()
        self.port = 0
        self.peak_bytes = 0

    @property
    def resident_bytes(self) -> int:
        """What the application's process holds in memory now; the memory server's is not in it."""
        return int(psutil.Process(self._process.pid).memory_info().rss)

    def forget_peak(self) -> None:
        """Begins to look for the largest size anew."""
        self.peak_bytes = 0

    def said(self) -> str:
        """What it printed."""
        self._log.seek(0)
        return self._log.read().decode("utf-8", "replace")

    def __enter__(self) -> ServedProcess:
        self._process = subprocess.Popen(
            self._command, cwd=ROOT, env=self._environment, stdout=self._log, stderr=subprocess.STDOUT
        )
        deadline = time.monotonic() + _START_SECONDS
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                raise PartUnavailable(f"The server did not come up; it said {self.said()[-800:]!r}. Mend that.")
            time.sleep(_LOOK_SECONDS)
        threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._log.close()

    def _ready(self) -> bool:
        address = _ADDRESS.search(self.said())
        if address is None:
            return False
        self.port = int(address[1])
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=10) as reply:
                return bool(reply.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _look(self) -> None:
        while not self._over.wait(_LOOK_SECONDS):
            try:
                self.peak_bytes = max(self.peak_bytes, self.resident_bytes)
            except psutil.Error:
                return
