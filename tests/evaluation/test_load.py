"""A load run: what a session sees and checks, how a run goes on, and what its table says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import PartUnavailable
from evaluation.load import LoadOptions, LoadRun, as_table, count_errors, read_journal, run_load, run_sessions
from evaluation.load_session import AskedTurn, Person, SessionRun, events_of
from evaluation.served_process import ServedProcess
from settings import Settings
from tests.web.api.served import ServedApi
from tests.web.fakes import FakeAssistant
from web.options import ServiceOptions

QUESTIONS = ["half price?", "what if I move?", "hello", "steady green light?", "which one?"]


@pytest.fixture(scope="module")
def served() -> Iterator[ServedApi]:
    served = ServedApi(FakeAssistant(pause_seconds=0.002), ServiceOptions(turn_limit=4, queue_limit=8))
    yield served
    served.close()


def port_of(served: ServedApi) -> int:
    return int(served.url.rpartition(":")[2])


def test_ten_sessions_of_two_turns_end_without_an_error_and_leave_nothing_behind(served: ServedApi) -> None:
    runs = run_sessions(port_of(served), range(10), 2, QUESTIONS, None)
    assert count_errors(runs) == {}
    assert sorted(run.number for run in runs) == list(range(10))
    assert [len(run.turns) for run in runs] == [2] * 10
    assert any(turn.position > 0 for run in runs for turn in run.turns)
    assert served.assistant.kept == {}
    assert (served.running.working, served.running.waiting) == (0, 0)


def test_a_server_in_a_process_of_its_own_is_started_watched_and_taken_down(tmp_path: Path) -> None:
    journal, earlier = tmp_path / "load.jsonl", SessionRun(0, (AskedTurn(0.1, 0.2, 0),), kept=True)
    journal.write_text(earlier.as_line() + "\n", "utf-8")
    command = ("-m", "tests.evaluation.fake_server")
    run = run_load(Settings(data_dir=tmp_path), LoadOptions(10, 2, journal), command)
    assert run.errors == {}
    assert (len(run.sessions), run.asked_now) == (10, 18)
    assert run.sessions[0] == earlier
    assert 0 < run.before <= run.peak


def test_a_server_that_does_not_come_up_says_why() -> None:
    with pytest.raises(PartUnavailable, match="no such luck"):
        ServedProcess({}, ("-c", "raise SystemExit('no such luck')")).__enter__()


def test_what_goes_wrong_is_counted_and_the_session_goes_on(served: ServedApi) -> None:
    run = Person(port_of(served)).session(0, ["boom", "hello", "x" * 4001])
    assert [turn.error for turn in run.turns] == [
        "A part that this needs does not answer; try again soon.",
        "",
        "status 422",
    ]
    assert run.kept


def test_a_turn_that_was_not_stored_is_an_error(served: ServedApi) -> None:
    served.assistant.store_down = True
    try:
        run = Person(port_of(served)).session(0, ["hello"])
    finally:
        served.assistant.store_down = False
    assert count_errors([run]) == {"not stored": 1}


def test_a_server_that_is_not_there_is_an_error_and_no_crash() -> None:
    run = SessionRun(1, (Person(9)._asked("hello"),), kept=True)
    assert [error.partition("(")[0] for error in count_errors([run])] == ["ConnectionRefusedError"]


def test_a_run_that_was_broken_off_goes_on_with_the_other_sessions(served: ServedApi, tmp_path: Path) -> None:
    journal = tmp_path / "load.jsonl"
    first = run_sessions(port_of(served), [3, 5], 1, QUESTIONS, journal)
    assert read_journal(journal) == {run.number: run for run in first}
    assert read_journal(tmp_path / "none.jsonl") == read_journal(None) == {}


def test_turns_that_were_lost_doubled_or_out_of_order_show() -> None:
    fine = SessionRun(0, (AskedTurn(0.1, 0.2, 0),), kept=True)
    lost = SessionRun(1, (AskedTurn(0.1, 0.2, 0, "busy"),), kept=False)
    counted = count_errors([fine, lost])
    assert counted == {"busy": 1, "sessions with turns lost, doubled or out of order": 1}


def test_the_table_has_errors_times_places_and_memory() -> None:
    turns = tuple(AskedTurn(n / 10, n, n) for n in range(1, 11))
    run = LoadRun((SessionRun(0, turns, kept=True),), 5.0, 10, 100 * 2**20, 150 * 2**20, 109 * 2**20, Counter())
    said = as_table(run, LoadOptions(1, 10), Settings()).as_text()
    rows = {line.rsplit("  ", 1)[0].strip(): line.rsplit("  ", 1)[-1].strip() for line in said.splitlines()[3:12]}
    assert rows["errors"] == "0"
    assert rows["turns a second"] == "2.00"
    assert rows["whole turn, line included, p50 / p95, s"] == "5.50 / 9.55"
    assert rows["resident before / peak / after, MiB"] == "100 / 150 / 109"
    assert rows["after against before"] == "+9.0 %"
    assert not run.failed


def test_events_are_read_from_a_stream_of_lines() -> None:
    lines = [b": alive\n", b"\n", b"event: queued\n", b'data: {"position": 2}\n', b"\n", b'data: {"a": 1}\n', b"\n"]
    assert list(events_of(iter(lines))) == [("queued", {"position": 2}), ("", {"a": 1})]
