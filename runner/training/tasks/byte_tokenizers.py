"""Tokenizers for language models from random weights: bytes, or byte-level BPE trained on the train split."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from runner.config import Data
from runner.data import Splits, cache_dir

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
    """Return how many bytes each token stands for, by token id; the mark between files stands for none."""
    sizes = np.zeros(len(tokenizer), np.int64)
    for token, index in tokenizer.get_vocab().items():
        sizes[index] = 0 if token == _END else len(token)  # byte-level: one character for each byte
    return sizes


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
