"""What ends a run before its last step: cancelling, divergence, the clock and the exercise's budget."""

import errno
import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Literal

import torch
from safetensors import SafetensorError
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from runner.catalog import ModelError
from runner.data import DataError
from runner.exercise import Budget
from runner.training.recorder import Recorder
from runner.training.several import follows

BUDGET_SLACK = 1.1  # the estimate that a config is accepted by may be this much too low
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class Stop(Exception):  # noqa: N818  # not an error: how a run is ended from inside the Trainer
    """Ends training; the message is a sentence for the learner."""

    def __init__(self, status: Literal["failed", "cancelled", "timed_out"], sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


@contextmanager
def cancel_signal() -> Iterator[threading.Event]:
    """Turn SIGTERM and SIGINT into an event for as long as the block lasts."""
    cancelled = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        cancelled.set()

    previous = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield cancelled
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


class Limits(TrainerCallback):
    """Raises Stop when the run must end, and ends training in peace when its budget of tokens is spent."""

    def __init__(self, recorder: Recorder, budget: Budget, cancelled: threading.Event) -> None:
        self._recorder = recorder
        self._budget = budget
        self._cancelled = cancelled
        self._deadline = time.monotonic() + budget.seconds

    def check(self, step: int = 0, total: int = 0) -> None:
        """Raise Stop when the run was cancelled or its time is over; of several processes the first one decides."""
        if follows():
            return
        if self._cancelled.is_set():
            raise Stop("cancelled", "The run was cancelled.")
        if time.monotonic() > self._deadline:
            where = f"at step {step} of {total}" if total else "before its first step"
            raise Stop(
                "timed_out",
                f"The run reached its time limit of {self._budget.seconds} s {where}: "
                "use fewer epochs, fewer rows or a shorter max_length.",
            )

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Check the clock, the signal and the tokens."""
        self.check(state.global_step, state.max_steps)
        spent = self._recorder.tokens > BUDGET_SLACK * self._budget.train_tokens
        if spent and not control.should_training_stop:
            control.should_training_stop = True
            self._recorder.note(
                f"Training ended at step {state.global_step} of {state.max_steps}: the exercise's budget of "
                f"{self._budget.train_tokens:,} tokens is spent."
            )

    def on_prediction_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Check the clock and the signal."""
        self.check(state.global_step, state.max_steps)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Stop a run whose loss or gradient is no longer a number: nothing after that can be learned."""
        for key, words in (("loss", "loss"), ("grad_norm", "gradient's norm")):
            if not math.isfinite(value := (logs or {}).get(key, 0.0)):
                raise Stop(
                    "failed",
                    f"Training diverged: the {words} became {value} at step {state.global_step}. Lower the "
                    f"learning rate (now {args.learning_rate:g}) or warm up for longer.",
                )


def explain(error: BaseException) -> str:
    """Return one sentence for the learner on an exception that ended a run; the traceback belongs in the log."""
    text = str(error)
    if isinstance(error, DataError | ModelError):
        return f"{text[:1].upper()}{text[1:]}."
    if isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in text:
        smaller = "lower per_device_train_batch_size (raise gradient_accumulation_steps) or max_length"
        return f"Out of memory{_limit()}: {smaller}."
    full = isinstance(error, OSError) and error.errno in _DISK
    if full or (isinstance(error, SafetensorError) and ("too large" in text or "No space" in text)):
        return "The disk, or what a run may write to it, is full, so the run could not save its files."
    return f"Training broke off with an unexpected {type(error).__name__}; the log has the details."


def _limit() -> str:
    """Say what the engine lets a run use, where there is an engine."""
    memory = os.environ.get("COHORT_MEMORY")
    return f", of which a run may use {int(memory) / 1e9:.3g} GB here" if memory else ""
