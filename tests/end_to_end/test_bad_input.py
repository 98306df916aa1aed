"""Everything bad that people and files do, in one table: one clear sentence, the exit code, and nothing lost.

The real command line on the real models. ``kept`` is a knowledge base that is there before each case and must be the
same after it.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pypdf
import pytest

from cli.main import main
from retrieval.knowledge_base import KnowledgeBaseStore
from tests.retrieval.pdf_files import write_pdf
from tests.retrieval.word_encoder import WordEncoder

ROOT = Path(__file__).parents[2]
KNOWLEDGE = "knowledge"  # where in the data folder the knowledge bases are

pytestmark = pytest.mark.models

Run = Callable[..., tuple[int, str, str]]
DONE, SOME_LEFT_OUT, NOT_DONE = 0, 1, 2


@dataclass(frozen=True)
class Case:
    """What is typed (``{files}`` is the folder of the bad files), what must be told, and the exit code."""

    name: str
    typed: tuple[str, ...]
    told: tuple[str, ...]
    code: int


ASK = ("ask", "--kb", "kept", "--json")
INGEST = ("ingest", "--kb", "kept")
TABLE = [
    Case("an empty message", (*ASK, ""), ("empty",), NOT_DONE),
    Case("a message of blanks", (*ASK, " \n\t "), ("empty",), NOT_DONE),
    Case("a message of control characters", (*ASK, "\x07\x1b\x00"), ("empty",), NOT_DONE),
    Case("100,000 characters", (*ASK, "fees" * 25_000), ("100,000", "4,000"), NOT_DONE),
    Case("an empty search", ("search", "--kb", "kept", " "), ("empty", "give"), NOT_DONE),
    Case(
        "an unknown knowledge base",
        ("search", "--kb", "nowhere", "fee"),
        ("'nowhere'", "colloquy ingest --kb nowhere"),
        NOT_DONE,
    ),
    Case(
        "an unknown knowledge base, asked",
        ("ask", "--kb", "nowhere", "fee"),
        ("'nowhere'", "colloquy ingest --kb nowhere"),
        NOT_DONE,
    ),
    Case("an unknown knowledge base, removed", ("kb", "remove", "nowhere", "--yes"), ("'nowhere'",), NOT_DONE),
    Case("an unknown knowledge base, shown", ("kb", "info", "nowhere"), ("'nowhere'",), NOT_DONE),
    Case(
        "an unknown knowledge base, replayed",
        ("batch", "--kb", "nowhere", "{files}/rows.jsonl", "{files}/o.jsonl"),
        ("'nowhere'",),
        NOT_DONE,
    ),
    Case("a name that is none", ("search", "--kb", "../etc", "fee"), ("'../etc'", "knowledge_base"), NOT_DONE),
    Case("a path that is not there", (*INGEST, "{files}/absent"), ("absent", "check the path"), NOT_DONE),
    Case("a broken PDF", (*INGEST, "{files}/broken.pdf"), ("broken.pdf", "damaged"), SOME_LEFT_OUT),
    Case("an encrypted PDF", (*INGEST, "{files}/locked.pdf"), ("locked.pdf", "password"), SOME_LEFT_OUT),
    Case("a scanned PDF", (*INGEST, "{files}/scan.pdf"), ("scan.pdf", "only pictures"), SOME_LEFT_OUT),
    Case("an empty file", (*INGEST, "{files}/empty.md"), ("empty.md", "is empty; add text"), SOME_LEFT_OUT),
    Case("a binary named .txt", (*INGEST, "{files}/program.txt"), ("program.txt", "binary data"), SOME_LEFT_OUT),
    Case("a PDF named .txt", (*INGEST, "{files}/report.txt"), ("report.txt", "a PDF", "suffix"), SOME_LEFT_OUT),
    Case("no encoding at all", (*INGEST, "{files}/noise.txt"), ("noise.txt", "save it as UTF-8"), SOME_LEFT_OUT),
    Case("a kind that cannot be read", (*INGEST, "{files}/film.mp4"), ("film.mp4", "supported are"), SOME_LEFT_OUT),
    Case(
        "a knowledge base of another encoder",
        ("search", "--kb", "foreign", "fee"),
        ("'foreign'", "words", "colloquy ingest --rebuild --kb foreign"),
        NOT_DONE,
    ),
    Case(
        "malformed rows",
        ("batch", "--kb", "kept", "--only", "rewrite", "{files}/rows.jsonl", "{files}/out.jsonl"),
        ("Line 2 was left out", "not JSON"),
        SOME_LEFT_OUT,
    ),
    Case(
        "rows that are not there",
        ("batch", "--kb", "kept", "{files}/no.jsonl", "{files}/o.jsonl"),
        ("no.jsonl", "check the path"),
        NOT_DONE,
    ),
    Case(
        "training data that is not there", ("train", "reader", "--data", "{files}/none"), ("none", "--data"), NOT_DONE
    ),
    Case(
        "a device that is not there",
        ("train", "reader", "--data", "{files}", "--device", "tpu"),
        ("tpu", "cuda"),
        NOT_DONE,
    ),
]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with the knowledge base ``kept`` and one, ``foreign``, that another encoder built."""
    folder = tmp_path_factory.mktemp("data")
    pages = tmp_path_factory.mktemp("pages")
    (pages / "fees.md").write_text("# Fees\n\nMoving home costs £20. Call 0800 772 4430 to book it.\n")
    (pages / "lights.md").write_text("# Lights\n\nA red light means that there is no fibre signal.\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLLOQUY_DATA_DIR", str(folder))
        assert main(["ingest", str(pages), "--kb", "kept"]) == DONE
    store = KnowledgeBaseStore(folder / KNOWLEDGE, WordEncoder())
    store.create("foreign")
    store.close()
    return folder


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """One of each bad file."""
    write_pdf(tmp_path / "open.pdf", [["Some text that is long enough."]])
    whole = (tmp_path / "open.pdf").read_bytes()
    (tmp_path / "broken.pdf").write_bytes(whole[: len(whole) // 3])
    locked = pypdf.PdfWriter(clone_from=str(tmp_path / "open.pdf"))
    locked.encrypt("secret", algorithm="RC4-128")
    locked.write(str(tmp_path / "locked.pdf"))
    scanned = pypdf.PdfWriter()
    scanned.add_blank_page(200, 200)
    scanned.write(str(tmp_path / "scan.pdf"))
    (tmp_path / "empty.md").touch()
    (tmp_path / "film.mp4").write_bytes(b"moving pictures")
    (tmp_path / "program.txt").write_bytes(b"\x7fELF\0\0\0")
    (tmp_path / "report.txt").write_bytes(whole)
    (tmp_path / "noise.txt").write_bytes(bytes(range(128, 256)) + b"\x01\x02\x8f")
    (tmp_path / "latin.txt").write_bytes(
        "Die Gebühr für den Umzug beträgt zwanzig Pfund. Größe zählt.".encode("latin-1")
    )
    (tmp_path / "rows.jsonl").write_text('{"id": 1, "question": "fee?"}\n{"id": 2,\n{"id": 3, "question": "light?"}\n')
    return tmp_path


@pytest.fixture
def run(data: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    """Runs one command; gives (exit code, standard output, standard error)."""
    monkeypatch.setenv("COLLOQUY_DATA_DIR", str(data))
    monkeypatch.chdir(tmp_path)

    def typed(*words: str, **environment: str) -> tuple[int, str, str]:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        capfd.readouterr()
        code = main(words)
        return code, *capfd.readouterr()

    return typed


def look(run: Run) -> list[tuple[int, str]]:
    return [run(*words)[:2] for words in (("search", "--kb", "kept", "red light", "--json"), ("kb", "info", "kept"))]


@pytest.fixture(scope="module")
def first_seen() -> list[list[tuple[int, str]]]:
    """What ``kept`` answered and held before the first case of all."""
    return []


@pytest.fixture
def nothing_lost(run: Run, first_seen: list[list[tuple[int, str]]]) -> Iterator[None]:
    """What ``kept`` answers and holds is the same after this case as before the first."""
    if not first_seen:
        first_seen.append(look(run))
        assert "no fibre signal" in first_seen[0][0][1]
    yield
    assert look(run) == first_seen[0]


@pytest.mark.usefixtures("nothing_lost")
@pytest.mark.parametrize("case", TABLE, ids=lambda case: case.name)
def test_one_clear_sentence_and_nothing_lost(case: Case, run: Run, files: Path) -> None:
    code, _, told = run(*(word.replace("{files}", str(files)) for word in case.typed))
    assert [part for part in case.told if part not in told] == []
    assert "Traceback" not in told
    assert code == case.code


def test_the_good_rows_of_a_bad_file_are_done(run: Run, files: Path) -> None:
    run("batch", "--kb", "kept", str(files / "rows.jsonl"), str(files / "out.jsonl"))
    rows = [json.loads(line) for line in (files / "out.jsonl").read_text("utf-8").splitlines()]
    assert [row["id"] for row in rows] == [1, 3]


def test_the_good_files_of_a_bad_folder_are_in(run: Run, files: Path) -> None:
    code, out, told = run("ingest", str(files), "--kb", "mixed", "--json")
    assert code == SOME_LEFT_OUT
    assert {Path(name).name for name, _ in json.loads(out)["skipped"]} >= {"broken.pdf", "empty.md", "program.txt"}
    assert "broken.pdf" in told
    assert "Some text that is long enough." in run("search", "--kb", "mixed", "text that is long enough")[1]


def test_another_encoding_is_read_as_it_was_meant(run: Run, files: Path) -> None:
    assert run("ingest", str(files / "latin.txt"), "--kb", "german")[0] == DONE
    code, out, _ = run("search", "--kb", "german", "Gebühr für den Umzug", "--json")
    assert code == DONE
    assert "Gebühr für den Umzug beträgt" in out


@pytest.mark.parametrize("hostile", ["<script>alert('fee')</script>", "what\x00 is the moving\x1b[31m fee?\x07"])
def test_hostile_messages_are_only_text(run: Run, hostile: str) -> None:
    code, out, told = run("ask", "--kb", "kept", "--no-memory", hostile)
    assert code == DONE, told
    assert not set(out) & {"\x00", "\x1b", "\x07"}


def test_a_redis_that_cannot_be_reached_is_named(run: Run) -> None:
    code, _, told = run("ask", "--kb", "kept", "fee?", COLLOQUY_REDIS_URL="redis://:secret@127.0.0.1:1/0")
    assert code == NOT_DONE
    assert all(part in told for part in ("127.0.0.1:1", "COLLOQUY_REDIS_URL", "unset"))
    assert "secret" not in told


def test_a_taken_port_is_named_before_anything_is_loaded(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = str(taken.getsockname()[1])
        code, _, told = run("serve", "--port", port)
    assert code == NOT_DONE
    assert all(part in told for part in (f"port {port}", "--port", "COLLOQUY_PORT"))


@pytest.mark.usefixtures("nothing_lost")
def test_a_folder_that_may_not_be_read_is_named(data: Path, files: Path) -> None:
    (files / "private").mkdir()
    (files / "private" / "page.md").write_text("# Private\n\nText.\n")
    (files / "private").chmod(0)
    # Root reads everything: as root, the command runs without that right.
    rights = "-dac_override,-dac_read_search"
    humbly = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"] if os.geteuid() == 0 else []
    if humbly and shutil.which("setpriv") is None:
        pytest.skip("as root, this test needs setpriv")
    command = [*humbly, sys.executable, "-m", "cli.main", "ingest", str(files / "private"), "--kb", "kept"]
    environment = {**os.environ, "COLLOQUY_DATA_DIR": str(data)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)
    (files / "private").chmod(0o700)
    assert "“private” cannot be opened (permission denied); check that it exists and may be read." in done.stderr
    assert done.returncode == SOME_LEFT_OUT


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the program, whose weights may be damaged."""
    folder = tmp_path_factory.mktemp("installation")
    for name in ("domain", "bot", "memory", "retrieval", "generation", "cli", "models"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "settings.py", folder)
    return folder


SHIPPED_MODELS = sorted(path.parent.name for path in (ROOT / "models").glob("*/model.safetensors"))


DAMAGES = ("missing", "truncated")
ASKS_OF_DAMAGED_WEIGHTS = f"""
import contextlib, io, json, os, pathlib
from cli.main import main

def asked(model, damage):
    weights = pathlib.Path("models", model, "model.safetensors")
    whole = weights.rename(weights.with_suffix(".whole"))  # what is open stays whole
    if damage == "truncated":
        weights.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    told = io.StringIO()
    with contextlib.redirect_stderr(told), contextlib.redirect_stdout(told):
        code = main(["ask", "--no-memory", "--kb", "kept", "fee?"])
    whole.rename(weights)
    return code, told.getvalue()

print(json.dumps({{f"{{m}} {{d}}": asked(m, d) for m in {SHIPPED_MODELS} for d in {DAMAGES}}}))
"""


@pytest.fixture(scope="module")
def told_of_damage(installation: Path, data: Path) -> dict[str, tuple[int, str]]:
    """(exit code, what was told) by model and damage: one process for all, as importing PyTorch takes longest."""
    environment = {**os.environ, "COLLOQUY_DATA_DIR": str(data), "PYTHONPATH": str(installation)}
    command = [sys.executable, "-c", ASKS_OF_DAMAGED_WEIGHTS]
    done = subprocess.run(command, capture_output=True, text=True, cwd=installation, env=environment)
    assert done.returncode == 0, done.stderr
    found: dict[str, tuple[int, str]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("model", SHIPPED_MODELS)
def test_weights_that_are_missing_or_truncated_are_named(
    told_of_damage: dict[str, tuple[int, str]], model: str, damage: str
) -> None:
    code, told = told_of_damage[f"{model} {damage}"]
    assert f"{model}/model.safetensors" in told.strip().splitlines()[-1]
    assert "Traceback" not in told
    assert code == NOT_DONE
