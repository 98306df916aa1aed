"""Tiny random models for retrieval, stored as the hub stores them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [*SPECIAL, "how", "do", "i", "restart", "my", "router", "unplug", "it", "moon", "."]
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
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

    save_bert(folder / "bert", seed)
    transformer = Transformer(str(folder / "bert"))
    model = SentenceTransformer(
        modules=[transformer, Pooling(16)], prompts={"query": "how ", "document": ""}, device="cpu"
    )
    model.save(str(folder / "whole"))
    return folder / "whole"


def save_bert(folder: Path, seed: int) -> Path:
    """An encoder without any head."""
    from transformers import BertConfig, BertModel

    torch.manual_seed(seed)
    BertModel(BertConfig(vocab_size=len(WORDS), **SIZES)).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


def save_cross_encoder(folder: Path, seed: int, labels: int = 1) -> Path:
    """Weights drawn wider than BERT's own start, so that scores differ."""
    from transformers import BertConfig, BertForSequenceClassification

    torch.manual_seed(seed)
    model = BertForSequenceClassification(BertConfig(vocab_size=len(WORDS), num_labels=labels, **SIZES))
    with torch.no_grad():
        for weights in model.parameters():
            weights.mul_(8)
    model.save_pretrained(folder)
    save_tokenizer(folder)
    return folder
