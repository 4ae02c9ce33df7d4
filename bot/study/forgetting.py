"""FSRS-6's curve and its two moves, as formulas over numbers or numpy arrays, and one forgetting speed a learner.

`fsrs` moves the cards that are stored; the policy has to ask "what if" of every card before each question, and its
bench of half a thousand learners at once, for which the package's objects are too slow. A test holds the two equal.
Source: https://github.com/open-spaced-repetition/fsrs4anki/wiki/The-Algorithm (FSRS-6).
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from fsrs.scheduler import DEFAULT_PARAMETERS

Values = Any  # a float or an array of floats: what comes in decides what goes out
Weights = Sequence[Values]  # 21 numbers, or as many arrays

DEFAULT: tuple[float, ...] = DEFAULT_PARAMETERS
STABILITY_MIN = 0.001  # days

SPEED_RATE = 0.1
SPEED_RANGE = (0.25, 8.0)


def recall(weights: Weights, elapsed: Values, stability: Values) -> Values:
    """Return the probability of recall after `elapsed` days; after `stability` days it is 0.9."""
    decay = weights[20]
    return (1 + (0.9 ** (-1 / decay) - 1) * elapsed / stability) ** -decay


def days_to(weights: Weights, probability: float, stability: float) -> float:
    """Return after how many days recall has fallen to a probability: the inverse of `recall`."""
    decay = weights[20]
    return float(stability * (probability ** (-1 / decay) - 1) / (0.9 ** (-1 / decay) - 1))


def remembered(weights: Weights, stability: Values, difficulty: Values, recalled: Values) -> Values:
    """Return the stability after a review that was Good, at a recall of `recalled`."""
    growth = np.exp(weights[8]) * (11 - difficulty) * stability ** -weights[9]
    return stability * (1 + growth * np.expm1((1 - recalled) * weights[10]))


def forgotten(weights: Weights, stability: Values, difficulty: Values, recalled: Values) -> Values:
    """Return the stability after a review that was Again, at a recall of `recalled`."""
    lapse = weights[11] * difficulty ** -weights[12] * ((stability + 1) ** weights[13] - 1)
    lapse = lapse * np.exp((1 - recalled) * weights[14])
    return np.maximum(np.minimum(lapse, stability / np.exp(weights[17] * weights[18])), STABILITY_MIN)


def gain(weights: Weights, elapsed: Values, stability: Values, difficulty: Values, horizon: float) -> Values:
    """Return by how much a review now would raise the recall expected `horizon` days from now."""
    now = recall(weights, elapsed, stability)
    after_good = recall(weights, horizon, remembered(weights, stability, difficulty, now))
    after_again = recall(weights, horizon, forgotten(weights, stability, difficulty, now))
    return now * after_good + (1 - now) * after_again - recall(weights, elapsed + horizon, stability)


def learn_speed(speed: float, expected: float, right: bool) -> float:
    """Return the forgetting speed after a review that was `expected` to be right with that probability.

    A surprise moves it, so it comes to rest where as many are right as was expected. The rate is about what Bayes
    would take: one review says little of a curve as flat as FSRS's.
    """
    low, high = SPEED_RANGE
    return min(max(speed * math.exp(SPEED_RATE * (expected - right)), low), high)
