"""Files of one's own: only their owner's, bounded, and gone with the last of them."""

from __future__ import annotations

import pytest

from bot.own_files import FilesOfOwners
from domain.errors import DocumentRejected, UnknownKnowledgeBase
from domain.own_files import check_reachable, is_own, own_base
from retrieval.library import Library
from tests.web.fake_files import MemoryBases

TEXT = b"# Lease\n\n## Deposit\n\nThe deposit is two months of rent.\n"


@pytest.fixture
def bases() -> MemoryBases:
    return MemoryBases()


@pytest.fixture
def changed() -> list[str]:
    return []


@pytest.fixture
def files(bases: MemoryBases, changed: list[str]) -> FilesOfOwners:
    library = Library(bases, max_bytes=1000)  # type: ignore[arg-type]  # what it needs for an upload
    return FilesOfOwners(bases, bases.open, lambda *file: library.upload(*file).documents, changed.append, 2)


def test_a_file_is_its_owners_alone(files: FilesOfOwners, bases: MemoryBases, changed: list[str]) -> None:
    [document] = files.upload("me", "../lease.md", TEXT)
    assert (document.title, document.source) == ("Lease", "uploads/lease.md")
    assert [one.id for one in files.list("me")] == [document.id]
    assert files.list("somebody") == []
    assert not files.remove("somebody", document.id)
    assert changed == [own_base("me")]
    assert bases.names() == [own_base("me")]


def test_the_knowledge_base_goes_with_the_last_file(files: FilesOfOwners, bases: MemoryBases) -> None:
    [document] = files.upload("me", "lease.md", TEXT)
    assert files.remove("me", document.id)
    assert (bases.names(), files.list("me"), files.remove("me", document.id)) == ([], [], False)


def test_a_file_of_the_same_name_takes_the_place_of_the_one_before(files: FilesOfOwners) -> None:
    files.upload("me", "lease.md", TEXT)
    files.upload("me", "lease.md", TEXT.replace(b"two", b"three"))
    assert len(files.list("me")) == 1


@pytest.mark.parametrize(
    ("name", "data"),
    [("photo.png", b"\x89PNG"), ("lease.pdf", TEXT), ("lease.docx", TEXT), ("", TEXT), ("long.md", b"a " * 600)],
    ids=["a picture", "no PDF inside", "no Word inside", "no name", "too large"],
)
def test_what_cannot_be_read_leaves_nothing_behind(
    files: FilesOfOwners, bases: MemoryBases, name: str, data: bytes
) -> None:
    with pytest.raises(DocumentRejected):
        files.upload("me", name, data)
    assert bases.names() == []


def test_there_is_an_end_to_the_files_one_may_bring(files: FilesOfOwners) -> None:
    files.upload("me", "a.md", TEXT)
    files.upload("me", "b.md", TEXT)
    with pytest.raises(DocumentRejected, match="You have 2 files and 2 are kept; remove one first"):
        files.upload("me", "c.md", TEXT)
    assert files.upload("somebody", "c.md", TEXT)


def test_a_base_is_reached_by_its_owner_only_and_its_name_does_not_tell_whose_it_is() -> None:
    mine = own_base("me")
    assert (is_own(mine), is_own("harbourline"), len(mine), "me" in mine[4:]) == (True, False, 44, False)
    check_reachable(mine, "me")
    check_reachable("harbourline", "somebody")
    for other in ("somebody", ""):
        with pytest.raises(UnknownKnowledgeBase):
            check_reachable(mine, other)
