"""Turns a config into `TrainingArguments`."""

import os
from pathlib import Path

import torch
from transformers import TrainingArguments

from runner.config import Training
from runner.exercise import Metric

_SAME_NAME = set(Training.model_fields) - {"bf16", "load_best_model_at_end"}


def training_arguments(training: Training, metric: Metric, checkpoints: Path) -> TrainingArguments:
    """Return the Trainer's arguments; checkpoints are written only where the best one is to be kept."""
    keep_best = training.load_best_model_at_end
    return TrainingArguments(
        **training.model_dump(include=_SAME_NAME),
        output_dir=str(checkpoints),
        bf16=supports_bf16() if training.bf16 == "auto" else training.bf16,
        use_cpu=not torch.cuda.is_available(),
        load_best_model_at_end=keep_best,
        metric_for_best_model="score",
        greater_is_better=metric.higher_is_better,
        save_strategy=training.eval_strategy if keep_best else "no",
        save_steps=training.eval_steps,
        save_total_limit=1,
        save_only_model=True,
        logging_first_step=True,  # the first sign that the run is under way
        logging_nan_inf_filter=False,  # a NaN must be seen; the filter also costs a sync a step
        dataloader_pin_memory=torch.cuda.is_available(),
        report_to="none",
        disable_tqdm=True,
    )


def supports_bf16() -> bool:
    """Say whether bf16 is faster here: on a CPU only with instructions of its own (145 against 90 examples/s)."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())


def use_threads() -> None:
    """Give torch the threads that `OMP_NUM_THREADS` names: a forked run inherits the server's number."""
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0))))
