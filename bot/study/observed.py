"""One run as the coach's rules see it: config, curve and result, with the figures that several rules read."""

import math
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

from runner.catalog import PACKAGED, Catalog
from runner.config import Config, total_steps, usual_learning_rate
from runner.exercise import Exercise
from runner.history import History
from runner.run_dir import Eval, Result


@dataclass(frozen=True)
class Observed:
    """A run that has logged some steps."""

    history: History
    config: Config
    result: Result
    catalog: Catalog = PACKAGED

    @cached_property
    def exercise(self) -> Exercise:
        """What was trained."""
        return self.catalog.exercises[self.config.exercise]

    @cached_property
    def losses(self) -> list[float]:
        """Training loss at each logged step: the mean since the one before."""
        return [step.loss for step in self.history.steps]

    @cached_property
    def first(self) -> float:
        """Mean training loss of the first tenth of what was logged."""
        return fmean(self.losses[: self._part(10)])

    @cached_property
    def last(self) -> float:
        """Mean training loss of the last quarter of what was logged."""
        return fmean(self.losses[-self._part(4) :])

    @cached_property
    def evals(self) -> list[Eval]:
        """Evaluations whose loss is a number."""
        return [e for e in self.history.evals if math.isfinite(e.loss)]

    @cached_property
    def best(self) -> Eval | None:
        """The evaluation with the lowest loss."""
        return min(self.evals, key=lambda e: e.loss, default=None)

    @cached_property
    def steps(self) -> int:
        """Steps that the run was meant to take."""
        return self.history.start.total_steps if self.history.start else total_steps(self.config, self.exercise)

    @cached_property
    def chance(self) -> float:
        """Loss of guessing: of a multi-task exercise the mean over its heads, of a language model per token."""
        sizes = [len(labels) for labels in self.exercise.heads.values()]
        vocabulary = 256 if self.config.data.tokenizer == "bytes" else self.config.data.vocab_size
        return fmean(math.log(size) for size in sizes or [vocabulary])

    @property
    def rate(self) -> float:
        """The config's peak learning rate."""
        return self.config.training.learning_rate

    @property
    def usual_rate(self) -> float:
        """A learning rate that trains well with this exercise and method."""
        return usual_learning_rate(self.config.exercise, self.config.method, self.config.model, self.catalog)

    @property
    def learned(self) -> bool:
        """Whether the loss ended clearly below guessing."""
        return math.isfinite(self.last) and self.last < 0.9 * self.chance

    def _part(self, share: int) -> int:
        return max(1, len(self.losses) // share)
