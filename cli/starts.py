"""``--start`` and its kin: a folder, or a hub name with its commit, turned into the folder that holds the model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from domain.errors import Misconfigured

Revision = Annotated[
    str | None,
    typer.Option("--revision", metavar="COMMIT", help="Of a hub name: 40 hexadecimal digits.", show_default=False),
]


def model_at(name: Path | None, revision: str | None, option: str = "--start") -> Path | None:
    """The folder of the model that ``option`` names; None where it names none.

    Raises ``Misconfigured`` for a hub name without a commit, as ``bot.hub.model_folder`` does, and for a commit
    without a name.
    """
    if name is None:
        if revision is not None:
            raise Misconfigured(f"The commit {revision!r} belongs to no model; name the hub model with {option}.")
        return None
    folder = name.expanduser()
    if folder.is_dir():
        return folder
    from bot.hub import model_folder

    return model_folder(str(name), revision)
