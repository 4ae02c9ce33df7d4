"""What a run's own curve says went wrong, with the evidence in numbers, one change to make and the lesson.

Each rule is one small function `(History, Config, Result) -> Finding | None`. Thresholds were set on real runs
of the built-in exercises (tests/bench/coach.py); losses are compared with chance, ln(number of labels).
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from runner.config import Config, usual_learning_rate
from runner.exercise import exercises
from runner.history import History
from runner.run_dir import Result


@dataclass(frozen=True, slots=True)
class Finding:
    """One diagnosis: what happened, the evidence, what to change (dotted key → value) and which lesson explains it."""

    rule: str
    what: str
    evidence: str
    change: dict[str, float | int]
    lesson: str

    def as_json(self) -> dict[str, Any]:
        """Return it as the store keeps it."""
        return asdict(self)


Rule = Callable[[History, Config, Result], Finding | None]


def diagnose(history: History, config: Config, result: Result) -> list[Finding]:
    """Return what the rules find, gravest first; nothing for a run that was stopped before it said anything."""
    if len(history.steps) < 4:
        return []
    findings = [finding for rule in RULES if (finding := rule(history, config, result))]
    return findings[:1] if any(finding.rule == "diverged" for finding in findings) else findings


def diverged(history: History, config: Config, result: Result) -> Finding | None:
    """The loss is not a number, or the run ended no better than chance after having been thrown off."""
    losses = [step.loss for step in history.steps]
    rate = config.training.learning_rate
    change = {"training.learning_rate": usual_learning_rate(config.exercise, config.method)}
    lost = next((step for step in history.steps if not math.isfinite(step.loss)), None)
    if lost:
        what = f"The loss was no longer a number at step {lost.step}: the run diverged."
        return Finding(
            "diverged",
            what,
            f"Learning rate {rate:g}; last finite loss {_last_finite(losses):.2f}.",
            change,
            "basic-training-loop",
        )
    chance = _chance(config)
    last, peak = fmean(losses[-len(losses) // 4 :]), max(losses)
    if last >= 0.98 * chance and peak >= 1.15 * chance and rate > usual_learning_rate(config.exercise, config.method):
        what = "The learning rate threw the model off, and it ended up guessing."
        evidence = (
            f"At learning rate {rate:g} the training loss jumped to {peak:.2f} and settled at {last:.2f}; "
            f"guessing gives {chance:.2f}."
        )
        return Finding("diverged", what, evidence, change, "basic-training-loop")
    return None


def learning_rate_too_low(history: History, config: Config, result: Result) -> Finding | None:
    """The loss hardly moved, smoothly, at a rate far below what the method needs."""
    rate, usual = config.training.learning_rate, usual_learning_rate(config.exercise, config.method)
    losses = [step.loss for step in history.steps]
    quarter = max(1, len(losses) // 4)
    first, last = fmean(losses[:quarter]), fmean(losses[-quarter:])
    if rate > usual / 5 or last < 0.85 * first or last < 0.8 * _chance(config):
        return None
    what = "The learning rate is too low: the model hardly moved from where it began."
    evidence = (
        f"At {rate:g} the training loss went from {first:.2f} to {last:.2f} over {history.steps[-1].step} steps; "
        f"guessing gives {_chance(config):.2f}."
    )
    return Finding("learning_rate_too_low", what, evidence, {"training.learning_rate": usual}, "basic-training-loop")


def overfit(history: History, config: Config, result: Result) -> Finding | None:
    """Validation loss rose again from its best while training loss went on falling."""
    evals = [e for e in history.evals if math.isfinite(e.loss)]
    if len(evals) < 3:
        return None
    best, end = min(evals, key=lambda e: e.loss), evals[-1]
    after = [step.loss for step in history.steps if step.step > best.step]
    before = [step.loss for step in history.steps if step.step <= best.step][-5:]
    if not after or not before or end.loss < 1.15 * best.loss or fmean(after[-5:]) > 0.8 * fmean(before):
        return None
    what = f"It overfitted from step {best.step} on: it learned the training rows by heart."
    evidence = (
        f"Validation loss was lowest at step {best.step} (epoch {best.epoch:.1f}, {best.loss:.2f}) "
        f"and rose to {end.loss:.2f}, while training loss fell to {fmean(after[-5:]):.2f}."
    )
    epochs = max(0.5, round(best.epoch * 2) / 2)
    return Finding("overfit", what, evidence, {"training.num_train_epochs": epochs}, "evaluation-metrics")


RULES: tuple[Rule, ...] = (diverged, learning_rate_too_low, overfit)


def _chance(config: Config) -> float:
    """Return the loss of guessing: of a multi-task exercise the mean over its heads, of a language model per token."""
    heads = exercises()[config.exercise].heads
    choices = [len(labels) for labels in heads.values()] or [
        256 if config.data.tokenizer == "bytes" else config.data.vocab_size
    ]
    return fmean(map(math.log, choices))


def _last_finite(losses: list[float]) -> float:
    return next((loss for loss in reversed(losses) if math.isfinite(loss)), math.nan)
