"""What a learner remembers of each lesson: one FSRS card a lesson, moved by ratings.

FSRS counts whole days, so all of a learner's local day is one instant. The weights are those fitted to the group's
reviews, where there are some.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache

import fsrs
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.tables import Card, Learner, Member, Memory, Review
from bot.study import forgetting
from bot.study.drill_policy import Situation, days_until_due
from bot.study.local_time import local_date, zone_of
from lessons import Curriculum

Weights = tuple[float, ...]


def drill_day(now: datetime, learner: Learner) -> datetime:
    """Return the fixed instant of a learner's local day."""
    return datetime.combine(local_date(now, zone_of(learner.timezone)), time(12), UTC)


async def weights_of(session: AsyncSession, learner: Learner) -> Weights:
    """Return the FSRS weights of the group that a learner was seen in last, or the package's."""
    fitted = select(Memory.parameters).join(Member, col(Member.group_id) == col(Memory.group_id))
    mine = fitted.where(Member.learner_id == learner.id).order_by(col(Member.last_seen_at).desc())
    found = (await session.exec(mine)).first()
    return tuple(found) if found else forgetting.DEFAULT


async def cards(session: AsyncSession, learner: Learner, curriculum: Curriculum) -> dict[str, Card]:
    """Return a learner's cards by lesson, less those whose lesson is no longer in the content."""
    slugs = {lesson.slug for lesson in curriculum.lessons}
    found = await session.exec(select(Card).where(Card.learner_id == learner.id).order_by(col(Card.id)))
    return {card.lesson: card for card in found if card.lesson in slugs}


def days_since(card: Card, day: datetime) -> int:
    """Return the whole days since a card's last review; 0 for one never reviewed."""
    return (day - card.last_review_at).days if card.last_review_at else 0


def recall(card: Card, day: datetime, situation: Situation) -> float:
    """Return the predicted probability that a card's lesson is remembered on a day; 0 for one never reviewed."""
    if card.stability is None:
        return 0.0
    elapsed = max(days_since(card, day), 0) * situation.speed
    return float(forgetting.recall(situation.weights, elapsed, card.stability))


def move(card: Card, rating: fsrs.Rating, day: datetime, situation: Situation) -> None:
    """Take a rating into a card."""
    moved, _ = _scheduler(tuple(situation.weights)).review_card(_fsrs(card), rating, day)
    card.stability, card.difficulty, card.last_review_at = moved.stability, moved.difficulty, moved.last_review
    card.due_at = day + timedelta(days=days_until_due(moved.stability or forgetting.STABILITY_MIN, situation))
    card.wanted_by = None


async def replay(session: AsyncSession, card: Card, learner: Learner, situation: Situation) -> None:
    """Work a card out anew from its reviews, one of which is rated otherwise now."""
    rated = select(Review).where(Review.card_id == card.id, col(Review.rating).is_not(None))
    reviews = (await session.exec(rated.order_by(col(Review.answered_at), col(Review.id)))).all()
    card.stability = card.difficulty = card.last_review_at = None
    wanted_by = card.wanted_by
    for rating, answered_at in ((review.rating, review.answered_at) for review in reviews):
        if rating and answered_at:
            move(card, fsrs.Rating(rating), drill_day(answered_at, learner), situation)
    card.wanted_by = wanted_by
    session.add(card)


def reviewed(found: Iterable[Card]) -> list[Card]:
    """Return the cards that there is a memory of."""
    return [card for card in found if card.stability is not None and card.last_review_at is not None]


@lru_cache(maxsize=64)
def _scheduler(weights: Weights) -> fsrs.Scheduler:
    return fsrs.Scheduler(weights, learning_steps=(), relearning_steps=(), enable_fuzzing=False)


def _fsrs(card: Card) -> fsrs.Card:
    """Return the package's card. It wants its own UTC object, and an id (without one it sleeps a millisecond)."""
    seen = card.last_review_at
    return fsrs.Card(
        card_id=card.id or 0,
        state=fsrs.State.Review if seen else fsrs.State.Learning,
        step=None if seen else 0,
        stability=card.stability,
        difficulty=card.difficulty,
        due=card.due_at.astimezone(UTC),
        last_review=seen.astimezone(UTC) if seen else None,
    )
