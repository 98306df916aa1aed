"""From the name of a model to the folder that holds it: a folder as it is, or one exact commit out of the hub's cache.

A name on a hub can mean other weights tomorrow, so it counts only with a commit. What is in the offline cache is taken
from there without a connection. Nothing pickled is fetched or opened, because a pickled checkpoint can run code.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from domain.errors import Misconfigured

_COMMIT = re.compile(r"[0-9a-f]{40}")
_WANTED = ["*.json", "*.txt", "*.model", "*.safetensors", "*.jinja"]  # configurations, tokenizers, weights
_LEFT = ["onnx/*", "openvino/*", "*.onnx", "flax_*", "tf_*"]
_PICKLED = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")
_NO_WEIGHTS = frozenset(
    {"training_args.bin", "optimizer.pt", "scheduler.pt", "scaler.pt"}
)  # what training leaves behind


def model_folder(name: str, revision: str | None = None, *, cache: Path | None = None, offline: bool = False) -> Path:
    """The folder of the model ``name``: itself where it is one, or the hub's model at commit ``revision``.

    ``cache`` None is the hub's own cache (HF_HOME, HF_HUB_CACHE); with ``offline``, as with HF_HUB_OFFLINE=1, the hub
    is never asked. Raises ``Misconfigured`` for a folder that is not there, a revision that is no commit, a model that
    the hub does not know or that is not in the cache while it cannot be asked, and weights that are not safetensors.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _from_safetensors(folder, name)
    if folder.is_absolute() or name.startswith(("~", ".")) or name.count("/") > 1:
        raise Misconfigured(f"The model folder {name!r} does not exist; correct the path, or give a hub name.")
    if revision is None or not _COMMIT.fullmatch(revision):
        raise Misconfigured(
            f"The revision of the hub model {name!r} is {revision!r}, which another day may mean other weights; give "
            "its commit, 40 hexadecimal digits."
        )
    return _from_safetensors(_snapshot(name, revision, cache, offline=offline), name)


def _snapshot(name: str, revision: str, cache: Path | None, *, offline: bool) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    asked: dict[str, Any] = {"revision": revision, "cache_dir": cache}
    asked |= {"allow_patterns": _WANTED, "ignore_patterns": _LEFT}
    try:
        known = Path(snapshot_download(name, local_files_only=True, **asked))
        if offline or any(known.rglob("*.safetensors")):  # else another program has fetched only a part of it
            return known
    except HFValidationError as error:
        raise Misconfigured(
            f"The model {name!r} is neither a folder nor a hub name; write one such as google/flan-t5-base."
        ) from error
    except LocalEntryNotFoundError as error:
        if offline:
            raise _absent(name, revision) from error
    return _fetched(name, revision, asked)


def _fetched(name: str, revision: str, asked: dict[str, Any]) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    try:
        return Path(snapshot_download(name, **asked))
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise Misconfigured(
            f"The hub has no model {name!r} at {revision[:12]}… for you; correct name and commit, or log in for one "
            "that is gated."
        ) from error
    except Exception as error:  # the hub's HTTP client has errors of its own, besides OSError
        raise _absent(name, revision) from error


def _absent(name: str, revision: str) -> Misconfigured:
    return Misconfigured(
        f"The model {name!r} at {revision[:12]}… is not in the offline cache and the hub does not answer; fetch it "
        f"where there is a connection: hf download {name} --revision {revision}"
    )


def _from_safetensors(folder: Path, name: str) -> Path:
    """``folder`` where every part of it has its weights in safetensors."""
    parts = {file.parent for file in folder.rglob("*") if _is_pickled(file)}
    if bad := sorted(part for part in parts if not any(part.glob("*.safetensors"))):
        where = bad[0].relative_to(folder).as_posix()
        raise Misconfigured(
            f"The model {name!r} has only pickled weights{'' if where == '.' else f' in {where}'}, which can run code "
            "when opened; give a revision with safetensors, or store it anew (docs/hub.md)."
        )
    if not any(folder.rglob("*.safetensors")):
        raise Misconfigured(
            f"The model {name!r} has no weights as safetensors; give a revision that has them, or store it anew "
            "(docs/hub.md)."
        )
    return folder


def _is_pickled(file: Path) -> bool:
    return file.suffix in _PICKLED and file.name not in _NO_WEIGHTS
