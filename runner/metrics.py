"""The metrics that exercises are scored by, on predicted and true class numbers.

A multi-task exercise has the mean of its heads; bits per byte are computed where the bytes are known, in the task.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Classes = NDArray[np.int64]
Rows = NDArray[np.int64]


def accuracy(predicted: Classes, true: Classes) -> float:
    """Return the share of rows that are right."""
    return float((predicted == true).mean())


def macro_f1(predicted: Classes, true: Classes) -> float:
    """Return the mean over the classes of the F1 score; a class that occurs in neither array does not count."""
    classes = np.union1d(predicted, true)
    hits = np.array([np.sum((predicted == c) & (true == c)) for c in classes])
    sizes = np.array([np.sum(predicted == c) + np.sum(true == c) for c in classes])
    return float(np.mean(2 * hits / sizes))


def interval(score: Callable[[Rows], float], rows: int, seed: int = 0, resamples: int = 300) -> tuple[float, float]:
    """Return the 95% interval of a score over rows drawn anew with replacement: how far chance alone takes it.

    `score` takes row numbers. Efron (1979), Bootstrap Methods: the percentile interval.
    """
    chance = np.random.default_rng(seed)
    scores = [score(chance.integers(0, rows, rows)) for _ in range(resamples)]
    low, high = np.quantile(scores, [0.025, 0.975])
    return float(low), float(high)


METRICS: dict[str, Callable[[Classes, Classes], float]] = {"accuracy": accuracy, "macro-f1": macro_f1}
