"""The Trainer of one run: the task's model and data, the config's arguments, and what TrainingArguments cannot say."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset as Rows
from transformers import (
    EarlyStoppingCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer_pt_utils import LengthGroupedSampler

from runner.config import Config
from runner.exercise import Exercise
from runner.training.arguments import training_arguments
from runner.training.methods import layers
from runner.training.tasks import Prepared
from runner.training.tasks.multi_task import MultiTaskModel
from runner.training.teacher import Teacher


def make_trainer(
    config: Config,
    exercise: Exercise,
    prepared: Prepared,
    checkpoints: Path,
    callbacks: Sequence[TrainerCallback],
    collate: Callable[[list[dict[str, Any]]], dict[str, Any]] | None = None,
    teacher: Teacher | None = None,
) -> Trainer:
    """Return the Trainer; callbacks are called in their order. Raises Stop for a precision that the device lacks."""
    training = config.training
    args = training_arguments(training, exercise.metric, checkpoints, rows=len(prepared.train))
    patience = config.early_stopping_patience
    optimizer = layerwise_optimizer(prepared.model, args, config.layerwise_lr_decay)
    rows = WordDropout(prepared, config) if config.data.word_dropout else prepared.train
    trainer = CohortTrainer(
        teacher,
        model=prepared.model,
        args=args,
        train_dataset=rows,
        eval_dataset=prepared.validation,
        data_collator=collate or prepared.collate,
        compute_loss_func=prepared.loss,
        compute_metrics=prepared.score,
        preprocess_logits_for_metrics=prepared.reduce_logits,
        callbacks=[
            *callbacks,
            *([EarlyStoppingCallback(patience)] if patience else []),
            *([Epochs(rows)] if isinstance(rows, WordDropout) else []),
        ],
        optimizers=(optimizer, None),
    )
    # BERT's and Llama's classifiers accept num_items_in_batch and ignore it (transformers 5.23): with accumulation the
    # loss would be that many times too large. Without the argument the Trainer divides by itself.
    trainer.model_accepts_loss_kwargs = False
    if isinstance(prepared.model, MultiTaskModel):
        trainer.label_smoother = None  # it knows one head, and would take the others' labels for its own
    return trainer


class CohortTrainer(Trainer):
    """The Trainer with an order of rows that a resumed run has too, and with a teacher if there is one."""

    def __init__(self, teacher: Teacher | None, **options: Any) -> None:
        super().__init__(**options)
        self._teacher = teacher
        self._label_losses: list[torch.Tensor] = []
        if teacher:
            teacher.model.to(self.args.device)

    def compute_loss(
        self, model: Any, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Mix the loss of the labels with that of imitating the teacher, while training."""
        given = {name: value for name, value in inputs.items() if name != "labels"}
        labels = inputs["labels"]
        loss, outputs = super().compute_loss(model, inputs, True, num_items_in_batch)
        if self._teacher and model.training:
            # A loss of our own is divided by all rows of the step already: this batch has a share of it.
            share = 1.0 if self.compute_loss_func is None else len(labels) / (num_items_in_batch or len(labels))
            self._label_losses.append(loss.detach() / share)
            with torch.no_grad():
                answers = self._teacher.model(**given)
            imitation = share * self._teacher.imitation(outputs, answers, labels)
            loss = self._teacher.alpha * imitation + (1 - self._teacher.alpha) * loss
        return (loss, outputs) if return_outputs else loss

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Log the labels' part of the loss, which compares with that of other runs and of the validation split."""
        if self._label_losses and "loss" in logs:
            logs["loss"] = torch.stack(self._label_losses).mean().item()
            self._label_losses.clear()
        super().log(logs, *args, **kwargs)

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        # Of rows grouped by length its own order comes from the global generator, which dropout moves on.
        sampler = super()._get_train_sampler(train_dataset)
        if isinstance(sampler, LengthGroupedSampler):
            return SeededLengthGroups(sampler.batch_size, lengths=sampler.lengths, seed=self.args.seed)
        return sampler


class SeededLengthGroups(LengthGroupedSampler):
    """Rows in random order, those of similar length together; each epoch has an order of its own."""

    def __init__(self, batch_size: int, lengths: list[int], seed: int) -> None:
        super().__init__(batch_size, lengths=lengths, generator=torch.Generator())
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        self.generator.manual_seed(self._seed + self._epoch)
        return iter(super().__iter__())  # type: ignore[no-untyped-call]


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
    """The training rows with a share of their tokens replaced by the unknown word, others in each epoch."""

    def __init__(self, prepared: Prepared, config: Config) -> None:
        self._rows = prepared.train
        self._share = config.data.word_dropout
        self._special = torch.tensor(sorted(prepared.tokenizer.all_special_ids))
        self._unknown = prepared.tokenizer.unk_token_id or prepared.tokenizer.bos_token_id
        self._seed = config.training.seed
        self._chance = torch.Generator()
        self.epoch = 0

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        row: dict[str, Any] = dict(self._rows[index])
        ids = torch.tensor(row["input_ids"])
        self._chance.manual_seed(hash((self._seed, self.epoch, index)))
        dropped = (torch.rand(ids.shape, generator=self._chance) < self._share) & ~torch.isin(ids, self._special)
        return row | {"input_ids": ids.masked_fill(dropped, self._unknown).tolist()}


class Epochs(TrainerCallback):
    """Tells rows that change which epoch begins."""

    def __init__(self, rows: WordDropout) -> None:
        self._rows = rows

    def on_epoch_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Say which epoch begins; a resumed one has begun already."""
        self._rows.epoch = int(state.epoch or 0)


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
