"""Turns a config into `TrainingArguments`."""

import math
import os
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import TrainingArguments

from runner.config import Training
from runner.exercise import Metric
from runner.training.limits import Stop

_OWN_WAY = {"bf16", "load_best_model_at_end", "activation_checkpointing", "save_strategy", "save_steps"}
_SAME_NAME = set(Training.model_fields) - _OWN_WAY
_KNOWN = TrainingArguments.__dataclass_fields__
# Its name before transformers 5.23.
_CHECKPOINTING = "activation_checkpointing" if "activation_checkpointing" in _KNOWN else "gradient_checkpointing"
LEAST_RATE, DECAY_SHARE = 0.1, 0.2  # of cosine_with_min_lr; of warmup_stable_decay


def training_arguments(training: Training, metric: Metric, checkpoints: Path, rows: int) -> TrainingArguments:
    """Return the Trainer's arguments; by itself it writes checkpoints only where the best one is to be kept.

    Those have weights alone. Raises Stop for a precision that the device lacks.
    """
    if training.fp16 and not torch.cuda.is_available():
        raise Stop("failed", "fp16 needs a GPU, and this runner trains on a CPU: leave it out, or write bf16: auto.")
    recomputing: dict[str, Any] = {_CHECKPOINTING: training.activation_checkpointing}
    keep_best, by_itself = training.load_best_model_at_end, training.save_strategy == "auto"
    return TrainingArguments(
        **training.model_dump(include=_SAME_NAME),
        **recomputing,
        output_dir=str(checkpoints),
        bf16=supports_bf16() and not training.fp16 if training.bf16 == "auto" else training.bf16,
        lr_scheduler_kwargs=scheduler_kwargs(training, rows),
        use_cpu=not torch.cuda.is_available(),
        load_best_model_at_end=keep_best,
        metric_for_best_model="score",
        greater_is_better=metric.higher_is_better,
        save_strategy=(training.eval_strategy if keep_best else "no") if by_itself else training.save_strategy,
        save_steps=training.eval_steps if by_itself else training.save_steps,
        save_only_model=by_itself,  # a third of the bytes, which no run can go on from
        restore_callback_states_from_checkpoint=True,  # how patient early stopping has been
        logging_first_step=True,  # the first sign that the run is under way
        logging_nan_inf_filter=False,  # a NaN must be seen; the filter also costs a sync a step
        dataloader_pin_memory=torch.cuda.is_available(),
        report_to="none",
        disable_tqdm=True,
    )


def scheduler_kwargs(training: Training, rows: int) -> dict[str, float | int]:
    """Return what a schedule cannot do without: a least rate, or how many steps the decay takes."""
    match training.lr_scheduler_type:
        case "cosine_with_min_lr":
            return {"min_lr_rate": LEAST_RATE}
        case "warmup_stable_decay":
            batches = math.ceil(rows / training.per_device_train_batch_size)
            epoch = math.ceil(batches / training.gradient_accumulation_steps)
            steps = training.max_steps if training.max_steps > 0 else math.ceil(training.num_train_epochs * epoch)
            return {"num_decay_steps": max(1, round(DECAY_SHARE * steps))}
        case _:
            return {}


def precision(args: TrainingArguments) -> Literal["fp32", "bf16", "fp16"]:
    """Return the number format that the matrix products are in."""
    return "bf16" if args.bf16 else "fp16" if args.fp16 else "fp32"


def supports_bf16() -> bool:
    """Say whether bf16 is faster here: on a CPU only with instructions of its own (145 against 90 examples/s)."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def use_threads() -> None:
    """Give torch the threads that `OMP_NUM_THREADS` names: a forked run inherits the server's number."""
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0))))
