"""A table of results together with what made them, as text, Markdown or JSON."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domain.errors import Misconfigured

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under columns; ``facts`` are the settings and circumstances of the run, ``data`` the numbers
    behind the cells for JSON."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    facts: Mapping[str, str] = field(default_factory=dict, hash=False)
    data: Any = field(default=None, hash=False)

    def as_text(self) -> str:
        """Aligned columns; the first to the left, numbers to the right."""
        widths = [max(len(row[i]) for row in (self.columns, *self.rows)) for i in range(len(self.columns))]
        lines = [_aligned(row, widths) for row in (self.columns, *self.rows)]
        lines.insert(1, "─" * len(lines[0]))
        return "\n".join([self.title, "", *lines, "", *(f"{key}: {value}" for key, value in self.facts.items())])

    def as_markdown(self) -> str:
        lines = [" | ".join(cell.replace("|", "\\|") for cell in row) for row in (self.columns, *self.rows)]
        rule = " | ".join(["---", *["---:"] * (len(self.columns) - 1)])
        table = [f"| {line} |" for line in (lines[0], rule, *lines[1:])]
        return "\n".join([f"## {self.title}", "", *table, "", *(f"- {key}: {v}" for key, v in self.facts.items()), ""])

    def as_json(self) -> str:
        return json.dumps({"title": self.title, "facts": dict(self.facts), "results": self.data}, indent=2) + "\n"

    def write(self, path: Path) -> None:
        """By its suffix: ``.json``, ``.md``, anything else is text. Raises ``Misconfigured`` when it cannot."""
        content = {".json": self.as_json, ".md": self.as_markdown}.get(path.suffix, self.as_text)()
        try:
            path.write_text(content, "utf-8")
        except OSError as error:
            raise Misconfigured(
                f"The report “{path}” cannot be written ({error.strerror}); name a file in a folder that can be."
            ) from error


def circumstances(settings: Mapping[str, Any], models: Path = ROOT / "models") -> dict[str, str]:
    """What a number means nothing without: the commit, the weights, the settings, the machine, the time."""
    return {
        "commit": git_commit(),
        "weights": ", ".join(f"{name} {digest}" for name, digest in model_hashes(models).items()) or "none shipped",
        "settings": json.dumps(settings, default=str, sort_keys=True),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "time": time.strftime("%Y-%m-%d %H:%M:%S %Z"),
    }


def git_commit(folder: Path = ROOT) -> str:
    """The commit that runs, with ``+changes`` when files differ from it; ``unknown`` outside a repository."""
    commit = _git(folder, "rev-parse", "--short=12", "HEAD")
    if commit is None:
        return "unknown"
    return f"{commit}+changes" if _git(folder, "status", "--porcelain", "--untracked-files=no") else commit


def model_hashes(folder: Path) -> dict[str, str]:
    """The first twelve digits of the SHA-256 of each shipped model's weights, by name."""
    hashes = {}
    for path in sorted(folder.glob("*/model.safetensors")):
        with path.open("rb") as file:
            hashes[path.parent.name] = hashlib.file_digest(file, "sha256").hexdigest()[:12]
    return hashes


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = [
        cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join([first, *rest])
