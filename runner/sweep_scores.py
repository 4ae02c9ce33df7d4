"""What the runs of a sweep say: each setting's mean over seeds with its interval, and what differs from the base.

Scores are of the **validation** split. Whoever picks the best of many by the hidden test has fitted it to that test:
the best of 64 equal settings is ahead of their mean by over two standard deviations of noise, and the leaderboard
would rank that luck. So nothing here, nor the search, ever reads a test score.

Intervals are Student's t over seeds, 95%: with the three to ten seeds that a learner can pay for, a percentile
bootstrap is far too narrow. One seed has no interval.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from runner.exercise import Metric
from runner.sweep import Setting

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Cell:
    """One setting: validation scores by seed, and how many of its runs ended without one."""

    setting: Setting
    scores: Mapping[int, float]
    lost: int = 0

    @property
    def mean(self) -> float:
        """The mean over seeds; not a number without any score."""
        return fmean(self.scores.values()) if self.scores else math.nan

    @property
    def half(self) -> float | None:
        """Half the width of the mean's 95% interval over seeds; None for fewer than two."""
        return half_width(list(self.scores.values()))


@dataclass(frozen=True, slots=True)
class Difference:
    """By how much a setting differs from the base, with half the width of its 95% interval where there are seeds."""

    mean: float
    half: float | None


def half_width(values: Sequence[float]) -> float | None:
    """Return half the width of a mean's 95% t interval; None for fewer than two values."""
    if len(values) < 2:
        return None
    from scipy.special import stdtrit  # 0.4 s to import, and few need it

    quantile = float(stdtrit(len(values) - 1, 0.5 + CONFIDENCE / 2))
    return quantile * stdev(values) / math.sqrt(len(values))


def ranked(cells: Iterable[Cell], metric: Metric) -> list[Cell]:
    """Sort cells, the best first; those without a score come last."""
    sign = -1 if metric.higher_is_better else 1
    return sorted(cells, key=lambda cell: sign * cell.mean if cell.scores else math.inf)


def difference(cell: Cell, base: Cell) -> Difference | None:
    """Return by how much a cell differs from the base, paired by seed; None where no seed has both."""
    gaps = [score - base.scores[seed] for seed, score in cell.scores.items() if seed in base.scores]
    return Difference(fmean(gaps), half_width(gaps)) if gaps else None


def matters(found: Difference, metric: Metric) -> bool:
    """Say whether a difference is more than chance: over the metric's tie, and its interval without zero."""
    return abs(found.mean) >= metric.tie and (found.half is None or abs(found.mean) > found.half)


def tied(cell: Cell, best: Cell, metric: Metric) -> bool:
    """Say whether chance alone may explain that a cell is behind the best one."""
    if cell is best or not cell.scores:
        return False
    found = difference(cell, best) or Difference(cell.mean - best.mean, None)
    return not matters(found, metric)
