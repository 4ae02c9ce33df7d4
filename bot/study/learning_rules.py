"""Rules about what the loss did: each a small function from a run to a finding, or None.

Thresholds are set on real runs (tests/bench/coach.py); losses are compared with chance, the loss of guessing.
"""

import math
from collections.abc import Callable
from itertools import pairwise
from statistics import fmean

from bot.study.finding import Finding
from bot.study.observed import Observed

Rule = Callable[[Observed], Finding | None]

GUESSING = 0.98  # of chance: a loss above it has learnt nothing
TIMID = 5  # times below the usual learning rate: too low a rate does not throw anything
BOLD = 3  # times above it
THROWN = 1.15  # of chance: a loss that was this high was thrown there
SPIKE = 1.15  # of the first loss: above it, the first steps were too long
RISEN = 1.15  # of the best validation loss: overfitted
STILL_FALLING = 0.96  # training loss of the last tenth, of the tenth before it
UNSPENT = 0.25  # of the exercise's budget: below it there is room for much more
ROUGH = 0.12  # mean jump between logged losses, of the loss: far more than batches of this size differ by


def random_weights(run: Observed) -> Finding | None:
    """A classifier from random weights still guesses: these rows cannot teach it the language."""
    if not run.untaught or run.learned or not math.isfinite(run.last):
        return None
    what = "It began from random weights, and these rows are too few to teach it what words mean."
    evidence = (
        f"{run.config.model} saw {run.result.train_tokens:,} tokens and its training loss ended at {run.last:.2f}; "
        f"guessing gives {run.chance:.2f}. Pretraining is what a model of this size cannot make up for."
    )
    return Finding("random_weights", what, evidence, {"model": "minilm"}, "model-selection")


def diverged(run: Observed) -> Finding | None:
    """The loss is not a number, or the run ended no better than chance after having been thrown off."""
    change: dict[str, float | int | str | bool] = {"training.learning_rate": min(run.usual_rate, run.rate / 10)}
    lost = next((step for step in run.history.steps if not math.isfinite(step.loss)), None)
    if lost:
        finite = next((loss for loss in reversed(run.losses) if math.isfinite(loss)), math.nan)
        what = f"The loss was no longer a number at step {lost.step}: the run diverged."
        evidence = f"Learning rate {run.rate:g}; last finite loss {finite:.2f}."
        return Finding("diverged", what, evidence, change, "basic-training-loop")
    peak = max(run.losses)
    collapsed = run.one_class and run.rate > run.usual_rate / TIMID
    if run.last < GUESSING * run.chance or not (peak > THROWN * run.chance or collapsed):
        return None
    what = "The learning rate threw the model off, and it ended up guessing."
    evidence = (
        f"At learning rate {run.rate:g} the training loss went up to {peak:.2f} and settled at {run.last:.2f}; "
        f"guessing gives {run.chance:.2f}."
    ) + (" It names the same class for every row." if run.one_class else "")
    slower = run.usual_rate if run.rate > run.usual_rate else round(run.rate / 3, 9)
    return Finding("diverged", what, evidence, {"training.learning_rate": slower}, "basic-training-loop")


