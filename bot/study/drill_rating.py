"""How an answer is rated: right or wrong, by how many hints, and how fast for this learner."""

from collections.abc import Sequence
from datetime import timedelta
from statistics import median

import fsrs

from bot.store.tables import Review
from lessons import Curriculum, Drill

FAST, SLOW = 0.5, 3.0  # times the learner's own median for this kind of drill
TIMES_NEEDED = 5  # answers: fewer have no usual time
PLAUSIBLE = timedelta(minutes=10)  # longer than this, somebody was away


def rate(right: bool, hints: int, pace: float | None, *, first: bool) -> fsrs.Rating:
    """Return FSRS's rating. `pace` is the time taken over the usual one; None: it says nothing.

    "Hard" is a pass in FSRS, so a wrong answer is always Again. The first answer on a lesson is never Easy: it may be
    a lucky one, and nothing else is known yet.
    """
    if not right:
        return fsrs.Rating.Again
    if hints or (pace is not None and pace > SLOW):
        return fsrs.Rating.Hard
    if pace is not None and pace < FAST and not first:
        return fsrs.Rating.Easy
    return fsrs.Rating.Good


def pace(taken: timedelta, drill: Drill, earlier: Sequence[Review], curriculum: Curriculum) -> float | None:
    """Return how long an answer took over the median of the learner's earlier ones of that kind."""
    usual = [review for review in earlier if _kind(curriculum, review.drill) == drill.kind and _taken(review)]
    if not timedelta() < taken <= PLAUSIBLE or len(usual) < TIMES_NEEDED:
        return None
    return taken.total_seconds() / median(_taken(review) for review in usual)


def _taken(review: Review) -> float:
    """Return an answer's time in seconds; 0 when it is not plausible."""
    if review.answered_at is None:
        return 0.0
    taken = review.answered_at - review.asked_at
    return taken.total_seconds() if timedelta() < taken <= PLAUSIBLE else 0.0


def _kind(curriculum: Curriculum, drill: str) -> str | None:
    found = curriculum.find_drill(drill)
    return found.kind if found else None
