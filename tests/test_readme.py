"""What README, CONTRIBUTING and docs/ tell people to type, read and set exists.

Blocks fenced as ``sh`` or ``console`` are taken apart: every ``make`` target must be in the Makefile, every
``colloquy`` command and option must be known to that command's own ``--help``.
"""

from __future__ import annotations

import io
import re
import shlex
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path

import pytest

from cli.main import main
from settings import FILE_VARIABLE, knobs

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])

PROGRAMS = frozenset({"git", "cd", "cp", "python3"})
"""Programs of the system that the pages may use."""

_BLOCK = re.compile(r"^```(sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_VARIABLE = re.compile(r"\bCOLLOQUY_[A-Z_]*[A-Z]\b(?!_?…)")
_PATH = re.compile(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.(?:py|toml|md|lock))`")
_USAGE_OF_A_GROUP = re.compile(r"Usage:.*\bCOMMAND\b")
_OPTION = re.compile(r"(?<![\w-])--?[a-z][\w-]*")

# Made at run time or by a reader, so the repository need not hold them.
_ELSEWHERE = re.compile(r"(?:data|runs|build|COLLOQUY_DATA_DIR)/")


def commands(markdown: str) -> list[list[str]]:
    """Every command line of the page's shell blocks as words; in ``console`` blocks the lines after ``$``."""
    found: list[list[str]] = []
    for language, body in _BLOCK.findall(markdown):
        lines = body.replace("\\\n", " ").splitlines()
        typed = [line[2:] for line in lines if line.startswith("$ ")] if language == "console" else lines
        found += [words for line in typed if (words := _without_variables(shlex.split(line, comments=True)))]
    return found


def complaint(words: list[str]) -> str | None:
    """What is wrong with a command line, or None."""
    program, *rest = words
    if program == "make":
        unknown = [word for word in rest if "=" not in word and word not in targets()]
        return f"the Makefile has no target {unknown[0]!r}" if unknown else None
    if program == "colloquy":
        return _colloquy_complaint(rest)
    if "/" in program:
        return None if (ROOT / program).is_file() else f"there is no {program}"
    return None if program in PROGRAMS else f"{program} is no program this project brings"


@cache
def targets() -> frozenset[str]:
    """What ``make`` can be asked for by name."""
    return frozenset(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))


def _colloquy_complaint(words: list[str]) -> str | None:
    path: tuple[str, ...] = ()
    help_text = _help(path)
    while help_text is not None and _USAGE_OF_A_GROUP.search(help_text):
        if words[len(path) :] == [] or words[len(path)].startswith("-"):
            break
        path = (*path, words[len(path)])
        help_text = _help(path)
    if help_text is None:
        return f"there is no command colloquy {' '.join(path)}"
    known = set(_OPTION.findall(help_text))
    unknown = [word for word in words[len(path) :] if word.startswith("-") and word.partition("=")[0] not in known]
    return f"colloquy {' '.join(path)} has no option {unknown[0]}" if unknown else None


@cache
def _help(path: tuple[str, ...]) -> str | None:
    """What ``colloquy PATH --help`` prints, None when there is no such command. (Typed in this process: a page shows
    dozens of commands.)"""
    shown = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(shown), redirect_stderr(io.StringIO()):
        for name, value in {"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"}.items():
            patch.setenv(name, value)
        code = main([*path, "--help"])
    return shown.getvalue() if code == 0 else None


def _without_variables(words: list[str]) -> list[str]:
    """The words after any ``NAME=value`` in front."""
    start = next((i for i, word in enumerate(words) if not re.match(r"[A-Z_]+=", word)), len(words))
    return words[start:]


def _text(page: Path) -> str:
    return page.read_text("utf-8")


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def test_the_readme_shows_how_to_start_and_how_to_test() -> None:
    shown = [" ".join(words) for words in commands(_text(ROOT / "README.md"))]
    assert {"make run", "make test"} <= set(shown)
    assert sum(line.startswith("colloquy ") for line in shown) >= 6


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_command_shown_can_be_given(page: Path) -> None:
    wrong = {" ".join(words): said for words in commands(_text(page)) if (said := complaint(words)) is not None}
    assert wrong == {}


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_link_and_path_leads_somewhere(page: Path) -> None:
    text = _text(page)
    linked = [page.parent / link.partition("#")[0] for link in _LINK.findall(text) if "://" not in link]
    named = [ROOT / path for path in _PATH.findall(text) if not _ELSEWHERE.match(path)]
    assert [str(path) for path in [*linked, *named] if not path.exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_variable_named_is_a_setting(page: Path) -> None:
    known = {FILE_VARIABLE, *(variable for variable, _ in knobs())}
    assert set(_VARIABLE.findall(_text(page))) - known == set()


def test_every_target_of_the_makefile_is_explained_by_its_help() -> None:
    explained = re.findall(r"^([a-z]+):.*## \S", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert frozenset(explained) == targets()


def test_blocks_of_other_languages_and_output_are_not_taken_for_commands() -> None:
    page = "```sh\nmake run  # starts\nA=1 colloquy ask \\\n  'is it?'\n```\n```console\n$ make test\n3 passed\n```\n"
    assert commands(page + "```python\nx = 1\n```\n") == [
        ["make", "run"],
        ["colloquy", "ask", "is it?"],
        ["make", "test"],
    ]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("make run", None),
        ("make run PYTHON=python3.12", None),
        ("make tea", "no target 'tea'"),
        ("colloquy", None),
        ("colloquy --help", None),
        ("colloquy kb list", None),
        ("colloquy frobnicate", "no command colloquy frobnicate"),
        ("colloquy kb frobnicate", "no command colloquy kb frobnicate"),
        ("colloquy ask --no-such-option hello", "has no option --no-such-option"),
        (".ci/run", None),
        ("./run-anyway", "there is no ./run-anyway"),
        ("curl example.org", "curl is no program"),
    ],
)
def test_a_command_that_cannot_be_given_is_noticed(line: str, said: str | None) -> None:
    complained = complaint(shlex.split(line))
    assert complained is None if said is None else complained is not None and said in complained
