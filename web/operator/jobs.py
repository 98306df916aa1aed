"""Work that takes longer than a request may: started once, looked at until it is over."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from domain.errors import ColloquyError

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class _Job:
    running: bool = True
    result: int = 0
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job stands: ``result`` once it is over, ``trouble`` where it failed, both empty while it runs."""

    running: bool
    result: int = 0
    trouble: str = ""


@dataclass
class Jobs:
    """One job a key at a time, each in a thread of its own. Safe for several threads."""

    _jobs: dict[str, _Job] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, key: str, work: Callable[[], int]) -> bool:
        """Starts ``work``; False when the last job of that key is still running."""
        with self._lock:
            known = self._jobs.get(key)
            if known is not None and known.running:
                return False
            job = self._jobs[key] = _Job()
        threading.Thread(target=_run, args=(job, work), daemon=True, name=f"operator {key}").start()
        return True

    def outcome(self, key: str) -> Outcome | None:
        """How the job of that key stands; None where there was none. What is over is told once."""
        with self._lock:
            job = self._jobs.get(key)
            if job is None:
                return None
            if not job.running:
                del self._jobs[key]
            return Outcome(job.running, job.result, job.trouble)


def _run(job: _Job, work: Callable[[], int]) -> None:
    try:
        job.result = work()
    except ColloquyError as error:
        job.trouble = str(error)
    except Exception:
        _LOG.exception("A job of the console failed in a way nobody planned")
        job.trouble = "It failed in a way nobody planned; the log of the server says more."
    finally:
        job.running = False
