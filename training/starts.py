"""What a training starts from is a folder: the commands turn a hub name and its commit into one (``bot.hub``)."""

from __future__ import annotations

from pathlib import Path

from domain.errors import Misconfigured

_CACHED = "models--"
"""How the hub's cache begins a model's folder, models--owner--name; a commit's folder lies two levels below."""


def start_folder(name: str) -> Path:
    """The folder ``name``. Raises ``Misconfigured`` for anything else: a hub name without a commit can mean other
    weights tomorrow."""
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise Misconfigured(
            f"The model {name!r} is no folder here; correct the path, or give a command a hub name with its commit "
            "(--revision, 40 hexadecimal digits)."
        )
    return folder


def model_name(folder: Path) -> str:
    """What a card calls the model in ``folder``: its name, of a hub's snapshot "owner/name at 0123456789ab"."""
    cached = folder.parent.parent.name
    if not cached.startswith(_CACHED):
        return folder.name
    return f"{cached.removeprefix(_CACHED).replace('--', '/', 1)} at {folder.name[:12]}"
