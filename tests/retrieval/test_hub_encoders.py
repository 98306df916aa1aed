"""Encoders given by name, on tiny models built and saved here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from domain.errors import Misconfigured
from retrieval.hub_encoders import dpr_pair, sentence_transformer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [*SPECIAL, "how", "do", "i", "restart", "my", "router", "unplug", "it", "moon"]
TEXTS = ["restart my router", "moon", "how do i unplug it how do i unplug it", ""]
SIZES: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}


def save_tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer
    from tokenizers.models import WordPiece
    from tokenizers.pre_tokenizers import BertPreTokenizer
    from tokenizers.processors import BertProcessing
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(WordPiece({word: number for number, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    make: Any = PreTrainedTokenizerFast
    make(tokenizer_object=tokenizer, **special).save_pretrained(folder)


def save_dpr(folder: Path, kind: str, seed: int, projection: int = 0) -> Path:
    import transformers

    torch.manual_seed(seed)
    config = transformers.DPRConfig(vocab_size=len(WORDS), projection_dim=projection, **SIZES)
    getattr(transformers, f"DPR{kind}Encoder")(config).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def save_sentence_transformer(folder: Path, seed: int) -> Path:
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from transformers import BertConfig, BertModel

    torch.manual_seed(seed)
    BertModel(BertConfig(vocab_size=len(WORDS), **SIZES)).save_pretrained(folder / "bert")
    save_tokenizer(folder / "bert")
    transformer = Transformer(str(folder / "bert"))
    model = SentenceTransformer(
        modules=[transformer, Pooling(16)], prompts={"query": "how ", "document": ""}, device="cpu"
    )
    model.save(str(folder / "whole"))
    return folder / "whole"


def test_dpr_gives_the_cls_state_of_each_half_at_unit_length(tmp_path: Path) -> None:
    from transformers import AutoTokenizer, DPRContextEncoder, DPRQuestionEncoder

    question, context = save_dpr(tmp_path / "q", "Question", 1), save_dpr(tmp_path / "c", "Context", 2)
    encoder = dpr_pair(str(question), str(context))
    halves: list[tuple[Any, Path, Any]] = [
        (DPRQuestionEncoder, question, encoder.encode_queries(TEXTS)),
        (DPRContextEncoder, context, encoder.encode_passages(TEXTS)),
    ]
    for model, folder, found in halves:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        for text, vector in zip(TEXTS, found, strict=True):
            with torch.inference_mode():
                state = model.from_pretrained(folder).eval()(**tokenizer(text, return_tensors="pt")).pooler_output[0]
            np.testing.assert_allclose(vector, (state / state.norm()).numpy(), atol=1e-5)
    assert encoder.dimension == 16
    assert not np.allclose(halves[0][2], halves[1][2], atol=0.01)


def test_dpr_with_a_projection_has_its_dimension(tmp_path: Path) -> None:
    folders = [str(save_dpr(tmp_path / kind, kind, 3, projection=8)) for kind in ("Question", "Context")]
    encoder = dpr_pair(*folders)
    assert encoder.dimension == encoder.encode_queries(TEXTS).shape[1] == 8


def test_halves_of_different_pairs_are_refused(tmp_path: Path) -> None:
    question = save_dpr(tmp_path / "q", "Question", 1, projection=8)
    with pytest.raises(Misconfigured, match="8 and 16 numbers"):
        dpr_pair(str(question), str(save_dpr(tmp_path / "c", "Context", 2)))


def test_the_fingerprint_follows_the_weights_not_the_place(tmp_path: Path) -> None:
    context = str(save_dpr(tmp_path / "c", "Context", 1))
    prints = [
        dpr_pair(str(save_dpr(tmp_path / f"q{n}", "Question", seed)), context).fingerprint
        for n, seed in enumerate([7, 7, 8])
    ]
    assert prints[0] == prints[1] != prints[2]


def test_sentence_transformers_use_their_own_prompts(tmp_path: Path) -> None:
    encoder = sentence_transformer(str(save_sentence_transformer(tmp_path, 4)))
    queries, passages = encoder.encode_queries(TEXTS), encoder.encode_passages(TEXTS)
    assert queries.shape == (4, encoder.dimension) == (4, 16)
    np.testing.assert_allclose(np.linalg.norm(passages, axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(queries[1], encoder.encode_passages(["how moon"])[0], atol=1e-5)
    assert not np.allclose(queries[1], passages[1], atol=1e-3)


def test_no_texts_give_no_vectors(tmp_path: Path) -> None:
    assert sentence_transformer(str(save_sentence_transformer(tmp_path, 4))).encode_queries([]).shape == (0, 16)


def test_a_model_that_is_not_there_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"nowhere.*safetensors"):
        sentence_transformer(str(tmp_path / "nowhere"))


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    folder = save_dpr(tmp_path / "q", "Question", 1)
    from safetensors.torch import load_file

    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(Misconfigured, match="safetensors"):
        dpr_pair(str(folder), str(save_dpr(tmp_path / "c", "Context", 1)))
    model = save_sentence_transformer(tmp_path, 4)
    torch.save(load_file(model / "model.safetensors"), model / "pytorch_model.bin")
    (model / "model.safetensors").unlink()
    with pytest.raises(Misconfigured, match="safetensors"):
        sentence_transformer(str(model))
