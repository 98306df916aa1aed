"""The promises of ``OperatorBook``, put to every implementation. The sixth is the server's, and proved for
conversations in ``tests/memory/test_durability.py``: the book is in the same append-only file."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator

import pytest

from domain.errors import PartUnavailable
from domain.hand_off import HandOffState
from domain.operating import AuditEntry, Mark, OperatorBook
from domain.protocols import MemoryLimits
from memory.embedded_server import EmbeddedRedis
from memory.operator_book import LONGEST_NOTE, InMemoryOperatorBook
from memory.redis_operator_book import RedisOperatorBook
from memory.redis_store import RedisConversationStore

NewBook = Callable[[], OperatorBook]
OPEN, TAKEN, DONE = HandOffState.OPEN, HandOffState.TAKEN, HandOffState.DONE


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisConversationStore]:
    with EmbeddedRedis(tmp_path_factory.mktemp("redis")) as server:
        yield RedisConversationStore(server.url, MemoryLimits(None, 10, 100_000))


@pytest.fixture(params=["in memory", "embedded Redis"])
def book(request: pytest.FixtureRequest, store: RedisConversationStore) -> OperatorBook:
    """A book for three marks and four changes, whose clock goes on by a second each time, from 1000."""
    seconds = itertools.count(1000)
    clock = lambda: float(next(seconds))  # noqa: E731
    if request.param == "in memory":
        return InMemoryOperatorBook(clock, marks=3, entries=4)
    store.run_script("redis.call('FLUSHALL') return 1", [], [])
    return RedisOperatorBook(store.run_script, clock, marks=3, entries=4)


def entry(number: int, new: str = "0.6") -> AuditEntry:
    return AuditEntry(1_790_000_000.25 + number, "Ann", "weighting.abstain_below", "0.5", new)


def test_a_new_book_is_empty(book: OperatorBook) -> None:
    assert (dict(book.marks()), dict(book.settings()), list(book.audit(10))) == ({}, {}, [])


def test_an_entry_is_taken_and_done(book: OperatorBook) -> None:
    assert book.take("turn 1", "Ann")
    assert book.marks()["turn 1"] == Mark(TAKEN, "Ann", "", 1000.0)
    assert not book.take("turn 1", "Bob")
    assert book.finish("turn 1", "Bob")
    assert not book.finish("turn 1", "Ann")
    assert not book.take("turn 1", "Ann")
    mark = book.marks()["turn 1"]
    assert (mark.state, mark.by) == (DONE, "Bob")


def test_what_nobody_took_can_be_done(book: OperatorBook) -> None:
    assert book.finish("turn 1", "Ann")
    assert book.marks()["turn 1"].state is DONE


def test_a_note_changes_nothing_else(book: OperatorBook) -> None:
    book.note("turn 1", "Ann", "ask the “Hull” shop\nfirst")
    assert book.marks()["turn 1"] == Mark(OPEN, "Ann", "ask the “Hull” shop\nfirst", 1000.0)
    assert book.take("turn 1", "Bob")
    book.note("turn 1", "Ann", "")
    mark = book.marks()["turn 1"]
    assert (mark.state, mark.by, mark.note) == (TAKEN, "Bob", "")


def test_a_long_note_is_cut(book: OperatorBook) -> None:
    book.note("turn 1", "Ann", "é" * (LONGEST_NOTE + 1))
    assert book.marks()["turn 1"].note == "é" * LONGEST_NOTE


def test_the_longest_untouched_marks_go_first(book: OperatorBook) -> None:
    for key in ("a", "b", "c"):
        book.take(key, "Ann")
    book.note("a", "Ann", "again")
    book.take("d", "Ann")
    assert sorted(book.marks()) == ["a", "c", "d"]


def test_of_several_who_take_one_exactly_one_is_told_yes(book: OperatorBook) -> None:
    told: list[bool] = []
    threads = [threading.Thread(target=lambda: told.append(book.take("turn 1", "x"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [False] * 7 + [True]


def test_the_audit_is_read_back_newest_first_and_bounded(book: OperatorBook) -> None:
    for number in range(6):
        book.record(entry(number))
    assert list(book.audit(10)) == [entry(5), entry(4), entry(3), entry(2)]
    assert list(book.audit(1)) == [entry(5)]
    assert list(book.audit(0)) == []


def test_only_what_is_a_setting_is_kept_as_one(book: OperatorBook) -> None:
    book.record(AuditEntry(1.0, "Ann", "document help/prices", "Prices", ""))
    book.record(entry(0, "0.6"), "weighting.abstain_below")
    book.record(entry(1, "0.7"), "weighting.abstain_below")
    book.record(entry(2, "fixed"), "weighting.mode")
    assert dict(book.settings()) == {"weighting.abstain_below": "0.7", "weighting.mode": "fixed"}


def test_the_version_rises_with_each_setting_and_with_nothing_else(book: OperatorBook) -> None:
    assert book.version() == 0
    book.record(AuditEntry(1.0, "Ann", "document help/prices", "Prices", ""))
    book.tally(AuditEntry(1.0, "ann", "log-in", "", ""))
    assert book.version() == 0
    book.record(entry(0, "0.6"), "weighting.abstain_below")
    book.record(entry(1, "0.6"), "weighting.abstain_below")
    assert book.version() == 2


def test_what_is_counted_is_one_line_an_hour_and_stands_among_the_changes(book: OperatorBook) -> None:
    hour = 3600.0 * 500_000
    for second in (0.0, 20.5, 40.25):
        book.tally(AuditEntry(hour + second, "ann", "failed log-in", "", ""))
    book.tally(AuditEntry(hour + 30, "ann", "log-in", "", ""))
    change = AuditEntry(hour + 35, "Bob", "weighting.mode", "adaptive", "fixed")
    book.record(change)
    book.tally(AuditEntry(hour + 3600, "ann", "failed log-in", "", ""))
    assert list(book.audit(10)) == [
        AuditEntry(hour + 3600, "ann", "failed log-in", "", ""),
        AuditEntry(hour + 40.25, "ann", "failed log-in", "", "", 3),
        change,
        AuditEntry(hour + 30, "ann", "log-in", "", ""),
    ]
    assert [one.count for one in book.audit(2)] == [1, 3]


def test_what_is_counted_pushes_no_change_out(book: OperatorBook) -> None:
    for number in range(4):
        book.record(entry(number))
    for number in range(20):
        book.tally(AuditEntry(float(number), f"user {number}", "log-in", "", ""))
    assert list(book.audit(4)) == [entry(3), entry(2), entry(1), entry(0)]


@pytest.mark.parametrize(
    "text", ["", "a\x00b", "中文 🏳️‍🌈", '{"not": "an entry"}'], ids=["empty", "zero", "letters", "JSON"]
)
def test_any_text_is_kept_as_it_is(book: OperatorBook, text: str) -> None:
    book.record(AuditEntry(1.0, text, text, text, text))
    assert list(book.audit(1)) == [AuditEntry(1.0, text, text, text, text)]
    book.tally(AuditEntry(2.0, text, text, text, text))
    assert list(book.audit(1)) == [AuditEntry(2.0, text, text, text, text)]
    book.note(text, text, text)
    assert book.marks()[text] == Mark(OPEN, text, text, 1000.0)


def test_what_cannot_be_read_is_said(store: RedisConversationStore) -> None:
    store.run_script("redis.call('FLUSHALL') redis.call('LPUSH', KEYS[1], '{}')", ["colloquy:v1:{operators}:audit"], [])
    with pytest.raises(PartUnavailable, match="audit cannot be read"):
        RedisOperatorBook(store.run_script).audit(5)
    mark = "redis.call('ZADD', KEYS[1], 1, 'a') redis.call('HSET', KEYS[2], 'state', 'lost', 'at', '1')"
    keys = ["colloquy:v1:{operators}:touched", "colloquy:v1:{operators}:mark:a"]
    store.run_script(mark, keys, [])
    with pytest.raises(PartUnavailable, match="mark of the operators' queue cannot be read"):
        RedisOperatorBook(store.run_script).marks()
