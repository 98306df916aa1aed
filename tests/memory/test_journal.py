from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.conversation import Turn
from domain.errors import Misconfigured, PartUnavailable, QuestionRejected
from memory.codec import encode_turn
from memory.journal import Journal, read_journal

REPOSITORY = Path(__file__).resolve().parents[2]
MakeTurn = Callable[..., Turn]


class Shelf:
    """Takes turns in; refuses from the ``full_after``-th on, as a store that is down does."""

    def __init__(self, full_after: int = 1000) -> None:
        self.full_after = full_after
        self.taken: list[tuple[str, str, str]] = []

    def __call__(self, owner: str, conversation_id: str, turn: Turn) -> None:
        if len(self.taken) >= self.full_after:
            raise PartUnavailable("The shelf is down.")
        self.taken.append((owner, conversation_id, turn.id))


def filled(folder: Path, make_turn: MakeTurn, count: int = 3) -> Journal:
    journal = Journal(folder, 10, 100_000)
    for number in range(count):
        journal.add("me", f"c{number % 2}", encode_turn(make_turn(number)))
    return journal


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_what_waits_is_stored_once_in_order_and_leaves_no_file(tmp_path: Path, make_turn: MakeTurn) -> None:
    journal, shelf = filled(tmp_path, make_turn), Shelf()
    assert len(files(tmp_path)) == 1
    assert journal.replay(shelf) == 3
    assert journal.replay(shelf) == 0
    assert shelf.taken == [("me", "c0", "turn-0"), ("me", "c1", "turn-1"), ("me", "c0", "turn-2")]
    assert files(tmp_path) == []
    journal.add("me", "c", encode_turn(make_turn(7)))
    assert journal.replay(shelf) == 1


def test_a_journal_that_is_never_needed_makes_no_file(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "waiting", 10, 1000)
    assert journal.replay(Shelf()) == 0
    journal.close()
    assert not (tmp_path / "waiting").exists()


def test_turns_of_one_conversation_wait_in_order(tmp_path: Path, make_turn: MakeTurn) -> None:
    journal = filled(tmp_path, make_turn)
    assert journal.waiting("me", "c0") == (make_turn(0), make_turn(2))
    assert journal.waiting("you", "c0") == ()
    assert len(journal) == 3


def test_a_store_that_goes_down_again_goes_on_where_it_was(tmp_path: Path, make_turn: MakeTurn) -> None:
    journal, shelf = filled(tmp_path, make_turn), Shelf(full_after=1)
    with pytest.raises(PartUnavailable, match="shelf is down"):
        journal.replay(shelf)
    assert len(journal) == 2
    shelf.full_after = 1000
    assert journal.replay(shelf) == 2
    assert [turn for _, _, turn in shelf.taken] == ["turn-0", "turn-1", "turn-2"]


def test_another_process_takes_over_what_a_dead_one_left_and_not_what_was_stored(
    tmp_path: Path, make_turn: MakeTurn
) -> None:
    journal, shelf = filled(tmp_path, make_turn), Shelf(full_after=1)
    with pytest.raises(PartUnavailable):
        journal.replay(shelf)
    journal.close()  # lets the lock go, as the kernel does for a process that was killed
    shelf.full_after = 1000
    assert Journal(tmp_path, 10, 1000).replay(shelf) == 2
    assert [turn for _, _, turn in shelf.taken] == ["turn-0", "turn-1", "turn-2"]
    assert files(tmp_path) == []


def test_the_file_of_a_living_process_is_left_alone(tmp_path: Path, make_turn: MakeTurn) -> None:
    living, shelf = filled(tmp_path, make_turn), Shelf()
    assert Journal(tmp_path, 10, 1000).replay(shelf) == 0
    assert shelf.taken == []
    assert living.replay(shelf) == 3


def test_a_store_that_is_down_leaves_a_dead_processs_file_as_it_is(tmp_path: Path, make_turn: MakeTurn) -> None:
    filled(tmp_path, make_turn).close()
    with pytest.raises(PartUnavailable):
        Journal(tmp_path, 10, 1000).replay(Shelf(full_after=0))
    assert Journal(tmp_path, 10, 1000).replay(Shelf()) == 3


def test_a_line_that_a_crash_cut_short_is_passed_over(tmp_path: Path, make_turn: MakeTurn) -> None:
    filled(tmp_path, make_turn).close()
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for cut in (1, 20, len(whole.splitlines()[-1]) - 1):
        path.write_bytes(whole[:-cut])
        waiting = read_journal(path)
        assert [one.number for one in waiting] == ([0, 1, 2] if cut == 1 else [0, 1])
    path.write_bytes(whole.replace(b"Sixty", b"Forty", 1))
    assert [one.number for one in read_journal(path)] == [1, 2]


