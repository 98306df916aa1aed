from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from bot.shipped import SHIPPED, SHIPPED_FOLDER, ShippedBase, ensure_shipped, fingerprint
from domain.protocols import IngestReport
from retrieval.ingestion import IngestProgress, ingest
from retrieval.knowledge_base import KnowledgeBaseStore
from tests.retrieval.word_encoder import WordEncoder


class Ingesting:
    """The part of the assistant that fills knowledge bases; ``fails`` makes the next run break off."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.knowledge = KnowledgeBaseStore(folder, WordEncoder())
        self.runs = 0
        self.fails = False

    def ingest(
        self,
        knowledge_base: str,
        paths: Sequence[Path],
        *,
        rebuild: bool = False,
        prune: bool = False,
        progress: Callable[[IngestProgress], None] | None = None,
    ) -> IngestReport:
        self.runs += 1
        if self.fails:
            raise KeyboardInterrupt
        if rebuild:
            with self.knowledge.rebuilding(knowledge_base) as fresh:
                return ingest(paths, fresh, progress=progress)
        return ingest(paths, self.knowledge.open(knowledge_base), prune=prune, progress=progress)


@pytest.fixture
def handbook(tmp_path: Path) -> Path:
    folder = tmp_path / "knowledge" / "harbourline"
    folder.mkdir(parents=True)
    for name in ("fees", "lights"):
        (folder / f"{name}.md").write_text(f"# {name}\n\nAll about {name}.\n")
    return folder


@pytest.fixture
def bot(tmp_path: Path) -> Ingesting:
    return Ingesting(tmp_path / "bases")


def ensured(bot: Ingesting, handbook: Path, names: set[str] | None = None) -> list[tuple[str, int]]:
    data = handbook.parents[1] / "data"
    found = ensure_shipped(bot, data, names, folder=handbook.parent)
    return [(name, report.added + report.replaced) for name, report in found]


def test_a_missing_knowledge_base_is_made_once_with_its_title_and_examples(bot: Ingesting, handbook: Path) -> None:
    assert ensured(bot, handbook) == [("harbourline", 2)]
    assert ensured(bot, handbook) == []
    info = bot.knowledge.info("harbourline")
    assert (info.title, info.document_count, info.examples) == ("Harbourline help", 2, SHIPPED[0].examples)
    assert bot.runs == 1


def test_changed_files_are_taken_over_and_deleted_ones_go(bot: Ingesting, handbook: Path) -> None:
    ensured(bot, handbook)
    (handbook / "fees.md").write_text("# fees\n\nOther fees.\n")
    (handbook / "lights.md").unlink()
    assert ensured(bot, handbook) == [("harbourline", 1)]
    assert bot.knowledge.info("harbourline").document_count == 1


def test_a_removed_knowledge_base_comes_back(bot: Ingesting, handbook: Path) -> None:
    ensured(bot, handbook)
    bot.knowledge.remove("harbourline")
    assert ensured(bot, handbook) == [("harbourline", 2)]


def test_a_run_that_broke_off_is_taken_up_again(bot: Ingesting, handbook: Path) -> None:
    bot.fails = True
    with pytest.raises(KeyboardInterrupt):
        ensured(bot, handbook)
    bot.fails = False
    assert ensured(bot, handbook) == [("harbourline", 2)]


def test_only_the_named_ones_are_looked_after(bot: Ingesting, handbook: Path) -> None:
    assert ensured(bot, handbook, {"public-services"}) == []
    assert ensured(bot, handbook, {"harbourline"}) == [("harbourline", 2)]


def test_an_installation_without_the_files_has_none(bot: Ingesting, tmp_path: Path) -> None:
    assert list(ensure_shipped(bot, tmp_path / "data", folder=tmp_path / "nowhere")) == []


def test_the_fingerprint_follows_names_and_contents(handbook: Path) -> None:
    before = fingerprint(handbook)
    assert fingerprint(handbook) == before
    (handbook / "fees.md").rename(handbook / "costs.md")
    assert fingerprint(handbook) != before


@pytest.mark.parametrize("base", SHIPPED, ids=lambda base: base.name)
def test_what_is_listed_is_in_the_repository(base: ShippedBase) -> None:
    assert list((SHIPPED_FOLDER / base.folder).rglob("*.md"))


def test_a_base_made_by_an_earlier_encoder_is_made_anew(bot: Ingesting, handbook: Path, tmp_path: Path) -> None:
    list(ensure_shipped(bot, tmp_path, folder=handbook.parent))
    bot.knowledge = KnowledgeBaseStore(tmp_path / "bases", WordEncoder(dimension=32))
    ((name, report),) = ensure_shipped(bot, tmp_path, folder=handbook.parent)
    assert (name, report.added) == ("harbourline", 2)
    assert bot.knowledge.info("harbourline").document_count == 2
