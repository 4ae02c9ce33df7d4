"""What a task hands to the Trainer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import EvalPrediction

from runner.analysis import Analysis
from runner.data import Splits
from runner.exercise import Exercise

Pair = tuple[float, torch.Tensor, torch.Tensor]  # weight; a student's and its teacher's class scores, (n, classes)
Answers = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], list[Pair]]  # of both logits, and the labels


@dataclass(frozen=True, slots=True)
class Prepared:
    """Model, data and score of one run; each of the splits has token ids, and `length` where lengths differ.

    `answers` returns what of its teacher's logits a student should imitate; the weights add up to 1. `score` returns
    `score`, the exercise's metric, and what else is worth showing; `analyse` looks closer at what the trained model
    says of the validation split. `tokens` counts what is not padding in the train split.
    """

    model: torch.nn.Module
    tokenizer: Any
    train: Dataset
    validation: Dataset
    test: Dataset
    tokens: int
    collate: Callable[[list[dict[str, Any]]], dict[str, Any]]
    score: Callable[[EvalPrediction], dict[str, float]]
    answers: Answers
    analyse: Callable[[EvalPrediction], Analysis]
    save: Callable[[Path], None]
    facts: dict[str, Any]
    reduce_logits: Callable[[Any, torch.Tensor], torch.Tensor] | None = None
    loss: Callable[..., torch.Tensor] | None = field(default=None)


def facts_of(splits: Splits, exercise: Exercise) -> dict[str, Any]:
    """Return what a result says of its data."""
    metric = exercise.metric.name
    return {
        "data_hash": splits.card.hash,
        "baselines": _on(metric, splits.card.baselines),
        "head_baselines": {head: _on(metric, scores) for head, scores in splits.card.head_baselines.items()},
    }


def _on(metric: str, scores: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {name: by_metric[metric] for name, by_metric in scores.items()}


def first_rows(rows: Dataset, most: int | None) -> Dataset:
    """Return the first rows of a split: all, when it has no more."""
    return rows.select(range(min(most or len(rows), len(rows))))
