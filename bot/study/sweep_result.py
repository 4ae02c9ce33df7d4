"""What a sweep's runs came to: its cells, and the coach's word on how much a seed decides."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import stdev

from bot.store.tables import Run
from bot.study.finding import Finding
from bot.study.run import ENDED
from bot.study.search import Trial
from runner.exercise import Metric
from runner.sweep_scores import Cell

LEAST_SEEDS = 3  # before that a spread says nothing


def trials_of(runs: Iterable[Run]) -> list[Trial]:
    """Return the settings that a sweep has tried, in their order, each with the validation scores of its seeds."""
    by_trial: defaultdict[int, list[Run]] = defaultdict(list)
    for run in runs:
        by_trial[run.trial or 0].append(run)
    return [_trial(by_trial[number]) for number in sorted(by_trial)]


def _trial(runs: Sequence[Run]) -> Trial:
    scores = {seed_of(run): score for run in runs if (score := validation_of(run)) is not None}
    lost = sum(run.status in ENDED and validation_of(run) is None for run in runs)
    return Trial(Cell(runs[0].setting or {}, scores, lost), live=any(run.status not in ENDED for run in runs))


def validation_of(run: Run) -> float | None:
    """Return a run's score on the validation split; None unless it succeeded."""
    if run.status != "succeeded" or run.result is None:
        return None
    score: float | None = run.result.get("validation")
    return score


def seed_of(run: Run) -> int:
    """Return the seed of a run that has ended."""
    return int((run.result or {}).get("seed") or 0)


def unstable(cell: Cell, metric: Metric, values: Mapping[str, float]) -> Finding | None:
    """The same config with other seeds came out far apart, or not at all.

    Far is a standard deviation over the metric's tie, which is two standard errors of a score on rows alone: with
    three seeds that is chance once in fifty times. `values` has the config's learning rate and warmup.
    """
    if len(cell.scores) + cell.lost < LEAST_SEEDS or not cell.scores:
        return None
    spread = stdev(cell.scores.values()) if len(cell.scores) > 1 else 0.0
    if spread < metric.tie and not cell.lost:
        return None
    scores = ", ".join(metric.format(score) for score in sorted(cell.scores.values()))
    lost = f"; {cell.lost} of {cell.lost + len(cell.scores)} came to no score" if cell.lost else ""
    return Finding(
        "unstable",
        "It is unstable across seeds: which seed it had decides more than what you compared.",
        f"The same config came to {scores}{lost}. Report mean and spread, never the best seed.",
        _calmer(values),
        "results-analysis",
    )


def _calmer(values: Mapping[str, float]) -> dict[str, float | int | str | bool]:
    """Return one change that calms training: warmup where there is hardly any, otherwise half of the rate."""
    if values["training.warmup_steps"] < 0.05:
        return {"training.warmup_steps": 0.1}
    return {"training.learning_rate": float(f"{values['training.learning_rate'] / 2:.3g}")}
