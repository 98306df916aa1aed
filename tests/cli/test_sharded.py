from __future__ import annotations

import pickle
from functools import partial
from pathlib import Path

import pytest

from bot.assembly_models import Models, encoder_maker
from cli.sharded import EngineName, ShardOptions, check_options, ingest_in_shards, run_in_shards
from domain.errors import Misconfigured
from retrieval.knowledge_base import KnowledgeBaseStore
from settings import Settings, load_settings
from tests.retrieval.hub_models import save_sentence_transformer
from tests.retrieval.word_encoder import WordEncoder

MAKE = partial(WordEncoder, 16)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path / "data")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rows.tsv"
    path.write_text("id\ttext\ttitle\n" + "".join(f"{n}\tText {n}.\tTitle\n" for n in range(7)) + "7\t\tEmpty\n")
    return path


def ids(settings: Settings) -> set[str]:
    store = KnowledgeBaseStore(settings.data_dir / "knowledge", MAKE())
    return {document.id for document in store.open("rows").documents()}


@pytest.mark.parametrize("engine", ["local", "processes"])
def test_rows_become_a_knowledge_base_by_way_of_shards(
    settings: Settings, file: Path, tmp_path: Path, engine: EngineName
) -> None:
    options = ShardOptions(tmp_path / "shards", engine, workers=1, passages_per_shard=3)
    report = run_in_shards(settings, "rows", [file], options, MAKE)
    assert (report.added, report.passages) == (7, 7)
    assert [reason.startswith("Row 8 of") for _, reason in report.skipped] == [True]
    assert sorted(path.name for path in options.folder.glob("*.npz")) == ["00000.npz", "00001.npz", "00002.npz"]
    assert ids(settings) == {f"rows.tsv#{n}" for n in range(7)}


def test_a_second_run_finds_all_done_and_tells_the_same_rows(settings: Settings, file: Path, tmp_path: Path) -> None:
    options = ShardOptions(tmp_path / "shards", passages_per_shard=3)
    first = run_in_shards(settings, "rows", [file], options, MAKE)
    again = run_in_shards(settings, "rows", [file], options, MAKE)
    assert (again.added, again.unchanged, again.skipped) == (0, 7, first.skipped)


def test_rebuilding_puts_the_shards_in_place_of_what_was_there(settings: Settings, file: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.tsv"
    other.write_text("id\ttext\n1\tOther.\n")
    run_in_shards(settings, "rows", [other], ShardOptions(tmp_path / "one"), MAKE)
    run_in_shards(settings, "rows", [file], ShardOptions(tmp_path / "two"), MAKE, rebuild=True)
    assert "other.tsv#1" not in ids(settings)
    assert len(ids(settings)) == 7


def test_a_missing_file_is_said_before_anything_is_made(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="no file or folder"):
        run_in_shards(settings, "rows", [tmp_path / "nowhere"], ShardOptions(tmp_path / "shards"), MAKE)
    assert not (tmp_path / "shards").exists()


def test_options_that_do_not_go_together_are_told() -> None:
    check_options(None, "local", prune=True)
    check_options(Path("shards"), "ray", prune=False)
    with pytest.raises(Misconfigured, match="engine ray works shard by shard"):
        check_options(None, "ray", prune=False)
    with pytest.raises(Misconfigured, match="--prune does not go with --shards"):
        check_options(Path("shards"), "local", prune=True)


def test_the_encoder_that_the_hub_profile_names_makes_the_vectors(file: Path, tmp_path: Path) -> None:
    folder = save_sentence_transformer(tmp_path / "model", 0)
    named = load_settings(data_dir=tmp_path / "data", generation={"profile": "hub"}, hub={"encoder": str(folder)})
    report = ingest_in_shards(named, "rows", [file], ShardOptions(tmp_path / "shards", passages_per_shard=3))
    assert report.added == 7
    encoder = Models(named).encoder
    assert encoder.fingerprint.startswith("sentence-transformers/")
    store = KnowledgeBaseStore(named.data_dir / "knowledge", encoder)
    assert len(list(store.open("rows").documents())) == 7  # vectors of another encoder would be refused
    store.close()


def test_no_secret_goes_where_the_encoder_is_made(tmp_path: Path) -> None:
    told = load_settings(data_dir=tmp_path, redis_url="redis://:hush@localhost:1", hand_off_secret="hush" * 9)
    assert b"hush" not in pickle.dumps(encoder_maker(told))
