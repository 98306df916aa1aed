from __future__ import annotations

import threading
import time

from domain.errors import PartUnavailable
from web.operator.jobs import Jobs, Outcome


def settled(jobs: Jobs, key: str) -> Outcome | None:
    """The outcome once it is over."""
    deadline = time.monotonic() + 10
    while (outcome := jobs.outcome(key)) is not None and outcome.running:
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return outcome


def test_a_job_runs_once_at_a_time_and_its_outcome_is_told_once() -> None:
    jobs, go = Jobs(), threading.Event()

    def work() -> int:
        go.wait(10)
        return 7

    assert jobs.start("help", work)
    assert not jobs.start("help", work)
    assert jobs.start("other", lambda: 1)
    assert jobs.outcome("help") == Outcome(True)
    go.set()
    assert settled(jobs, "help") == Outcome(False, 7)
    assert jobs.outcome("help") is None
    assert jobs.start("help", lambda: 8)
    assert settled(jobs, "help") == Outcome(False, 8)


def test_a_job_that_fails_says_why() -> None:
    jobs = Jobs()

    def unavailable() -> int:
        raise PartUnavailable("The index does not answer.")

    def unplanned() -> int:
        raise RuntimeError("secret detail")

    jobs.start("a", unavailable)
    assert settled(jobs, "a") == Outcome(False, 0, "The index does not answer.")
    jobs.start("a", unplanned)
    outcome = settled(jobs, "a")
    assert outcome is not None
    assert "secret" not in outcome.trouble
    assert "nobody planned" in outcome.trouble
