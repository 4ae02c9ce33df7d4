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

SAME_SCORE = 0.005  # two scores, as shares of one, that are the same but for a few rows


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
        """A learning rate that trains well with this exercise, model, method and optimizer."""
        config = self.config
        return usual_learning_rate(
            config.exercise, config.method, config.training.optim, model=config.model, catalog=self.catalog
        )

    @property
    def learned(self) -> bool:
        """Whether the loss ended clearly below guessing."""
        return math.isfinite(self.last) and self.last < 0.9 * self.chance

    @property
    def below_baseline(self) -> bool:
        """Whether the score is clearly worse than the classical baseline's."""
        score, floor, metric = self.result.test, self.result.baselines.get(self.exercise.baseline), self.exercise.metric
        return score is not None and floor is not None and metric.clearly_better(floor, score)

    @property
    def one_class(self) -> bool:
        """Whether it scored what naming the most frequent class every time scores."""
        score, majority = self.result.test, self.result.baselines.get("majority")
        return score is not None and majority is not None and abs(score - majority) < SAME_SCORE

    @property
    def untaught(self) -> bool:
        """Whether a classifier began from random weights."""
        model = self.catalog.models.get(self.config.model)
        return bool(self.exercise.heads) and model is not None and not model.pretrained

    def _part(self, share: int) -> int:
        return max(1, len(self.losses) // share)
