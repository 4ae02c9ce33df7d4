"""Writes what the Trainer does to the run directory, as events."""

import time
from collections.abc import Sequence
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from runner.history import History
from runner.run_dir import Checkpoint, Eval, Event, Note, RunDir, Start, Step


class Recorder(TrainerCallback):
    """Appends the events of one run, and keeps the totals that its result reports."""

    def __init__(self, run_dir: RunDir) -> None:
        self.steps = 0
        self.tokens = 0
        self.examples_per_second = 0.0  # of this process
        self.seconds = 0.0  # of training alone, without its evaluations
        self.resumed_at = 0  # the step that this process began after
        self._seconds_before = 0.0
        self._run_dir = run_dir
        self._events: list[Event] = []
        self._start: Start | None = None
        self._epoch_tokens = 0
        self._began = 0.0

    def expect(self, start: Start, epoch_tokens: int) -> None:
        """Say what will be trained, and how many non-padding tokens the rows of one epoch have."""
        self._start, self._epoch_tokens = start, epoch_tokens

    def go_on(self, earlier: Sequence[Event], step: int, own: bool) -> None:
        """Say that training goes on after a step, and what was recorded up to it: in its `own` run directory or not."""
        self._events = list(earlier)
        saved = [event for event in earlier if isinstance(event, Checkpoint) and event.step == step]
        self._seconds_before = saved[-1].seconds if saved else 0.0
        if not own:
            for event in earlier:
                self._run_dir.append(event)

    def note(self, sentence: str) -> None:
        """Write a sentence for the learner."""
        self._append(Note(text=sentence))

    @property
    def history(self) -> History:
        """Return what was recorded so far."""
        return History.of(self._events)

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Write that training is about to take its first step."""
        self._began = time.monotonic()
        self.resumed_at = state.global_step
        if self._start:
            now = {"time": time.time(), "total_steps": state.max_steps, "resumed_at": state.global_step}
            self._append(self._start.model_copy(update=now))

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Keep the totals: tokens follow from the share of the train split that was seen."""
        self.steps = state.global_step
        self.tokens = round((state.epoch or 0.0) * self._epoch_tokens)
        batch = args.train_batch_size * args.gradient_accumulation_steps * args.world_size
        seconds = time.monotonic() - self._began
        self.seconds = self._seconds_before + seconds
        self.examples_per_second = (state.global_step - self.resumed_at) * batch / seconds

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Write a training step; the Trainer's other logs (evaluations, totals) have no `loss`."""
        if logs and "loss" in logs:
            self._append(
                Step(
                    step=state.global_step,
                    epoch=state.epoch or 0.0,
                    loss=logs["loss"],
                    learning_rate=logs["learning_rate"],
                    grad_norm=logs.get("grad_norm"),
                )
            )

    def on_evaluate(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        metrics: dict[str, float] | None = None,
        **_: Any,
    ) -> None:
        """Write an evaluation on the validation split."""
        if not metrics:
            return
        self._began += metrics["eval_runtime"]
        loss, score = metrics["eval_loss"], metrics["eval_score"]
        self._append(Eval(step=state.global_step, epoch=state.epoch or 0.0, loss=loss, score=score))

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Write that a checkpoint was saved."""
        self._append(Checkpoint(step=state.global_step, seconds=round(self.seconds, 2)))

    def _append(self, event: Event) -> None:
        self._events.append(event)
        self._run_dir.append(event)
