"""Causal language modelling of source code, scored in bits per byte, so that tokenizers compete fairly."""

import math
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from datasets import Dataset
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import EvalPrediction, default_data_collator

from runner.analysis import Analysis
from runner.catalog import Model
from runner.config import Config
from runner.data import Splits, splits_of
from runner.exercise import Exercise
from runner.training.methods import apply_method, load_language_model, load_tokenizer, save_model
from runner.training.tasks.byte_tokenizers import bytes_of_tokens, load_text_tokenizer
from runner.training.tasks.prepared import Pair, Prepared, facts_of, first_rows
from runner.training.tasks.writing import by_position, start_of_text, write_samples

IGNORED = -100  # torch's and transformers' label for what is not predicted


def prepare(config: Config, exercise: Exercise, model: Model) -> Prepared:
    """Train or load the tokenizer, cut the files into blocks, and make a model with random weights."""
    splits = splits_of(exercise)
    own = config.data.tokenizer == "model"
    tokenizer = load_tokenizer(model) if own else load_text_tokenizer(config.data, splits)
    data = {name: _blocks(splits, name, tokenizer, config) for name in ("train", "validation", "test")}
    train = first_rows(data["train"], config.data.max_train_samples)
    network = build(config, exercise, len(tokenizer), model)
    return Prepared(
        model=network,
        tokenizer=tokenizer,
        train=train,
        validation=data["validation"],
        test=data["test"],
        tokens=int((train.with_format("numpy")["labels"][:][:, 1:] != IGNORED).sum()),
        collate=default_data_collator,
        score=partial(_bits_per_byte, bytes_of_tokens(tokenizer)),
        answers=_answers,
        analyse=partial(_analyse, network, tokenizer, splits.validation["text"].to_pylist(), config.training.seed),
        save=partial(save_model, network, tokenizer),
        facts=facts_of(splits, exercise),
        reduce_logits=token_losses,
    )


def build(config: Config, _exercise: Exercise, vocabulary: int, model: Model) -> nn.Module:
    """Load the decoder, or make one with random weights, and apply the method."""
    return apply_method(load_language_model(config, vocabulary, model), config, "CAUSAL_LM")


def _answers(student: torch.Tensor, teacher: torch.Tensor, labels: torch.Tensor) -> list[Pair]:
    """Return what both say of the tokens that are predicted."""
    predicted = labels[:, 1:] != IGNORED
    length = labels.shape[1]  # a teacher's prompt tuning puts its own tokens before them
    mine, its = (logits[:, -length:-1][predicted] for logits in (student, teacher))
    return [(1.0, mine, its)]


def _blocks(splits: Splits, split: str, tokenizer: Any, config: Config) -> Dataset:
    texts = getattr(splits, split)["text"].to_pylist()
    start = start_of_text(tokenizer)
    files = [[start, *ids] for ids in tokenizer(texts, add_special_tokens=False)["input_ids"]]
    streams = [list(chain.from_iterable(files))] if config.data.packing else files
    return Dataset(pa.table(cut(streams, config.data.max_length, start)))


def cut(streams: Iterable[Sequence[int]], length: int, filler: int) -> dict[str, list[list[int]]]:
    """Cut streams of tokens into blocks of `length` + 1: each begins with the last token of the one before.

    So every token but a stream's first is predicted exactly once. What is missing in a last block is filled, and the
    filler is not predicted.
    """
    inputs, labels = [], []
    for stream in streams:
        for start in range(0, len(stream) - 1, length):
            block = list(stream[start : start + length + 1])
            missing = length + 1 - len(block)
            inputs.append(block + [filler] * missing)
            labels.append(block + [IGNORED] * missing)
    return {"input_ids": inputs, "labels": labels}


def token_losses(logits: Any, labels: torch.Tensor) -> torch.Tensor:
    """Return each predicted token's loss in nats, shape (rows, tokens - 1): keeping all logits would take gigabytes."""
    scores = (logits[0] if isinstance(logits, tuple) else logits)[:, -labels.shape[1] :]  # without a tuned prompt
    return cross_entropy(scores[:, :-1].transpose(1, 2).float(), labels[:, 1:], ignore_index=IGNORED, reduction="none")


def _analyse(model: Any, tokenizer: Any, texts: list[str], seed: int, predictions: EvalPrediction) -> Analysis:
    predicted = np.asarray(predictions.label_ids)[:, 1:] != IGNORED
    return Analysis(
        positions=by_position(np.asarray(predictions.predictions), predicted),
        samples=write_samples(model, tokenizer, texts, seed),
    )


def _bits_per_byte(sizes: np.ndarray[Any, np.dtype[np.int64]], predictions: EvalPrediction) -> dict[str, float]:
    predicted = np.asarray(predictions.label_ids)[:, 1:]
    predicted = predicted[predicted != IGNORED]
    total, size = float(np.sum(predictions.predictions)), int(sizes[predicted].sum())
    return {"score": total / math.log(2) / size, "bytes_per_token": size / len(predicted)}
