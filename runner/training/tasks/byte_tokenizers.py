"""Tokenizers for language models from random weights: bytes, or byte-level BPE trained on the train split."""

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from runner.cache import cache_dir
from runner.config import Data
from runner.data import Splits

_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
_END = "<|endoftext|>"  # stands before every file


def load_text_tokenizer(data: Data, splits: Splits) -> Any:
    """Return the tokenizer that a config asks for; a trained one is kept for the next run (seconds)."""
    size = 257 if data.tokenizer == "bytes" else data.vocab_size
    path = cache_dir() / "tokenizers" / f"{splits.card.hash}-{size}.json"
    if not path.exists():
        _write(_train(size, splits.train["text"].to_pylist()), path)
    names = {"bos_token": _END, "eos_token": _END, "pad_token": _END}
    return PreTrainedTokenizerFast(tokenizer_file=str(path), **names)  # type: ignore[no-untyped-call]


def bytes_of_tokens(tokenizer: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return how many bytes each token stands for, by token id; marks, such as the one between files, for none."""
    by_bytes, marks = "ByteLevel" in str(tokenizer.backend_tokenizer.decoder), set(tokenizer.all_special_tokens)
    vocabulary = tokenizer.get_vocab()
    sizes = np.zeros(max(vocabulary.values()) + 1, np.int64)
    for token, index in vocabulary.items():
        sizes[index] = 0 if token in marks else len(token) if by_bytes else _written_size(token)
    return sizes


def _written_size(token: str) -> int:
    """Return the bytes of a token as SentencePiece writes it: a space as U+2581, a lone byte as <0xNN>."""
    return 1 if _BYTE.fullmatch(token) else len(token.replace("\u2581", " ").encode())


def _train(size: int, texts: list[str]) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[_END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def _write(tokenizer: Tokenizer, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.partial")
    tokenizer.save(str(partial))
    partial.replace(path)
