"""What a learner has mastered, by Bayesian knowledge tracing over their drill answers.

The constants are LEARNING-FACTS': slip 0.1, learn 0.1, prior 0.2. With mastery at 0.95 they come to four right in a
row on multiple choice and two where guessing is hard; of one day's right answers to a lesson only the first counts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from math import factorial
from statistics import fmean

from sqlalchemy import or_
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.tables import Card, Learner, Progress, Review
from bot.study.memory import drill_day
from lessons import Curriculum, Drill

PRIOR, LEARN, SLIP = 0.2, 0.1, 0.1
MASTERED = 0.95
GUESS_AT_LEAST = 0.05


@dataclass(frozen=True, slots=True)
class Evidence:
    """One answer, on a day, with the chance of guessing it."""

    day: datetime
    right: bool
    guess: float


def trace(answers: Iterable[Evidence], known: float = PRIOR) -> float:
    """Return the probability that a lesson is known after some answers, oldest first."""
    counted: set[datetime] = set()
    for answer in answers:
        if answer.right and answer.day in counted:
            continue
        if answer.right:
            counted.add(answer.day)
        likely = (1 - SLIP, answer.guess) if answer.right else (SLIP, 1 - answer.guess)
        known = known * likely[0] / (known * likely[0] + (1 - known) * likely[1])
        known += (1 - known) * LEARN
    return known


def guess_chance(drill: Drill) -> float:
    """Return the probability of a right answer by guessing alone."""
    options = len(drill.options)
    match drill.kind:
        case "choice":
            return 1 / options
        case "several":
            return max(1 / (2.0**options - 1), GUESS_AT_LEAST)
        case "order":
            return max(1.0 / factorial(options), GUESS_AT_LEAST)
        case _:
            return GUESS_AT_LEAST


async def of(session: AsyncSession, learner: Learner, curriculum: Curriculum) -> dict[str, float]:
    """Return the probability that each lesson is known, for those drilled or tested out of.

    Answers after a hint and appealed ones count neither way. A drill that is gone counts as one of four options.
    """
    known = dict.fromkeys(await _tested_out(session, learner), MASTERED)
    evidence: dict[str, list[Evidence]] = {}
    # Columns and not rows: there may be thousands, and making objects of them would hold up the loop.
    answered = select(Card.lesson, Review.drill, Review.answered_at, Review.right)
    mine = answered.join(Card, col(Card.id) == col(Review.card_id)).where(
        Review.learner_id == learner.id,
        or_(col(Review.right).is_(False), col(Review.right) & (col(Review.hints) == 0)),
        col(Review.appealed_at).is_(None),
    )
    for lesson, drill, answered_at, right in await session.exec(mine.order_by(col(Review.answered_at), col(Review.id))):
        if answered_at:
            day = drill_day(answered_at, learner)
            evidence.setdefault(lesson, []).append(Evidence(day, bool(right), _guess(curriculum, drill)))
    known |= {lesson: trace(answers, known.get(lesson, PRIOR)) for lesson, answers in evidence.items()}
    return {lesson.slug: known[lesson.slug] for lesson in curriculum.lessons if lesson.slug in known}


def mastered(known: Mapping[str, float]) -> frozenset[str]:
    """Return the lessons that count as mastered."""
    return frozenset(lesson for lesson, probability in known.items() if probability >= MASTERED)


def by_topic(known: Mapping[str, float], curriculum: Curriculum) -> dict[int, float]:
    """Return each topic's mean over its lessons, by the topic's number; what was never drilled counts as 0."""
    return {topic.number: fmean(known.get(each.slug, 0.0) for each in topic.lessons) for topic in curriculum.topics}


async def _tested_out(session: AsyncSession, learner: Learner) -> list[str]:
    found = select(Progress.lesson).where(Progress.learner_id == learner.id, Progress.status == "tested_out")
    return list(await session.exec(found))


def _guess(curriculum: Curriculum, drill: str) -> float:
    found = curriculum.find_drill(drill)
    return guess_chance(found) if found else 0.25
