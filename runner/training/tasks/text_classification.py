"""Text classification: one label a row, scored by accuracy or macro-F1."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import DataCollatorWithPadding, EvalPrediction

from runner.analysis import Analysis
from runner.catalog import Model
from runner.config import Config
from runner.data import splits_of
from runner.exercise import Exercise
from runner.metrics import METRICS
from runner.training.methods import apply_method, load_classifier, load_tokenizer, save_model
from runner.training.tasks.errors import errors
from runner.training.tasks.prepared import Pair, Prepared, facts_of
from runner.training.tasks.tokenized import tokenized_splits


def prepare(config: Config, exercise: Exercise, model: Model) -> Prepared:
    """Tokenize the texts, and put a classification head on the encoder."""
    splits, tokenizer = splits_of(exercise), load_tokenizer(model)
    data = tokenized_splits(splits, tokenizer, config.data)
    network = build(config, exercise, len(tokenizer), model)
    (labels,) = exercise.heads.values()
    return Prepared(
        model=network,
        tokenizer=tokenizer,
        **data,
        tokens=int(data["train"].with_format("numpy")["length"][:].sum()),
        collate=DataCollatorWithPadding(tokenizer),
        score=partial(_score, exercise.metric.name),
        answers=_answers,
        analyse=partial(_analyse, labels, data["validation"], tokenizer),
        save=partial(save_model, network, tokenizer),
        facts=facts_of(splits, exercise),
        loss=_balanced_loss(data["train"], config, len(labels)),
    )


def build(config: Config, exercise: Exercise, vocabulary: int, model: Model) -> nn.Module:
    """Put a classification head on the encoder, and apply the method."""
    (labels,) = exercise.heads.values()
    return apply_method(load_classifier(config, labels, vocabulary, model), config, "SEQ_CLS")


def _answers(student: torch.Tensor, teacher: torch.Tensor, _labels: torch.Tensor) -> list[Pair]:
    return [(1.0, student, teacher)]


def _score(metric: str, predictions: EvalPrediction) -> dict[str, float]:
    logits, labels = np.asarray(predictions.predictions), np.asarray(predictions.label_ids)
    return {"score": METRICS[metric](logits.argmax(-1), labels)}


def _analyse(labels: Sequence[str], rows: Dataset, tokenizer: Any, predictions: EvalPrediction) -> Analysis:
    logits, true = np.asarray(predictions.predictions), np.asarray(predictions.label_ids)
    return Analysis(errors=(errors("label", labels, logits, true, rows, tokenizer),))


def _balanced_loss(train: Dataset, config: Config, classes: int) -> Any:
    """Return a loss in which each class counts the same, however rare; None when the model's own is wanted."""
    if config.class_weights == "none":
        return None
    counts = np.bincount(train.with_format("numpy")["label"][:], minlength=classes)
    weights = torch.tensor(counts.sum() / (classes * np.maximum(counts, 1)), dtype=torch.float32)

    def loss(outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None = None) -> torch.Tensor:
        logits = outputs["logits"].float()
        smoothing = config.training.label_smoothing_factor
        total = cross_entropy(logits, labels, weights.to(logits.device), label_smoothing=smoothing, reduction="sum")
        # Of all rows of a step: with accumulation there are more than these.
        return total / (len(labels) if num_items_in_batch is None else num_items_in_batch)

    return loss
