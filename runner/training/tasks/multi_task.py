"""Several labels a row: one encoder, one head each; scored by the mean of the heads' macro-F1."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import DataCollatorWithPadding, EvalPrediction

from runner.analysis import Analysis
from runner.catalog import Model
from runner.config import Config
from runner.data import splits_of
from runner.exercise import Exercise
from runner.metrics import METRICS
from runner.training.methods import apply_method, load_encoder, load_tokenizer
from runner.training.tasks.errors import errors
from runner.training.tasks.prepared import Pair, Prepared, facts_of
from runner.training.tasks.tokenized import tokenized_splits

DROPOUT = 0.1  # of an encoder that does not say its own under the usual name


class MultiTaskModel(nn.Module):
    """An encoder whose pooled output goes through dropout into one linear head a task.

    `labels` has a row's class numbers in the order of the heads; logits of all heads stand side by side.
    """

    def __init__(
        self, encoder: Any, sizes: Mapping[str, int], weights: Mapping[str, float] | None, smoothing: float = 0.0
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.config = encoder.config
        self.dropout = nn.Dropout(getattr(encoder.config, "hidden_dropout_prob", DROPOUT))
        self.heads = nn.ModuleDict({name: nn.Linear(encoder.config.hidden_size, n) for name, n in sizes.items()})
        self.smoothing = smoothing
        total = sum(weights.values()) if weights else len(sizes)
        self.weights = [(weights[name] if weights else 1) / total for name in sizes]

    def forward(self, input_ids: torch.Tensor, labels: torch.Tensor | None = None, **inputs: Any) -> dict[str, Any]:
        """Return the logits, and the weighted mean of the heads' losses when there are labels."""
        encoded = self.encoder(input_ids=input_ids, **inputs)
        pooled = getattr(encoded, "pooler_output", None)  # some encoders have none: DistilBERT, DeBERTa
        pooled = self.dropout(encoded.last_hidden_state[:, 0] if pooled is None else pooled)
        by_head = [head(pooled) for head in self.heads.values()]
        logits = torch.cat(by_head, dim=-1)
        if labels is None:
            return {"logits": logits}
        losses = [
            cross_entropy(out.float(), labels[:, i], label_smoothing=self.smoothing) for i, out in enumerate(by_head)
        ]
        return {"loss": sum(w * loss for w, loss in zip(self.weights, losses, strict=True)), "logits": logits}

    def activation_checkpointing_enable(self, **options: Any) -> None:
        """Recompute the encoder's activations; the Trainer asks for it."""
        self.encoder.activation_checkpointing_enable(**options)

    def gradient_checkpointing_enable(self, **options: Any) -> None:
        """Do the same under its name before transformers 5.23."""
        self.encoder.gradient_checkpointing_enable(**options)

    def get_input_embeddings(self) -> nn.Module:
        """Return the encoder's word embeddings, which NEFTune puts noise on."""
        embeddings: nn.Module = self.encoder.get_input_embeddings()
        return embeddings

    def save(self, tokenizer: Any, folder: Path) -> None:
        """Write the encoder (or its adapter) as transformers does, and the heads beside it."""
        self.encoder.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        save_file(
            {name: t.contiguous().cpu() for name, t in self.heads.state_dict().items()}, folder / "heads.safetensors"
        )


def prepare(config: Config, exercise: Exercise, model: Model) -> Prepared:
    """Tokenize the texts, and put the heads on one encoder."""
    splits, tokenizer = splits_of(exercise), load_tokenizer(model)
    data = tokenized_splits(splits, tokenizer, config.data)
    network, sizes = build(config, exercise, len(tokenizer), model), _sizes(exercise.heads)
    return Prepared(
        model=network,
        tokenizer=tokenizer,
        **data,
        tokens=int(data["train"].with_format("numpy")["length"][:].sum()),
        collate=DataCollatorWithPadding(tokenizer),
        score=partial(_score, exercise.metric.name, sizes),
        answers=partial(_answers, sizes, network.weights),
        analyse=partial(_analyse, exercise.heads, data["validation"], tokenizer),
        save=partial(network.save, tokenizer),
        facts=facts_of(splits, exercise),
    )


def build(config: Config, exercise: Exercise, vocabulary: int, model: Model) -> MultiTaskModel:
    """Apply the method to the encoder, and put the heads on it."""
    encoder = apply_method(load_encoder(config, vocabulary, model), config, "FEATURE_EXTRACTION")
    smoothing = config.training.label_smoothing_factor
    return MultiTaskModel(encoder, _sizes(exercise.heads), config.multi.loss_weights, smoothing)


def _sizes(heads: Mapping[str, Sequence[str]]) -> dict[str, int]:
    return {name: len(labels) for name, labels in heads.items()}


def _answers(
    sizes: Mapping[str, int],
    weights: Sequence[float],
    student: torch.Tensor,
    teacher: torch.Tensor,
    _labels: torch.Tensor,
) -> list[Pair]:
    parts = [torch.split(logits, list(sizes.values()), dim=-1) for logits in (student, teacher)]
    return list(zip(weights, *parts, strict=True))


def _score(metric: str, sizes: Mapping[str, int], predictions: EvalPrediction) -> dict[str, float]:
    labels = np.asarray(predictions.label_ids)
    scores = {
        name: METRICS[metric](logits.argmax(-1), labels[:, i])
        for i, (name, logits) in enumerate(zip(sizes, _by_head(sizes, predictions), strict=True))
    }
    return {"score": float(np.mean(list(scores.values()))), **scores}


def _analyse(
    heads: Mapping[str, Sequence[str]], rows: Dataset, tokenizer: Any, predictions: EvalPrediction
) -> Analysis:
    true = np.asarray(predictions.label_ids)
    logits = _by_head(_sizes(heads), predictions)
    return Analysis(
        errors=tuple(
            errors(name, labels, logits[i], true[:, i], rows, tokenizer)
            for i, (name, labels) in enumerate(heads.items())
        )
    )


def _by_head(sizes: Mapping[str, int], predictions: EvalPrediction) -> list[Any]:
    """Return the logits of each head, of shape (rows, labels)."""
    return np.split(np.asarray(predictions.predictions), np.cumsum(list(sizes.values()))[:-1], axis=-1)
