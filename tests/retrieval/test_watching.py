"""A followed folder and its knowledge base, on real files; the clock is the test's."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import PartUnavailable, UnknownKnowledgeBase
from retrieval.knowledge_base import KnowledgeBase, KnowledgeBaseStore
from retrieval.watching import ChangeKind, FolderWatch
from tests.retrieval.word_encoder import WordEncoder

Told = list[tuple[str, str]]


class Watched:
    """A folder, the knowledge base that follows it, and a clock that stands still between looks."""

    def __init__(self, tmp_path: Path) -> None:
        self.folder = tmp_path / "docs"
        self.folder.mkdir()
        self.store = KnowledgeBaseStore(tmp_path / "bases", WordEncoder(), busy_seconds=0.05)
        self.store.create("help")
        self.now = 0.0
        self.watch = self.follow()

    def follow(self) -> FolderWatch:
        return FolderWatch(self.folder, lambda: self.store.open("help"), clock=lambda: self.now)

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def look(self, seconds: float = 2.0) -> Told:
        self.now += seconds
        return [(change.kind.value, change.source) for change in self.watch.look()]

    def settle(self) -> Told:
        return [told for _ in range(3) for told in self.look()]

    @property
    def base(self) -> KnowledgeBase:
        return self.store.open("help")

    def texts(self) -> dict[str, str]:
        return {document.id: self.text(document.id) for document in self.base.documents()}

    def text(self, id_: str) -> str:
        known = self.base.document(id_)
        assert known is not None
        return known[1]


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path)
    yield made
    made.store.close()


def test_new_changed_renamed_and_removed_files_are_followed(watched: Watched) -> None:
    watched.write("a.md", "heron")
    watched.write("plans/b.md", "otter")
    assert watched.settle() == [("new", "docs/a.md"), ("new", "docs/plans/b.md")]
    watched.write("a.md", "badger badger")
    assert watched.settle() == [("changed", "docs/a.md")]
    (watched.folder / "plans/b.md").rename(watched.folder / "plans/c.md")
    assert sorted(watched.settle()) == [("gone", "docs/plans/b.md"), ("new", "docs/plans/c.md")]
    (watched.folder / "a.md").unlink()
    assert watched.settle() == [("gone", "docs/a.md")]
    assert watched.texts() == {"plans/c.md": "otter"}
    assert watched.settle() == []


def test_a_file_is_taken_only_when_it_has_been_the_same_for_an_interval(watched: Watched) -> None:
    watched.write("a.md", "half")
    assert watched.look() == []
    watched.write("a.md", "half written")
    assert watched.look() == []
    assert watched.look(1.0) == [], "a second is less than the interval"
    assert watched.look(1.0) == [("new", "docs/a.md")]
    assert watched.texts() == {"a.md": "half written"}


def test_a_file_that_is_written_anew_by_deleting_it_first_is_never_missing(watched: Watched) -> None:
    watched.write("a.md", "heron")
    watched.settle()
    (watched.folder / "a.md").unlink()
    watched.write("b.md", "otter")
    assert watched.look() == []
    watched.write("a.md", "badger")
    assert watched.settle() == [("new", "docs/b.md"), ("changed", "docs/a.md")]
    assert watched.texts() == {"a.md": "badger", "b.md": "otter"}


def test_an_unreadable_file_is_told_once_keeps_what_is_known_and_is_tried_again(watched: Watched) -> None:
    watched.write("a.md", "heron")
    watched.write("b.md", "otter")
    watched.settle()
    (watched.folder / "a.md").write_bytes(b"\0\1\2 binary")
    assert watched.settle() == [("skipped", "docs/a.md")]
    watched.write("b.md", "otter again")
    assert watched.settle() == [("changed", "docs/b.md")], "not told again"
    assert watched.texts() == {"a.md": "heron", "b.md": "otter again"}
    watched.write("a.md", "badger")
    assert watched.settle() == [("changed", "docs/a.md")]


def test_a_missing_folder_is_waited_for_and_nothing_is_removed(watched: Watched) -> None:
    watched.write("a.md", "heron")
    watched.write("b.md", "otter")
    watched.settle()
    aside = watched.folder.with_name("aside")
    watched.folder.rename(aside)
    assert watched.settle() == [("waiting", str(watched.folder))]
    assert set(watched.texts()) == {"a.md", "b.md"}
    aside.rename(watched.folder)
    (watched.folder / "a.md").unlink()
    assert watched.settle() == [("gone", "docs/a.md")]


def test_an_emptied_folder_removes_nothing_also_not_at_the_start(watched: Watched) -> None:
    watched.write("a.md", "heron")
    watched.write("b.md", "otter")
    watched.settle()
    shutil.rmtree(watched.folder)
    watched.folder.mkdir()
    assert watched.settle() == [("waiting", str(watched.folder))]
    watched.watch = watched.follow()
    assert watched.settle() == [("waiting", str(watched.folder))]
    assert set(watched.texts()) == {"a.md", "b.md"}
    watched.write("b.md", "otter")
    assert watched.settle() == [("gone", "docs/a.md")]


def test_what_went_while_nobody_watched_goes_at_the_start(watched: Watched) -> None:
    watched.write("a.md", "heron")
    watched.write("b.md", "otter")
    watched.settle()
    (watched.folder / "a.md").unlink()
    watched.watch = watched.follow()
    assert watched.settle() == [("gone", "docs/a.md")]


def test_documents_from_elsewhere_are_left_alone(watched: Watched, tmp_path: Path) -> None:
    from retrieval.ingestion import ingest

    other = tmp_path / "other"
    other.mkdir()
    (other / "x.md").write_text("crow")
    ingest([other], watched.base)
    watched.write("a.md", "heron")
    watched.settle()
    (watched.folder / "a.md").unlink()
    watched.write("b.md", "otter")
    watched.settle()
    assert set(watched.texts()) == {"x.md", "b.md"}


def test_a_row_that_left_a_changed_file_is_gone(watched: Watched) -> None:
    watched.write("faq.csv", "id,q,a\n1,Who?,Me.\n2,What?,This.\n")
    watched.write("a.md", "heron")
    watched.settle()
    watched.write("faq.csv", "id,q,a\n2,What?,This.\n")
    assert watched.settle() == [("changed", "docs/faq.csv")]
    assert set(watched.texts()) == {"faq.csv#2", "a.md"}


def test_an_id_stays_with_the_file_that_has_it_until_that_is_gone(watched: Watched) -> None:
    watched.write("a.md", "---\nid: bee\n---\nBees fly.")
    watched.settle()
    watched.write("b.md", "---\nid: bee\n---\nOther bees.")
    assert watched.settle() == [("skipped", "docs/b.md")]
    assert watched.texts() == {"bee": "Bees fly."}
    (watched.folder / "a.md").unlink()
    assert sorted(watched.settle()) == [("gone", "docs/a.md"), ("new", "docs/b.md")]
    assert watched.texts() == {"bee": "Other bees."}


def test_while_another_process_writes_it_waits_and_loses_nothing(watched: Watched) -> None:
    watched.write("a.md", "heron")
    watched.look()
    with watched.base._catalogue._file.writing():
        assert watched.settle() == [("waiting", str(watched.folder))]
    assert watched.settle() == [("new", "docs/a.md")]


def test_it_ends_when_the_knowledge_base_is_gone(watched: Watched) -> None:
    watched.write("a.md", "heron")
    watched.settle()
    watched.store.remove("help")
    watched.write("a.md", "otter")
    with pytest.raises(UnknownKnowledgeBase, match="help"):
        watched.settle()


def test_following_sleeps_between_looks_and_compacts_after_changes(watched: Watched) -> None:
    slept: list[float] = []
    compacted: list[int] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        watched.now += seconds
        if len(slept) == 4:
            (watched.folder / "a.md").unlink()

    def compact() -> None:
        compacted.append(len(slept))
        if len(compacted) == 1:
            raise PartUnavailable("The disk is full.")

    watched.write("a.md", "heron")
    watched.write("b.md", "otter")
    watch = FolderWatch(
        watched.folder,
        lambda: watched.base,
        after=compact,
        interval_seconds=0.5,
        clock=lambda: watched.now,
        sleep=sleep,
    )
    told = list(itertools.islice(watch.follow(), 4))
    assert [(change.kind, change.reason) for change in told] == [
        (ChangeKind.ADDED, ""),
        (ChangeKind.ADDED, ""),
        (ChangeKind.WAITING, "The disk is full."),
        (ChangeKind.REMOVED, ""),
    ]
    assert slept == [0.5] * 5
    assert compacted == [1, 5]
