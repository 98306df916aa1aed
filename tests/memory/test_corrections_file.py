from __future__ import annotations

import os
from pathlib import Path
from threading import Thread

import pytest

from domain.corrections import Correction, CorrectionKind, Excerpt
from domain.errors import PartUnavailable
from memory.corrections_file import CorrectionFile

FEES = Excerpt("fees#1", "fees", "Fees › Moving", "Moving costs £20.")


def correction(name: str) -> Correction:
    return Correction(
        name, 1_790_000_000.5, "Ann", CorrectionKind.ANSWER, "help", "and moving?", "What does moving cost?",
        ("What does a visit cost?", "£60"), "£60", "£20", FEES, (Excerpt("visits#0", "visits", "Visits", "£60 …"),),
        "the wrong “fee”\nwas quoted", "owner/c1/t9",
    )  # fmt: skip


def test_what_was_added_is_read_back_as_it_was_the_oldest_first(tmp_path: Path) -> None:
    store = CorrectionFile(tmp_path / "data" / "corrections.jsonl")
    assert list(store.all()) == []
    store.add(correction("a"))
    store.add(correction("b"))
    assert list(CorrectionFile(tmp_path / "data" / "corrections.jsonl").all()) == [correction("a"), correction("b")]


def test_a_line_that_a_killed_writer_cut_short_costs_nothing_but_itself(tmp_path: Path) -> None:
    path = tmp_path / "corrections.jsonl"
    store = CorrectionFile(path)
    store.add(correction("a"))
    with path.open("ab") as file:
        file.write(b'{"id": "cut sho')
    store.add(correction("b"))
    assert [one.id for one in store.all()] == ["a", "b"]


def test_writers_at_the_same_time_all_add(tmp_path: Path) -> None:
    names = [f"{writer}-{number}" for writer in range(4) for number in range(10)]
    stores = [CorrectionFile(tmp_path / "corrections.jsonl") for _ in range(4)]

    def write(writer: int) -> None:
        for number in range(10):
            stores[writer].add(correction(f"{writer}-{number}"))

    threads = [Thread(target=write, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.id for one in stores[0].all()) == sorted(names)


def test_a_line_of_another_shape_is_named_rather_than_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "corrections.jsonl"
    CorrectionFile(path).add(correction("a"))
    path.write_bytes(path.read_bytes() + b'{"id": 5}\n')
    with pytest.raises(PartUnavailable, match=r"Line 2 of “corrections.jsonl” is no correction"):
        CorrectionFile(path).all()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PartUnavailable, match="cannot be kept"):
        CorrectionFile(tmp_path / "corrections.jsonl").add(correction("a"))


def test_a_folder_in_the_place_of_the_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "corrections.jsonl").mkdir()
    store = CorrectionFile(tmp_path / "corrections.jsonl")
    with pytest.raises(PartUnavailable, match="cannot be kept"):
        store.add(correction("a"))
    with pytest.raises(PartUnavailable, match="cannot be read"):
        store.all()
