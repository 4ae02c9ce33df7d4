"""Item response theory: how likely a right answer is at an ability, and what answers say of the ability.

Abilities and difficulties are on one scale, in logits. Every function takes arrays of any leading shape and
broadcasts them; what is known of an ability is its probability at each point of `GRID`, in the last axis. A
learner's ability in one topic lies around their overall ability with a standard deviation of `PROFILE_SD`.
"""

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Numbers = npt.ArrayLike

GRID: Array = np.linspace(-4.0, 4.0, 161)
_SPACING = float(GRID[1] - GRID[0])
_TINY = 1e-9  # no answer is impossible, or its logarithm would be

PROFILE_SD = (
    0.5  # logits; simulated learners with an even profile lose nothing by it, and those with an uneven one gain
)


def probability_right(ability: Numbers, discrimination: Numbers, difficulty: Numbers, guess: Numbers) -> Array:
    """Return the probability of a right answer: the three-parameter logistic model (Birnbaum, 1968)."""
    steepness = np.asarray(discrimination) * (np.asarray(ability) - np.asarray(difficulty))
    right: Array = np.asarray(guess) + (1.0 - np.asarray(guess)) / (1.0 + np.exp(-steepness))
    return right


def information(ability: Numbers, discrimination: Numbers, difficulty: Numbers, guess: Numbers) -> Array:
    """Return the Fisher information that an item's answer has of an ability, in 1 / logits²."""
    right = probability_right(ability, discrimination, difficulty, guess)
    knows = (right - np.asarray(guess)) / (1.0 - np.asarray(guess))
    found: Array = (np.asarray(discrimination) * knows) ** 2 * (1.0 - right) / right
    return found


def honest_guess(guess: Array, right: npt.NDArray[np.bool_], unsure: npt.NDArray[np.bool_]) -> Array:
    """Return the guessing terms of one test's items, less what the learner left to "not sure": all of shape (…, items).

    "Not sure" counts as not knowing, like a wrong answer, for which the guessing term cancels out. But who says it
    guesses less, so that their right answers mean more. Their share of guesses is estimated from the test itself,
    starting at one half. tests/bench/placement.py (day one, uneven profiles) places 77% of learners rightly who mostly
    say "not sure" where they do not know, 72% of those who never do and 79% of those who always do; with the full
    term it is 74, 73 and 72%, with none of it 74, 61 and 78%.
    """
    wrong = (~right & ~unsure).sum(axis=-1, keepdims=True)
    said = unsure.sum(axis=-1, keepdims=True)
    unknown = said + wrong / (1.0 - guess)  # of those guessed, only the unlucky ones show
    left: Array = guess * (1.0 - (said + 2.0) / (unknown + 4.0))
    return left


def likelihood(right: npt.ArrayLike, discrimination: Array, difficulty: Array, guess: Array) -> Array:
    """Return the probability of each answer, right or not, at each point of the grid: shape (…, 161)."""
    p = probability_right(GRID, discrimination[..., None], difficulty[..., None], guess[..., None])
    return np.clip(np.where(np.asarray(right)[..., None], p, 1.0 - p), _TINY, 1.0)


def joint(likelihoods: Array, topics: npt.NDArray[np.int_], count: int) -> Array:
    """Multiply the likelihoods of answers topic by topic: (…, answers, 161) to (…, count, 161).

    `topics` holds each answer's topic, from 0 to `count` - 1.
    """
    belongs = topics[..., None, :] == np.arange(count)[:, None]
    product: Array = np.exp(belongs.astype(float) @ np.log(likelihoods))
    return product


def normal(mean: Numbers, sd: Numbers) -> Array:
    """Return a normal distribution on the grid: shape (…, 161)."""
    z = (GRID - np.asarray(mean)[..., None]) / np.asarray(sd)[..., None]
    return _normalized(np.exp(-0.5 * z**2))


def posterior(prior: Array, by_topic: Array) -> Array:
    """Return the distribution of the overall ability given answers: their `joint` likelihoods by topic (…, T, 161).

    Several answers on one topic say less than as many on different topics, because they share what the learner's
    ability in it deviates by (the testlet model of Bradlow, Wainer and Wang, 1999).
    """
    return _normalized(prior * (by_topic @ _PROFILE.T).prod(axis=-2))


def topic_posteriors(prior: Array, by_topic: Array) -> Array:
    """Return the distribution of the ability in each topic: shape (…, T, 161)."""
    overall = by_topic @ _PROFILE.T
    from_others = prior[..., None, :] * overall.prod(axis=-2, keepdims=True) / overall
    return _normalized(by_topic * (_normalized(from_others) @ _PROFILE))


def estimate(distribution: Array) -> tuple[Array, Array]:
    """Return mean and standard deviation: the expected-a-posteriori ability and its standard error."""
    mean = distribution @ GRID
    variance = distribution @ GRID**2 - mean**2
    return mean, np.sqrt(np.maximum(variance, 0.0))


def band_probabilities(distribution: Array, cuts: Numbers) -> Array:
    """Return the probability of each band that the cuts make of the scale, lowest first: shape (…, cuts + 1).

    A point of the grid stands for the interval around it, which a cut may divide.
    """
    below = np.clip((np.asarray(cuts)[:, None] - GRID) / _SPACING + 0.5, 0.0, 1.0)
    cumulative = distribution @ below.T
    edge = np.zeros((*cumulative.shape[:-1], 1))
    bands: Array = np.diff(np.concatenate([edge, cumulative, edge + 1.0], axis=-1), axis=-1)
    return bands


def draw_best(merit: Array, count: int, rng: np.random.Generator) -> npt.NDArray[np.int_]:
    """Return the index of one of the `count` best along the last axis, at random; one of -inf is never drawn.

    At random, so that not everybody is asked the same few items and hears of them before.
    """
    best = np.argsort(-merit, axis=-1)[..., :count]
    allowed = np.isfinite(np.take_along_axis(merit, best, axis=-1)).sum(axis=-1)
    place = (rng.random(merit.shape[:-1]) * allowed).astype(int)
    drawn: npt.NDArray[np.int_] = np.take_along_axis(best, place[..., None], axis=-1)[..., 0]
    return drawn


def _normalized(weights: Array) -> Array:
    scaled: Array = weights / weights.sum(axis=-1, keepdims=True)
    return scaled


# Row: the overall ability; column: the probability of each ability in a topic. At its ends the grid cuts rows off.
_PROFILE: Array = normal(GRID, np.full(GRID.shape, PROFILE_SD))
