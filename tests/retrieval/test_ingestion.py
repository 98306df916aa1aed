from __future__ import annotations

from pathlib import Path

import pytest

from domain.errors import Misconfigured
from retrieval.ingestion import IngestProgress, ingest
from retrieval.seen_ids import SeenIds
from tests.retrieval.fakes import BatchingMemoryIndex, MemoryIndex


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "kb"
    (root / "plans").mkdir(parents=True)
    (root / "b.md").write_text("---\nid: bee\n---\n# Bee\n\nBees fly.")
    (root / "a.txt").write_text("Ants walk.")
    (root / "plans" / "c.csv").write_text("id,q,a\n1,Who?,Me.\n2,What?,This.\n")
    (root / ".hidden.md").write_text("hidden")
    return root


def test_files_are_taken_in_sorted_order_and_hidden_ones_passed_over(folder: Path) -> None:
    index = MemoryIndex()
    report = ingest([folder], index)
    assert index.puts == ["a.txt", "bee", "plans/c.csv#1", "plans/c.csv#2"]
    assert (report.added, report.replaced, report.unchanged, report.passages) == (4, 0, 0, 4)
    assert report.skipped == ()


def test_a_second_run_changes_nothing(folder: Path) -> None:
    index = MemoryIndex()
    ingest([folder], index)
    report = ingest([folder], index)
    assert (report.added, report.replaced, report.unchanged) == (0, 0, 4)
    assert len(index.puts) == 4


def test_only_what_changed_is_replaced(folder: Path) -> None:
    index = MemoryIndex()
    ingest([folder], index)
    (folder / "plans" / "c.csv").write_text("id,q,a\n1,Who?,Me.\n2,What?,That.\n")
    report = ingest([folder], index)
    assert (report.replaced, report.unchanged) == (1, 3)
    assert index.puts[4:] == ["plans/c.csv#2"]
    assert index.stored["plans/c.csv#2"].passages[0].text == "That."


def test_one_bad_file_does_not_stop_the_others(folder: Path) -> None:
    (folder / "a0.pdf").write_bytes(b"broken")
    (folder / "notes.xyz").write_text("x")
    (folder / "only.md").write_text("# Title\n\n## Another")
    report = ingest([folder], MemoryIndex())
    assert report.added == 4
    reasons = dict(report.skipped)
    assert "damaged" in reasons["kb/a0.pdf"]
    assert "cannot be read" in reasons["kb/notes.xyz"]
    assert "headings but no text" in reasons["kb/only.md"]


def test_a_second_document_of_one_id_is_skipped(folder: Path) -> None:
    (folder / "z.md").write_text("---\nid: bee\n---\nOther bees.")
    index = MemoryIndex()
    report = ingest([folder], index)
    assert index.stored["bee"].text == "Bee\n\nBees fly."
    assert report.skipped[0][0] == "kb/z.md"
    assert "“bee” was already used" in report.skipped[0][1]


def test_a_file_given_twice_is_read_once(folder: Path) -> None:
    report = ingest([folder, folder / "a.txt"], MemoryIndex())
    assert (report.added, report.skipped) == (4, ())


def test_a_missing_path_is_said_before_anything_is_done(folder: Path) -> None:
    index = MemoryIndex()
    with pytest.raises(Misconfigured, match=r"There is no file or folder “.*nowhere”"):
        ingest([folder, folder / "nowhere"], index)
    assert index.puts == []


def test_pruning_deletes_what_is_gone_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_text("Other.")
    index = MemoryIndex()
    ingest([folder, other], index)
    (folder / "b.md").unlink()
    (folder / "plans" / "c.csv").write_text("id,q,a\n1,Who?,Me.\n")
    (folder / "a.txt").write_bytes(b"\0\0")  # still there, but no longer readable: what is known of it stays
    ingest([folder], index, prune=True)
    assert sorted(index.stored) == ["a.txt", "other.txt", "plans/c.csv#1"]


def test_without_pruning_nothing_is_deleted(folder: Path) -> None:
    index = MemoryIndex()
    ingest([folder], index)
    (folder / "b.md").unlink()
    ingest([folder], index)
    assert "bee" in index.stored


def rows(folder: Path, count: int) -> Path:
    path = folder / "many.tsv"
    path.write_text("id\ttext\ttitle\n" + "".join(f"{n}\tText {n}.\tTitle\n" for n in range(count)))
    return path


def test_documents_are_stored_in_batches(tmp_path: Path) -> None:
    index = BatchingMemoryIndex()
    assert ingest([rows(tmp_path, 1100)], index).added == 1100
    assert index.batches == [512, 512, 76]


def test_a_run_that_died_goes_on_where_it_stopped(tmp_path: Path) -> None:
    index = BatchingMemoryIndex(fail_at_batch=2)
    with pytest.raises(OSError, match="No space left"):
        ingest([rows(tmp_path, 1100)], index)
    index.fail_at_batch = 0
    report = ingest([rows(tmp_path, 1100)], index)
    assert (report.unchanged, report.added) == (512, 588)
    assert len(index.puts) == len(set(index.puts)) == 1100


def test_thousands_of_bad_rows_are_summed_up(tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_text("nonsense\n" * 5000 + '{"text": "Good."}\n')
    report = ingest([tmp_path / "bad.jsonl"], MemoryIndex())
    assert report.added == 1
    assert len(report.skipped) == 21
    assert report.skipped[-1][1] == "4980 more rows of this file were skipped."


def test_progress_ends_with_everything_done(folder: Path) -> None:
    heard: list[IngestProgress] = []
    ingest([folder], MemoryIndex(), progress=heard.append)
    assert [each.files_done for each in heard] == [1, 2, 3, 3]
    assert (heard[-1].files_total, heard[-1].documents, heard[-1].passages) == (3, 4, 4)


def test_seen_ids_remember_names_and_numbers_apart() -> None:
    seen = SeenIds()
    for document_id in ("a.tsv#5", "a.tsv#007", "a.tsv#99999999999", "page", "b.tsv#100000"):
        assert document_id not in seen
        seen.add(document_id)
        assert document_id in seen
    assert not [name for name in ("a.tsv#7", "b.tsv#5", "a.tsv#6", "a.tsv#13", "5", "b.tsv#99999") if name in seen]
