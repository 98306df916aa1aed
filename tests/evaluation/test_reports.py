from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from domain.errors import Misconfigured
from evaluation.reports import Table, circumstances, git_commit, model_hashes

TABLE = Table("T", ("stage", "ms"), (("rewrite", "61"), ("a|b", "7")), {"commit": "abc"}, {"rewrite": 0.061})


def test_text_columns_stand_under_each_other() -> None:
    lines = TABLE.as_text().splitlines()
    assert lines[2:6] == ["stage    ms", "───────────", "rewrite  61", "a|b       7"]
    assert lines[-1] == "commit: abc"


def test_markdown_is_a_table_whatever_the_cells_hold() -> None:
    lines = TABLE.as_markdown().splitlines()
    assert lines[2:6] == ["| stage | ms |", "| --- | ---: |", "| rewrite | 61 |", "| a\\|b | 7 |"]
    assert "- commit: abc" in lines


@pytest.mark.parametrize("suffix", [".json", ".md", ".txt"])
def test_the_suffix_chooses_the_form(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"report{suffix}"
    TABLE.write(path)
    wanted = {".json": TABLE.as_json(), ".md": TABLE.as_markdown(), ".txt": TABLE.as_text()}[suffix]
    assert path.read_text("utf-8") == wanted


def test_json_holds_the_numbers_and_not_the_cells() -> None:
    assert json.loads(TABLE.as_json()) == {"title": "T", "facts": {"commit": "abc"}, "results": {"rewrite": 0.061}}


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"no/report\.md"):
        TABLE.write(tmp_path / "no" / "report.md")


def test_weights_are_named_by_their_hash(tmp_path: Path) -> None:
    (tmp_path / "reader").mkdir()
    (tmp_path / "reader/model.safetensors").write_bytes(b"weights")
    (tmp_path / "notes").mkdir()
    assert model_hashes(tmp_path) == {"reader": hashlib.sha256(b"weights").hexdigest()[:12]}
    assert model_hashes(tmp_path / "absent") == {}


def test_the_commit_says_when_files_differ_from_it(tmp_path: Path) -> None:
    assert git_commit(tmp_path) == "unknown"

    def git(*arguments: str) -> None:
        identity = ("-c", "user.name=t", "-c", "user.email=t@t.example")
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True)

    (tmp_path / "file").write_text("one")
    git("init")
    git("add", ".")
    git("commit", "-m", "first")
    clean = git_commit(tmp_path)
    (tmp_path / "file").write_text("two")
    assert git_commit(tmp_path) == f"{clean}+changes"


def test_circumstances_hold_settings_that_can_be_read_back() -> None:
    facts = circumstances({"port": 1}, Path("absent"))
    assert json.loads(facts["settings"]) == {"port": 1}
    assert facts["weights"] == "none shipped"
