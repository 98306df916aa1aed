from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from cli.indexes import applied, indexes
from domain.errors import ColloquyError, Misconfigured
from retrieval.index_spec import Family, parse_spec
from retrieval.knowledge_base import KnowledgeBaseStore
from tests.retrieval.word_encoder import WordEncoder, prepared


def run(*typed: str) -> int:
    """The group alone, as ``colloquy index`` runs it."""
    try:
        indexes(args=list(typed), prog_name="colloquy index")
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A knowledge base of forty short documents."""
    monkeypatch.setenv("COLLOQUY_DATA_DIR", str(tmp_path / "data"))
    store = KnowledgeBaseStore(tmp_path / "data" / "knowledge", WordEncoder(32))
    store.create("shops").put_many(
        [prepared(f"d{n}", f"shop {n} in town {n % 7} opens at {n % 12}") for n in range(40)]
    )
    store.close()
    return "shops"


@pytest.mark.parametrize("command", ["tune", "bench"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command, "--help") == 0
    assert f"Usage: colloquy index {command} " in capsys.readouterr().out


def test_tuning_names_the_cheapest_and_says_how_to_keep_it(
    base: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.json"
    assert run("tune", base, "--recall", "0.9", "--k", "3", "--output", str(report)) == 0
    shown = capsys.readouterr()
    told = json.loads(report.read_text("utf-8"))
    assert [one["spec"].partition(":")[0] for one in told["results"]] == ["flat", "sq8", "hnsw", "ivf-flat"]
    [chosen] = [one for one in told["results"] if one["chosen"]]
    assert chosen["recall"] >= 0.9
    assert chosen["spec"].startswith("sq8"), "the fewest bytes"
    assert f'index = "{chosen["spec"]}"' in shown.err
    assert "recall@3" in shown.out
    assert not list((tmp_path / "data").rglob("vectors.faiss"))


def test_what_was_chosen_is_made_and_kept_to(tmp_path: Path) -> None:
    store = KnowledgeBaseStore(tmp_path, WordEncoder(32))
    base = store.create("shops")
    base.put_many([prepared(f"d{n}", f"shop {n} in town {n % 7}") for n in range(40)])
    assert applied(store, "shops", parse_spec("sq8:refine=10")).family is Family.SQ8
    assert len(list(tmp_path.rglob("vectors.faiss"))) == 1
    assert base.compact().family is Family.SQ8


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        (["tune", "nothing-here"], "There is no knowledge base 'nothing-here'"),
        (["tune", "nothing-here", "--recall", "98"], "at most 1, not 98"),
        (["bench", "--vectors", "100", "--specs", "flat;annoy"], "There is no index family 'annoy'"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    typed: Sequence[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLLOQUY_DATA_DIR", str(tmp_path / "data"))
    with pytest.raises(ColloquyError, match=told) as caught:
        run(*typed)
    assert isinstance(caught.value, Misconfigured)


def test_a_bench_prints_its_table_and_leaves_its_stages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    typed = ["bench", "--vectors", "900", "--dimension", "16", "--specs", "flat; ivf-flat:lists=5"]
    assert run(*typed, "--folder", str(tmp_path / "bench"), "--output", str(tmp_path / "report.md")) == 0
    shown = capsys.readouterr().out
    assert "Vector indexes of 900 vectors" in shown
    assert "ivf-flat:lists=5" in shown
    assert "| recall@10 |" in (tmp_path / "report.md").read_text("utf-8")
    assert (tmp_path / "bench" / "900x16" / "ivf-flat-lists-5" / "probe.json").is_file()