def test_what_a_newer_colloquy_left_is_left_for_it(tmp_path: Path, make_turn: MakeTurn) -> None:
    newer, shelf = Journal(tmp_path, 10, 100_000), Shelf()
    newer.add("me", "c", encode_turn(make_turn(1)).replace(b'"version":[1,', b'"version":[2,'))
    newer.close()
    filled(tmp_path, make_turn).close()
    assert Journal(tmp_path, 10, 1000).replay(shelf) == 3
    assert len(files(tmp_path)) == 1


def test_turns_beyond_the_bounds_are_refused_with_the_numbers(tmp_path: Path, make_turn: MakeTurn) -> None:
    journal = Journal(tmp_path, 2, 100_000)
    for number in (1, 2):
        journal.add("me", "c", encode_turn(make_turn(number)))
    with pytest.raises(PartUnavailable, match=r"2 turns wait.*at most 2 of 100,000 bytes"):
        journal.add("me", "c", encode_turn(make_turn(3)))
    small = Journal(tmp_path, 10, 2 * len(encode_turn(make_turn(1))))
    for number in (1, 2):
        small.add("me", "c", encode_turn(make_turn(number)))
    with pytest.raises(PartUnavailable, match="2 turns wait"):
        small.add("me", "c", encode_turn(make_turn(3)))
    assert len(small) == 2
    small.replay(Shelf())
    small.add("me", "c", encode_turn(make_turn(3)))


@pytest.mark.parametrize("bounds", [(0, 1), (1, 0)])
def test_bounds_below_one_are_refused(tmp_path: Path, bounds: tuple[int, int]) -> None:
    with pytest.raises(Misconfigured, match="at least 1 each"):
        Journal(tmp_path, *bounds)


def test_a_turn_that_the_store_rejects_is_let_go_and_the_others_follow(tmp_path: Path, make_turn: MakeTurn) -> None:
    journal, taken = filled(tmp_path, make_turn), list[str]()

    def picky(owner: str, conversation_id: str, turn: Turn) -> None:
        if turn.id == "turn-1":
            raise QuestionRejected("Too large.")
        taken.append(turn.id)

    assert journal.replay(picky) == 3
    assert taken == ["turn-0", "turn-2"]


def test_any_owner_and_any_text_come_back(tmp_path: Path, make_turn: MakeTurn) -> None:
    journal, shelf = Journal(tmp_path, 10, 100_000), Shelf()
    journal.add("\ud800 half:a\npair", "c\x00", encode_turn(make_turn(1, "两行\n📞 “quoted”")))
    journal.close()
    (path,) = tmp_path.iterdir()
    (waiting,) = read_journal(path)
    assert (waiting.owner, waiting.conversation_id) == ("\ud800 half:a\npair", "c\x00")
    assert waiting.turn == encode_turn(make_turn(1, "两行\n📞 “quoted”"))
    Journal(tmp_path, 10, 1000).replay(shelf)
    assert shelf.taken == [("\ud800 half:a\npair", "c\x00", "turn-1")]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, make_turn: MakeTurn) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PartUnavailable, match="cannot wait in"):
        Journal(tmp_path / "file", 10, 100_000).add("me", "c", encode_turn(make_turn(1)))


def test_turns_may_be_added_while_others_are_being_stored(tmp_path: Path, make_turn: MakeTurn) -> None:
    journal, stored, go = filled(tmp_path, make_turn), list[str](), threading.Event()

    def slow(owner: str, conversation_id: str, turn: Turn) -> None:
        go.wait(5)
        stored.append(turn.id)

    replaying = threading.Thread(target=lambda: journal.replay(slow))
    replaying.start()
    journal.add("me", "c", encode_turn(make_turn(9)))
    with pytest.raises(PartUnavailable, match="just being stored"):
        journal.replay(slow, patience_seconds=0.05)
    go.set()
    replaying.join()
    assert stored == ["turn-0", "turn-1", "turn-2", "turn-9"]
    assert files(tmp_path) == []


WRITER = """
import sys
from pathlib import Path
from domain.answer import Answer, AnswerKind
from domain.conversation import Query, Turn
from memory.codec import encode_turn
from memory.journal import Journal

journal = Journal(Path(sys.argv[1]), 100_000, 1_000_000_000)
for number in range(100_000):
    turn = Turn(f"turn-{number}", "Q?", Query("Q?", "Q?"), Answer("x" * 3000, AnswerKind.QUOTED))
    journal.add("me", "c", encode_turn(turn))
    print(number, flush=True)
"""


@pytest.mark.parametrize("lines", [1, 40])
def test_what_waits_survives_a_killed_process(tmp_path: Path, lines: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(lines)]
    os.kill(process.pid, signal.SIGKILL)
    said += process.communicate()[0].splitlines()
    last = max(int(line) for line in said if line.strip().isdigit())
    shelf = Shelf(full_after=1_000_000)
    count = Journal(tmp_path, 10, 1000).replay(shelf)
    assert count in (last + 1, last + 2)  # one may have been written and not been told
    assert [turn for _, _, turn in shelf.taken] == [f"turn-{number}" for number in range(count)]
