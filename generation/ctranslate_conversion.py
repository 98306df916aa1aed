"""Any BART or T5 in CTranslate2's format, converted once into a cache and found there by the hash of its weights."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.errors import Misconfigured
from generation.hub_models import check_folder

_SHA256 = re.compile(r"[0-9a-f]{64}")
_FACTS = "facts.json"
_READ = 1 << 22  # bytes at a time: hashing gigabytes must not hold them in memory
_SAYS_MORE = ("config.json", "tokenizer.json", "tokenizer_config.json", "spiece.model", "vocab.json", "merges.txt")


@dataclass(frozen=True, slots=True)
class Converted:
    """A model at work: ctranslate2's ``translator``, the token ids every text is ``forced`` to begin with, and how many
    ``positions`` there are for tokens; None where distances are relative, as T5's."""

    translator: Any
    forced: tuple[int, ...]
    positions: int | None


def open_converted(folder: Path, cache_folder: Path, *, compute_type: str, device: str, threads: int) -> Converted:
    """The model in ``folder`` on CTranslate2, converting it into ``cache_folder`` the first time.

    A conversion that is damaged is made once more. Raises ``Misconfigured`` when the model is no BART or T5 in
    safetensors, or this machine cannot run it as ``compute_type`` on ``device``.
    """
    target = cache_folder / f"{check_folder(folder)}-{digest(folder)[:16]}-{compute_type}"
    options = {"device": device, "compute_type": compute_type, "intra_threads": threads}
    if target.is_dir():
        try:
            return _loaded(target, options)
        except (OSError, RuntimeError, ValueError, KeyError):  # damaged, or not for this machine: below it shows which
            shutil.rmtree(target, ignore_errors=True)
    convert(folder, target, compute_type)
    try:
        return _loaded(target, options)
    except (RuntimeError, ValueError) as error:
        raise Misconfigured(
            f"CTranslate2 cannot run {str(folder)!r} as {compute_type!r} on {device!r} ({error}); "
            "use the compute type float32 on cpu, or the pytorch runtime."
        ) from error


def _loaded(target: Path, options: Mapping[str, Any]) -> Converted:
    import ctranslate2

    facts = json.loads((target / _FACTS).read_text("utf-8"))
    return Converted(ctranslate2.Translator(str(target), **options), tuple(facts["forced"]), facts["positions"])


def digest(folder: Path) -> str:
    """64 hexadecimal digits that change with any weight, and with how the model is configured and its text cut."""
    whole = hashlib.sha256()
    for file in sorted(folder.glob("*.safetensors")):
        whole.update(f"{file.name} {_file_digest(file)}\n".encode())
    for name in _SAYS_MORE:
        if (folder / name).is_file():
            whole.update((folder / name).read_bytes())
    return whole.hexdigest()


def _file_digest(file: Path) -> str:
    """The SHA-256 of a file. The hub's cache names large files by it, which saves reading them at every start."""
    blob = file.resolve().name
    if file.is_symlink() and _SHA256.fullmatch(blob):
        return blob
    found = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(_READ):
            found.update(block)
    return found.hexdigest()


def convert(folder: Path, target: Path, compute_type: str) -> None:
    """Writes ``target``, which appears whole or not at all. Raises ``Misconfigured`` for a model CTranslate2 does not
    know, or a compute type it cannot store."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        made = Path(scratch) / "model"
        try:
            converter = _converter(folder)
            converter.convert(str(made), quantization=None if compute_type == "float32" else compute_type)
        except (ValueError, KeyError, RuntimeError) as error:
            raise Misconfigured(
                f"CTranslate2 cannot convert {str(folder)!r} to {compute_type!r} ({error}); use the pytorch runtime."
            ) from error
        (made / _FACTS).write_text(json.dumps(converter.facts), "utf-8")
        try:
            made.rename(target)
        except OSError:
            if not target.is_dir():  # another process finished the same conversion first
                raise


def _converter(folder: Path) -> Any:
    from ctranslate2.converters import TransformersConverter

    class FromSafetensors(TransformersConverter):  # type: ignore[misc]  # ctranslate2 has no types
        def load_model(self, model_class: Any, name: str, **options: Any) -> Any:
            model = super().load_model(model_class, name, use_safetensors=True, **options)
            self.facts = _facts(model)
            return _as_converter_expects(model)

    return FromSafetensors(str(folder))


def _facts(model: Any) -> dict[str, Any]:
    """What the runtime must know and CTranslate2's own files do not say."""
    first = model.generation_config.forced_bos_token_id
    return {
        "forced": [] if first is None else [int(first)],
        "positions": getattr(model.config, "max_position_embeddings", None),
    }


def _as_converter_expects(model: Any) -> Any:
    """``model`` with what CTranslate2 4 reads from a configuration and transformers 5 no longer writes there.

    T5 1.1 and FLAN-T5 do not scale the decoder's output. The converter looks for that in ``tie_word_embeddings``, which
    transformers 5 sets for every T5; unmended, all logits would be divided by √d_model and the text be noise.
    """
    if model.config.model_type == "bart":
        model.config.normalize_before, model.config.normalize_embedding = False, True
    else:
        model.config.tie_word_embeddings = model.config.scale_decoder_outputs
    return model
