"""The Trainer of one run: the task's model and data, the config's arguments, and what TrainingArguments cannot say."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset as Rows
from transformers import EarlyStoppingCallback, Trainer, TrainerCallback, TrainingArguments

from runner.config import Config
from runner.exercise import Exercise
from runner.training.arguments import training_arguments
from runner.training.methods import layers
from runner.training.tasks import Prepared


def make_trainer(
    config: Config,
    exercise: Exercise,
    prepared: Prepared,
    checkpoints: Path,
    callbacks: Sequence[TrainerCallback],
    collate: Callable[[list[dict[str, Any]]], dict[str, Any]] | None = None,
) -> Trainer:
    """Return the Trainer; callbacks are called in their order. Raises Stop for a precision that the device lacks."""
    training = config.training
    args = training_arguments(training, exercise.metric, checkpoints, rows=len(prepared.train))
    patience = config.early_stopping_patience
    optimizer = layerwise_optimizer(prepared.model, args, config.layerwise_lr_decay)
    trainer = Trainer(
        model=prepared.model,
        args=args,
        train_dataset=WordDropout(prepared, config) if config.data.word_dropout else prepared.train,
        eval_dataset=prepared.validation,
        data_collator=collate or prepared.collate,
        compute_loss_func=prepared.loss,
        compute_metrics=prepared.score,
        preprocess_logits_for_metrics=prepared.reduce_logits,
        callbacks=[*callbacks, *([EarlyStoppingCallback(patience)] if patience else [])],
        optimizers=(optimizer, None),
    )
    # BERT's and Llama's classifiers accept num_items_in_batch and ignore it (transformers 5.23): with accumulation the
    # loss would be that many times too large. Without the argument the Trainer divides by itself.
    trainer.model_accepts_loss_kwargs = False
    return trainer


class PaddingMeter:
    """A task's collator that also counts what share of the tokens in training batches is padding."""

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._real = self._all = 0

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        """Make a batch."""
        batch = self._prepared.collate(rows)
        if self._prepared.model.training and "attention_mask" in batch:
            self._real += sum(len(row["input_ids"]) for row in rows)
            self._all += batch["attention_mask"].numel()
        return batch

    @property
    def share(self) -> float:
        """Padding's share of the tokens so far."""
        return 1 - self._real / self._all if self._all else 0.0


class WordDropout(Rows[dict[str, Any]]):
    """The training rows with a share of their tokens replaced by the unknown word, anew each time they are read."""

    def __init__(self, prepared: Prepared, config: Config) -> None:
        self._rows = prepared.train
        self._share = config.data.word_dropout
        self._special = torch.tensor(sorted(prepared.tokenizer.all_special_ids))
        self._unknown = prepared.tokenizer.unk_token_id or prepared.tokenizer.bos_token_id
        self._chance = torch.Generator().manual_seed(config.training.seed)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        row: dict[str, Any] = dict(self._rows[index])
        ids = torch.tensor(row["input_ids"])
        dropped = (torch.rand(ids.shape, generator=self._chance) < self._share) & ~torch.isin(ids, self._special)
        return row | {"input_ids": ids.masked_fill(dropped, self._unknown).tolist()}


def layerwise_optimizer(model: Any, args: TrainingArguments, decay: float) -> torch.optim.Optimizer | None:
    """Return an optimizer whose rate shrinks by `decay` with each layer further down; None when it does not shrink.

    Howard and Ruder (2018), Universal Language Model Fine-tuning for Text Classification: discriminative fine-tuning.
    """
    if decay == 1:
        return None
    stack = layers(model)
    below = {id(p): len(stack) - depth for depth, layer in enumerate(stack) for p in layer.parameters()}
    embeddings = model.get_input_embeddings() if hasattr(model, "get_input_embeddings") else None
    below |= {id(p): len(stack) + 1 for p in (embeddings.parameters() if embeddings is not None else ())}
    groups: dict[tuple[int, bool], list[torch.nn.Parameter]] = {}
    for parameter in (p for p in model.to(args.device).parameters() if p.requires_grad):
        groups.setdefault((below.get(id(parameter), 0), parameter.ndim > 1), []).append(parameter)
    kind, options = Trainer.get_optimizer_cls_and_kwargs(args, model)
    return kind(  # type: ignore[no-any-return]
        [
            {
                "params": parameters,
                "lr": args.learning_rate * decay**depth,
                "weight_decay": args.weight_decay if is_matrix else 0.0,  # as the Trainer: not for biases and norms
            }
            for (depth, is_matrix), parameters in groups.items()
        ],
        **options,
    )
