"""Models of a few thousand weights in hub format, with tokenizers made from a handful of words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import (
    BartConfig,
    BartForConditionalGeneration,
    BertConfig,
    BertModel,
    BertTokenizer,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    T5Config,
    T5ForConditionalGeneration,
    T5Tokenizer,
)

WORDS = (
    "what is the fee for a late bill lost card router light red blue green means fault nine pounds two days answer "
    "question title context no it one three costs you we send new in weeks opening hours shop desk closed sunday"
).split()
SENTINELS = 20


def tiny_bert(folder: Path, seed: int = 0) -> Path:
    """A BERT of width 32 without a head, whose pieces are ``WORDS`` and letters."""
    torch.manual_seed(seed)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *_pieces("##")]
    tokenizer = BertTokenizer(vocab={piece: i for i, piece in enumerate(vocabulary)}, model_max_length=64)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    return _saved(BertModel(config), tokenizer, folder)


def tiny_roberta(folder: Path, seed: int = 0) -> Path:
    """A RoBERTa of width 32 without a head, on the vocabulary of ``tiny_bart``."""
    torch.manual_seed(seed)
    tokenizer = _bart_tokenizer()
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=66,  # two of them are spare
        type_vocab_size=1,
        pad_token_id=1,
    )
    return _saved(RobertaModel(config, add_pooling_layer=False), tokenizer, folder)


def tiny_bart(folder: Path, seed: int = 0) -> Path:
    """A BART of width 32; ids as BART has them: <s> 0, <pad> 1, </s> 2."""
    torch.manual_seed(seed)
    tokenizer = _bart_tokenizer()
    config = BartConfig(
        vocab_size=len(tokenizer),
        d_model=32,
        encoder_layers=2,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=128,
        dropout=0.0,
    )
    return _saved(BartForConditionalGeneration(config), tokenizer, folder)


def tiny_t5(folder: Path, seed: int = 0) -> Path:
    """A T5 of width 32 on a unigram vocabulary with sentinels at its end."""
    torch.manual_seed(seed)
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(f"▁{word}", -3.0) for word in WORDS] + [(letter, -9.0) for letter in _LETTERS]
    pieces += [(f"<extra_id_{i}>", 0.0) for i in reversed(range(SENTINELS))]  # counted down, as T5's own are
    tokenizer = T5Tokenizer(vocab=pieces, extra_ids=SENTINELS, model_max_length=512)
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=32,
        d_kv=16,
        d_ff=64,
        num_layers=2,
        num_heads=2,
        dropout_rate=0.0,
        decoder_start_token_id=0,
    )
    return _saved(T5ForConditionalGeneration(config), tokenizer, folder)


_LETTERS = [*"abcdefghijklmnopqrstuvwxyz0123456789.,:;?!'"]


def _pieces(continued: str) -> list[str]:
    return [*dict.fromkeys([*WORDS, *_LETTERS, *(continued + letter for letter in _LETTERS)])]


def _bart_tokenizer() -> Any:
    pieces = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", *_pieces("##")]
    inner = Tokenizer(models.WordPiece(vocab={piece: i for i, piece in enumerate(pieces)}, unk_token="<unk>"))
    inner.normalizer = normalizers.Lowercase()
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    inner.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        bos_token="<s>",
        cls_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        sep_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
        model_max_length=64,
        model_input_names=["input_ids", "attention_mask"],
    )


def _saved(model: Any, tokenizer: Any, folder: Path) -> Path:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
