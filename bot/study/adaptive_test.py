"""The adaptive test of everything, or of one topic: what to ask next, when to stop, and what the answers say."""

from dataclasses import dataclass

import numpy as np

from bot.study import item_response as irt
from bot.study.item_bank import TOPICS, ItemBank, topic_place

LEVELS = ("beginner", "intermediate", "advanced")
CUTS = ((topic_place(4) + topic_place(5)) / 2, (topic_place(8) + topic_place(9)) / 2)
SURE = 0.8  # P(level) from which the test stops
LIMIT, TOPIC_LIMIT, TOPIC_LEAST = 16, 10, 5  # questions; a topic's test asks about each of its lessons
PER_TOPIC = 2
BEST = 5
# Who is 1 logit above a topic's middle answers three in four of its average questions without guessing.
MASTERY = 1.0
# Learners as they come, and what they say of themselves: thirds of a normal distribution, valid to r = .29
# (LEARNING-FACTS). THIRD is the mean of the upper third in standard deviations.
POPULATION_SD, VALIDITY, THIRD = 1.15, 0.29, 1.09


def prior(said: str | None) -> irt.Array:
    """Return what is known of an ability before the test, from the level that a learner gives themselves."""
    if said is None:
        return irt.normal(0.0, POPULATION_SD)
    mean = POPULATION_SD * VALIDITY * THIRD * (LEVELS.index(said) - 1)
    return irt.normal(mean, POPULATION_SD * (1.0 - VALIDITY**2) ** 0.5)


@dataclass(frozen=True, slots=True)
class AdaptiveTest:
    """A test as it stands. Items are places in the bank; `topic` is a topic's number, or None for all of them."""

    bank: ItemBank
    prior: irt.Array  # of the overall ability
    topic: int | None
    asked: tuple[int, ...]
    right: tuple[bool, ...]
    unsure: tuple[bool, ...]
    seen: frozenset[int] = frozenset()  # elsewhere: used only when nothing else is left

    @property
    def limit(self) -> int:
        """How many questions it takes at most."""
        return LIMIT if self.topic is None else TOPIC_LIMIT

    def by_topic(self) -> irt.Array:
        """Return the likelihood of the answers at each ability, topic by topic: shape (13, 161)."""
        items = np.array(self.asked, dtype=int)
        right, unsure = np.array(self.right, dtype=bool), np.array(self.unsure, dtype=bool)
        guess = irt.honest_guess(self.bank.guess[items], right, unsure)
        each = irt.likelihood(right, self.bank.discrimination[items], self.bank.difficulty[items], guess)
        return irt.joint(each, self.bank.topics[items], TOPICS)

    def ability(self) -> irt.Array:
        """Return the distribution of the ability tested: overall, or in the one topic."""
        if self.topic is None:
            return irt.posterior(self.prior, self.by_topic())
        distribution: irt.Array = irt.topic_posteriors(self.prior, self.by_topic())[self.topic - 1]
        return distribution

    def bands(self) -> irt.Array:
        """Return the probability of each level, or that the topic is not mastered and that it is."""
        cuts = CUTS if self.topic is None else (topic_place(self.topic) + MASTERY,)
        return irt.band_probabilities(self.ability(), cuts)

    def is_over(self) -> bool:
        """Say whether enough is known, or enough was asked."""
        enough = self.topic is None or len(self.asked) >= TOPIC_LEAST
        return len(self.asked) >= self.limit or (enough and bool(self.bands().max() >= SURE))

    def choose(self, rng: np.random.Generator) -> int | None:
        """Return the next item: one of the most informative that keep the test balanced; None when none is left."""
        allowed = self._balanced()
        allowed = (allowed - self.seen) or allowed
        if not allowed:
            return None
        items = np.array(sorted(allowed))
        mean, _ = irt.estimate(self.ability())
        # As if nobody guessed: what has to be typed would crowd out the rest otherwise, and nobody is placed better.
        merit = irt.information(mean, self.bank.discrimination[items], self.bank.difficulty[items], 0.0)
        return int(items[irt.draw_best(merit, BEST, rng)])

    def _balanced(self) -> set[int]:
        """Return what may be asked: two items a topic at most; of one topic's lessons, those asked least."""
        topics = self.bank.topics
        left = set(range(len(topics))) - set(self.asked)
        if self.topic is None:
            per_topic = np.bincount(topics[list(self.asked)], minlength=TOPICS)
            return {item for item in left if per_topic[topics[item]] < PER_TOPIC}
        left = {item for item in left if topics[item] == self.topic - 1}
        lessons = [self.bank.drills[item].lesson for item in self.asked]
        times = {item: lessons.count(self.bank.drills[item].lesson) for item in left}
        return {item for item in left if times[item] == min(times.values())}
