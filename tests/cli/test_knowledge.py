"""Looking after a knowledge base from the terminal: filters, following a folder, compacting, rebuilding."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.main import main
from cli.options import filtered
from domain.errors import Misconfigured
from retrieval.catalogue import info_of
from settings import load_settings


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A data directory of the test's own, and no settings file."""
    for name in list(os.environ):
        if name.upper().startswith("COLLOQUY_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLLOQUY_DATA_DIR", str(tmp_path / "data"))
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (["search", "fee", "--only", "region:UK"], "The condition 'region:UK' cannot be read"),
        (["search", "fee", "--only", "region=UK", "--only", "region=IE"], "two conditions on 'region'"),
        (["search", "fee", "--valid-on", "tomorrow"], "'tomorrow' is no day; write it as 2026-03-31"),
        (["kb", "compact", "help", "--index", "tree"], "There is no index family 'tree'"),
        (["kb", "watch", "nowhere", "--kb", "help"], "There is no folder “nowhere”"),
    ],
)
def test_what_cannot_be_read_is_said_before_anything_is_loaded(
    typed: list[str], sentence: str, capsys: pytest.CaptureFixture[str], home: Path
) -> None:
    assert main(typed) == 2
    assert sentence in capsys.readouterr().err
    assert list(home.iterdir()) == []


def test_a_commands_conditions_take_the_place_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLLOQUY_RETRIEVAL__ONLY", '["region=UK", "audience==agent"]')
    monkeypatch.setenv("COLLOQUY_RETRIEVAL__VALID_ON", "2026-01-31")
    settings = load_settings()
    assert settings.retrieval.only == ("region=UK", "audience==agent")
    assert filtered(settings, None, None) == settings
    chosen = filtered(settings, ["region=IE"], "any").retrieval
    assert (chosen.only, chosen.valid_on, chosen.top_k) == (("region=IE",), "any", 5)


@pytest.mark.parametrize(("key", "value"), [("only", '["nonsense"]'), ("valid_on", "never"), ("metric", "manhattan")])
def test_settings_that_cannot_be_read_name_their_place(key: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"COLLOQUY_RETRIEVAL__{key.upper()}", value)
    with pytest.raises(Misconfigured, match=rf"retrieval\.{key} .*COLLOQUY_RETRIEVAL__{key.upper()}"):
        load_settings()


@pytest.fixture
def interrupted(home: Path) -> Iterator[threading.Thread]:
    """Ctrl-C, once a second file has been laid into the followed folder and taken over."""
    base, docs = home / "data" / "knowledge" / "help.sqlite3", home / "docs"

    def press() -> None:
        wait = threading.Event().wait
        while not base.exists():
            wait(0.05)
        (docs / "b.md").write_text("# Fees\n\nMoving home costs twenty pounds.")
        while info_of(base).document_count < 2:
            wait(0.05)
        wait(1.5)  # for the line that says so
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    yield thread
    thread.join()


def test_a_folder_is_followed_until_ctrl_c_and_its_knowledge_base_compacted_and_rebuilt(
    interrupted: threading.Thread, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "docs").mkdir()
    (home / "docs" / "a.md").write_text("# Hours\n\nThe shop opens at nine.")
    interrupted.start()
    assert main(["kb", "watch", "docs", "--kb", "help", "--interval", "0.2"]) == 0
    shown = capsys.readouterr()
    assert sorted(shown.out.splitlines()) == ["new: docs/a.md", "new: docs/b.md"]
    assert "docs is no longer followed" in shown.err
    assert main(["kb", "compact", "help", "--json"]) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["name"], done["index"]) == ("help", "flat")
    assert 0 < done["bytes_after"] <= done["bytes_before"]
    assert main(["kb", "rebuild", "help"]) == 0
    assert capsys.readouterr().out == "help: 2 passages encoded anew.\n"
    assert main(["kb", "info", "help"]) == 0
    assert "2 documents, 2 passages" in capsys.readouterr().out
