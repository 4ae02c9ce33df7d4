"""The metrics that exercises are scored by, on predicted and true class numbers.

A multi-task exercise has the mean of its heads; bits per byte are computed where the bytes are known, in the task.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Classes = NDArray[np.int64]


def accuracy(predicted: Classes, true: Classes) -> float:
    """Return the share of rows that are right."""
    return float((predicted == true).mean())


def macro_f1(predicted: Classes, true: Classes) -> float:
    """Return the mean over the classes of the F1 score; a class that occurs in neither array does not count."""
    classes = np.union1d(predicted, true)
    hits = np.array([np.sum((predicted == c) & (true == c)) for c in classes])
    sizes = np.array([np.sum(predicted == c) + np.sum(true == c) for c in classes])
    return float(np.mean(2 * hits / sizes))


METRICS: dict[str, Callable[[Classes, Classes], float]] = {"accuracy": accuracy, "macro-f1": macro_f1}
