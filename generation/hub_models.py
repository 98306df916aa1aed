"""Opening any BART or T5 from a folder in the hub's format, from safetensors alone: a pickled checkpoint can run code.

Names are turned into folders by ``bot.hub``; code that comes with a model is never run.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, cast, get_args

from domain.errors import Misconfigured

Family = Literal["bart", "t5"]


def check_folder(folder: Path) -> Family:
    """Which family the model in ``folder`` is of; reads no weights.

    Raises ``Misconfigured`` when it is of another one, or holds no safetensors or tokenizer.
    """
    family = _config(folder).get("model_type")
    if family not in get_args(Family):
        raise Misconfigured(
            f"The model {str(folder)!r} is a {family!r}, which does not write text from a source; give a "
            f"{' or '.join(get_args(Family))} model."
        )
    if not any(folder.glob("*.safetensors")):
        raise Misconfigured(
            f"The model {str(folder)!r} has no safetensors; give a revision that has them, or store it anew with "
            "save_pretrained (docs/hub.md)."
        )
    if not any((folder / name).is_file() for name in ("tokenizer.json", "spiece.model", "vocab.json")):
        raise Misconfigured(f"The model {str(folder)!r} has no tokenizer; copy the one it was trained with beside it.")
    return cast(Family, family)


def open_seq2seq(folder: Path, *, device: str = "cpu", dtype: str = "float32") -> tuple[Any, Any]:
    """Model (ready to run, on ``device``) and tokenizer of ``folder``.

    Raises ``Misconfigured`` as ``check_folder`` does, and when weights are missing or damaged.
    """
    import torch
    from transformers import AutoModelForSeq2SeqLM

    check_folder(folder)
    options: dict[str, Any] = {"use_safetensors": True, "local_files_only": True, "trust_remote_code": False}
    model, report = _opened(
        folder,
        lambda: AutoModelForSeq2SeqLM.from_pretrained(
            folder, dtype=getattr(torch, dtype), output_loading_info=True, **options
        ),
    )
    if lost := sorted(report["missing_keys"]):
        raise Misconfigured(
            f"The weights of {str(folder)!r} lack {len(lost)} tensors, first {lost[0]}; give a whole model."
        )
    return model.to(device).eval(), open_tokenizer(folder)


def open_tokenizer(folder: Path) -> Any:
    """The tokenizer in ``folder``; to it a typed "</s>" is text, so that nobody can forge the layout of a source.

    Raises ``Misconfigured`` when there is none that can be read.
    """
    from transformers import AutoTokenizer

    load = AutoTokenizer.from_pretrained
    tokenizer = _opened(folder, lambda: load(folder, local_files_only=True, trust_remote_code=False))
    tokenizer.split_special_tokens = True
    return tokenizer


def _config(folder: Path) -> dict[str, Any]:
    try:
        return dict(json.loads((folder / "config.json").read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise Misconfigured(
            f"The model {str(folder)!r} has no config.json that can be read ({error}); give a folder in the hub's "
            "format."
        ) from error


def _opened(folder: Path, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except Exception as error:  # safetensors, tokenizers and torch raise what they like for a damaged file
        reason = (str(error).strip().splitlines() or ["unreadable"])[0]
        raise Misconfigured(
            f"The model {str(folder)!r} cannot be opened ({reason}); fetch it again, or give another folder."
        ) from error
