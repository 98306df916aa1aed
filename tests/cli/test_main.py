from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.main import app, main
from domain.errors import PartUnavailable

ROOT = Path(__file__).parents[2]
HEAVY = {"torch", "transformers", "gradio", "redis", "faiss", "ctranslate2", "pydantic", "numpy"}


def test_help_loads_nothing_heavy() -> None:
    script = "import cli.main, sys; cli.main.main(['--help']); sys.stderr.write(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert HEAVY & {name.partition(".")[0] for name in done.stderr.split()} == set()
    for command in ("serve", "chat", "ask", "search", "ingest", "kb", "batch", "evaluate", "bench", "train"):
        assert f"\n  {command} " in done.stdout


@pytest.mark.parametrize(
    "command",
    (
        "serve,chat,ask,search,ingest,kb list,kb info,kb remove,kb rebuild,kb compact,kb watch,kb report,index tune,"
        "index bench,batch,evaluate retrieval,bench,bench-ingestion,bench-growth,train"
    ).split(","),
)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*command.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"Usage: colloquy {command} ")
    assert "--help" in shown


def test_without_a_command_it_shows_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) != 0
    assert "Usage: colloquy" in "".join(capsys.readouterr())


@pytest.mark.parametrize("typed", [["dance"], ["ask"], ["search", "--top-k", "0", "x"], ["batch", "--only", "x"]])
def test_a_wrong_command_line_is_refused(typed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(typed) == 2
    assert "Usage: colloquy" in capsys.readouterr().err


@pytest.fixture
def failing() -> Iterator[list[BaseException]]:
    """A command ``fail`` that raises what is put into the list."""
    planted: list[BaseException] = []

    @app.command("fail", hidden=True)
    def fail() -> None:
        raise planted[0]

    yield planted
    app.registered_commands.pop()


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (
            PartUnavailable("The index [red]does not[/red] answer; try again."),
            2,
            "The index [red]does not[/red] answer",
        ),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_an_error_is_a_sentence_and_an_exit_code(
    failing: list[BaseException], capsys: pytest.CaptureFixture[str], error: BaseException, code: int, told: str
) -> None:
    failing.append(error)
    assert main(["fail"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert told in err
    assert "Traceback" not in err


def test_a_mistake_of_ours_is_not_hidden(failing: list[BaseException]) -> None:
    failing.append(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        main(["fail"])


def test_a_reader_that_goes_away_ends_the_command_quietly() -> None:
    script = (
        "import sys, cli.main\nfrom cli.console import say\n"
        "@cli.main.app.command('pour')\ndef pour():\n    for n in range(100_000): say('x' * 80)\n"
        "sys.exit(cli.main.main(['pour']))"
    )
    command = f'{sys.executable} -c "$SCRIPT" | head -1'
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={"SCRIPT": script, "PATH": "/usr/bin:/bin"},
    )
    assert done.stdout == "x" * 80 + "\n"
    assert done.stderr == ""