def learning_rate_too_low(run: Observed) -> Finding | None:
    """The loss hardly moved, smoothly, at a rate far below what the method needs."""
    start = fmean(run.losses[: max(1, len(run.losses) // 4)])
    if run.rate > run.usual_rate / TIMID or run.last < 0.85 * start or run.last < 0.8 * run.chance:
        return None
    what = "The learning rate is too low: the model hardly moved from where it began."
    evidence = (
        f"At {run.rate:g} the training loss went from {start:.2f} to {run.last:.2f} over "
        f"{run.history.steps[-1].step} steps; guessing gives {run.chance:.2f}."
    )
    return Finding(
        "learning_rate_too_low", what, evidence, {"training.learning_rate": run.usual_rate}, "learning-rate-setup"
    )


def learning_rate_too_high(run: Observed) -> Finding | None:
    """At a rate far above the usual one it learns nothing, or on a rough way.

    A language model beats guessing within a few steps: what it has to beat is its baseline, a compressor.
    """
    if run.rate < BOLD * run.usual_rate or not math.isfinite(run.last):
        return None
    learned = run.learned and (bool(run.exercise.heads) or not run.below_baseline)
    steps = [abs(b - a) / max(a, 1e-9) for a, b in pairwise(run.losses[len(run.losses) // 4 :])]
    rough = fmean(steps) if steps else 0.0
    if learned and rough < ROUGH:
        return None
    what = "The learning rate is too high: each step overshoots, and the loss cannot settle."
    evidence = (
        f"At {run.rate:g}, {run.rate / run.usual_rate:.0f} times what usually works here, the training loss ended at "
        f"{run.last:.2f} (guessing gives {run.chance:.2f}) and jumped by {rough:.0%} from one logged step to the next."
    )
    return Finding(
        "learning_rate_too_high", what, evidence, {"training.learning_rate": run.usual_rate}, "learning-rate-setup"
    )


def no_warmup(run: Observed) -> Finding | None:
    """Without warmup the first steps threw the loss up, and it took time to come back."""
    warmup = run.config.training.warmup_steps
    if (warmup if warmup >= 1 else warmup * run.steps) >= 0.02 * run.steps or not math.isfinite(run.last):
        return None
    early = run.losses[: max(3, len(run.losses) // 5)]
    if max(early) < SPIKE * run.losses[0] or run.last > run.losses[0]:
        return None
    what = "The first steps were too long: the loss shot up before it fell."
    evidence = (
        f"Without warmup the training loss went from {run.losses[0]:.2f} up to {max(early):.2f} in the first fifth, "
        f"and down to {run.last:.2f} in the end."
    )
    return Finding("no_warmup", what, evidence, {"training.warmup_steps": 0.06}, "warmup-strategies")


def overfit(run: Observed) -> Finding | None:
    """Validation loss rose again from its best while training loss went on falling."""
    if len(run.evals) < 3 or run.best is None:
        return None
    best, end = run.best, run.evals[-1]
    after = [step.loss for step in run.history.steps if step.step > best.step]
    before = [step.loss for step in run.history.steps if step.step <= best.step][-5:]
    if not after or not before or end.loss < RISEN * best.loss or fmean(after[-5:]) > 0.8 * fmean(before):
        return None
    what = f"It overfitted from step {best.step} on: it learned the training rows by heart."
    evidence = (
        f"Validation loss was lowest at step {best.step} (epoch {best.epoch:.1f}, {best.loss:.2f}) "
        f"and rose to {end.loss:.2f}, while training loss fell to {fmean(after[-5:]):.2f}."
    )
    change = {"training.num_train_epochs": max(0.5, round(best.epoch * 2) / 2)}
    if run.config.training.num_train_epochs <= change["training.num_train_epochs"]:
        return Finding("overfit", what, evidence, {"training.load_best_model_at_end": True}, "overfitting-detection")
    return Finding("overfit", what, evidence, {**change}, "overfitting-detection")


def underfit(run: Observed) -> Finding | None:
    """It was still learning when it ended, and its budget has room for more."""
    if run.config.training.max_steps > 0 or not (run.learned or _gaining(run)):
        return None
    tenth = max(2, len(run.losses) // 10)
    end, before = fmean(run.losses[-tenth:]), fmean(run.losses[-2 * tenth : -tenth])
    improving = run.best is not None and run.evals[-1] is run.best and len(run.evals) > 1
    spent = run.result.train_tokens / run.exercise.budget.train_tokens
    decayed = run.config.training.lr_scheduler_type not in ("constant", "constant_with_warmup", "inverse_sqrt")
    falling = end < STILL_FALLING * before or (decayed and improving and run.last > 0.5 * run.chance)
    if not (falling and improving) or not 0 < spent < UNSPENT:
        return None
    epochs = run.config.training.num_train_epochs
    longer = math.floor(min(3 * epochs, 0.95 * epochs / spent) * 10) / 10
    what = "It ended too early: it was still learning."
    evidence = (
        f"The last evaluation was the best (validation loss {run.evals[-1].loss:.2f} after {run.evals[-2].loss:.2f}), "
        f"and only {spent:.0%} of the exercise's budget was spent."
    )
    return Finding("underfit", what, evidence, {"training.num_train_epochs": longer}, "training-metrics")


def _gaining(run: Observed) -> bool:
    """Say whether the validation score has clearly grown, though the loss is still near guessing."""
    return len(run.evals) > 1 and run.exercise.metric.clearly_better(run.evals[-1].score, run.evals[0].score)


def late_stop(run: Observed) -> Finding | None:
    """Early stopping waited so long that much of the run came after its best model."""
    patience = run.config.early_stopping_patience
    if patience is None or patience < 3 or run.best is None or len(run.evals) < 4:
        return None
    end = run.evals[-1].step
    wasted = (end - run.best.step) / end
    if wasted < 0.4:
        return None
    what = "Early stopping came late: most of what it trained after its best model was for nothing."
    evidence = (
        f"The best evaluation was at step {run.best.step}; with a patience of {patience} it trained to step {end}."
    )
    return Finding("late_stop", what, evidence, {"early_stopping_patience": 2}, "early-stopping")


RULES: tuple[Rule, ...] = (
    random_weights,
    diverged,
    learning_rate_too_low,
    learning_rate_too_high,
    overfit,
    no_warmup,
    late_stop,
    underfit,
)
