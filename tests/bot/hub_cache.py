"""An offline hub cache as huggingface_hub lays it out: blobs named by their hash, snapshots of links to them."""

from __future__ import annotations

import hashlib
from pathlib import Path


def stored(cache: Path, name: str, folder: Path) -> str:
    """Puts the files of ``folder`` into ``cache`` as the hub model ``name``; its commit."""
    home = cache / f"models--{name.replace('/', '--')}"
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    whole = hashlib.sha1(b"".join(file.name.encode() + file.read_bytes() for file in files), usedforsecurity=False)
    commit = whole.hexdigest()
    for file in files:
        content = file.read_bytes()
        large = file.suffix == ".safetensors"  # what git keeps in large file storage is named by SHA-256
        digest = hashlib.sha256(content) if large else hashlib.sha1(content, usedforsecurity=False)
        blob = home / "blobs" / digest.hexdigest()
        blob.parent.mkdir(parents=True, exist_ok=True)
        blob.write_bytes(content)
        link = home / "snapshots" / commit / file.relative_to(folder)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(blob)
    reference = home / "refs" / "main"
    reference.parent.mkdir(parents=True, exist_ok=True)
    reference.write_text(commit)
    return commit
