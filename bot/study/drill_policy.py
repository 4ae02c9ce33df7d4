"""What to drill next: a pure function over plain values, which the bot and tests/bench/drills.py both call.

Two decisions. *When to bring something new* is the bigger one: two lessons a day while the last answers go well, and
more where the day's portion has room. "Well" is 80% right, and less for whoever has missed days: it was time that made
them forget, and if their few days all went into the queue they would never see the rest. *Which of the known*: the one
whose review adds most to the recall expected two weeks from now: what is half forgotten before what is safe for long,
and what sticks before what never did.

Recall counts elapsed days times the learner's forgetting speed. In the five conditions of tests/bench/drills.py no
other policy is better by more than 0.01, and each of the others loses 0.2 to 0.4 in one of them.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from bot.study import forgetting

DUE_BELOW = 0.85  # predicted recall
PORTION = 5  # drills a day; when less is due, what gains most from a review fills it up
NEW_A_DAY, MORE_BY_MISSING = 2, 2  # whoever missed half of the days gets one more a day
GATE_REVIEWS, GATE_RIGHT = 15, 0.8
GATE_OPENS_AT = 5  # reviews: fewer say nothing
GATE_DAYS, EASED_BY_MISSING = 14, 0.5  # the share of days missed takes half of itself off the gate
HORIZON = 14  # days
NEIGHBOURS = 3  # how far down its order it looks for a lesson of another topic than the last

Reason = Literal["new", "due", "practice"]


class Known(NamedTuple):
    """A lesson that was reviewed `elapsed` whole days ago, as FSRS remembers it."""

    lesson: str
    topic: int
    elapsed: float
    stability: float
    difficulty: float


class New(NamedTuple):
    """A lesson that may begin: what it needs is known."""

    lesson: str
    topic: int


class Choice(NamedTuple):
    """What to drill, and why."""

    lesson: str
    topic: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class Situation:
    """How a learner stands today.

    `recent` are the last results, the latest first; `missed` is the share of the last 14 days without a drill;
    `weights` are those of FSRS.
    """

    recent: Sequence[bool] = ()
    missed: float = 0.0
    new_today: int = 0
    answered_today: int = 0
    last_topic: int | None = None
    speed: float = 1.0
    weights: Sequence[float] = forgetting.DEFAULT


def choose(known: Sequence[Known], new: Sequence[New], situation: Situation) -> Choice | None:
    """Return what to drill next; None when the day's portion is done and nothing more is due."""
    ranked = _rank([card for card in known if card.elapsed >= 1], situation)
    if new and gate_is_open(situation, room=not ranked and situation.answered_today < PORTION):
        ranked.insert(0, Choice(*new[0], "new"))
    interleaved = (choice for choice in ranked[:NEIGHBOURS] if choice.topic != situation.last_topic)
    return next(interleaved, ranked[0] if ranked else None)


def gate_is_open(situation: Situation, *, room: bool = False) -> bool:
    """Say whether something new may come: not too much today, and the last answers went well.

    With `room` in the day's portion, because nothing is there to be reviewed, there is no too much.
    """
    recent = situation.recent[:GATE_REVIEWS]
    wanted = GATE_RIGHT - EASED_BY_MISSING * situation.missed
    goes_well = len(recent) < GATE_OPENS_AT or sum(recent) >= wanted * len(recent)
    return goes_well and (room or situation.new_today < int(NEW_A_DAY + MORE_BY_MISSING * situation.missed))


def missed_share(days: Collection[int], today: int) -> float:
    """Return the share of the 14 days before today without a drill, counted from the first drill on.

    Days are whole numbers that go up by one, such as ordinals of dates.
    """
    first = max(min(days, default=today), today - GATE_DAYS)
    here = {day for day in days if first <= day < today}
    return 1 - len(here) / (today - first) if first < today else 0.0


def is_due(elapsed: float, stability: float, situation: Situation) -> bool:
    """Say whether a lesson must be reviewed before it is forgotten."""
    return elapsed >= 1 and bool(_recall(elapsed, stability, situation) < DUE_BELOW)


def days_until_due(stability: float, situation: Situation) -> int:
    """Return how many whole days after its last review a lesson comes due, 1 at least."""
    days = forgetting.days_to(situation.weights, DUE_BELOW, stability) / situation.speed
    return max(1, int(days) + 1)


def _rank(known: Sequence[Known], situation: Situation) -> list[Choice]:
    """Sort by what a review gains; beyond the day's portion only what is due remains."""
    if not known:
        return []
    elapsed, stability, difficulty = np.array([card[2:] for card in known], float).T
    due = _recall(elapsed, stability, situation) < DUE_BELOW
    speed = situation.speed
    gains = forgetting.gain(situation.weights, elapsed * speed, stability, difficulty, HORIZON * speed)
    order = np.argsort(-gains, kind="stable").tolist()
    if situation.answered_today >= PORTION:
        order = [place for place in order if due[place]]
    return [Choice(known[i].lesson, known[i].topic, "due" if due[i] else "practice") for i in order[:NEIGHBOURS]]


def _recall(elapsed: forgetting.Values, stability: forgetting.Values, situation: Situation) -> forgetting.Values:
    return forgetting.recall(situation.weights, elapsed * situation.speed, stability)
