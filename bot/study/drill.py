"""What to drill next, and what an answer does to the memory of it.

One FSRS card a lesson and learner, under the gated policy: a new lesson only while reviews go well, and among the
due the one that is still best remembered first, because it can be saved. Measured against round robin, Leitner,
SM-2 and plain FSRS in LEARNING-FACTS: the smallest worst-case loss of all.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import fsrs
from sqlalchemy import CursorResult, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError
from bot.store.database import insert_new
from bot.store.tables import Card, Learner, Review
from lessons import Curriculum, Drill, Lesson, UnknownDrill, Verdict

DUE_BELOW = 0.85  # predicted recall
NEW_PER_DAY = 2
GATE_REVIEWS, GATE_RIGHT = 15, 0.8

_SCHEDULER = fsrs.Scheduler(learning_steps=(), relearning_steps=(), enable_fuzzing=False)


@dataclass(frozen=True, slots=True)
class Question:
    """A drill that was put to a learner."""

    review: Review
    drill: Drill
    lesson: Lesson
    reason: str  # why this one: "new", "due", "run" (a finding asks for it) or "open" (asked before, not answered)


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of an answer. When it was not understood, nothing was counted."""

    question: Question
    verdict: Verdict
    due_at: datetime | None


async def next_question(
    session: AsyncSession, curriculum: Curriculum, learner: Learner, lesson: Lesson | None, now: datetime
) -> Question | None:
    """Put the next drill to a learner, of one lesson if given; None when nothing is due."""
    cards = {card.lesson: card for card in await _cards(session, learner, curriculum)}
    wanted = next((curriculum.lesson(slug) for slug, card in cards.items() if card.wanted_by), None)
    if open_question := await _open_question(session, curriculum, learner, lesson or wanted):
        return open_question
    chosen = _asked_for(cards, lesson) if lesson else await _choose(session, curriculum, learner, cards, now)
    if chosen is None:
        return None
    slug, reason = chosen
    card = cards.get(slug) or await _card(session, learner, slug, now)
    drill = await _least_seen(session, learner, curriculum.lesson(slug))
    review = Review(learner_id=learner.id, card_id=card.id, drill=drill.id, asked_at=now)
    session.add(review)
    await session.flush()
    return Question(review, drill, curriculum.lesson(slug), reason)


async def answer(
    session: AsyncSession, curriculum: Curriculum, learner: Learner, review_id: int, given: str, now: datetime
) -> Answered:
    """Check an answer, rate it and move the card. Raises UserError when the question is not open for this learner."""
    question = await open_review(session, curriculum, learner, review_id)
    verdict = question.drill.check(given)
    if not verdict.understood:
        return Answered(question, verdict, None)
    rating = _rate(verdict.right, question.review.hints)
    closed = (
        update(Review)
        .where(col(Review.id) == review_id, col(Review.answered_at).is_(None))
        .values(answer=given[:500], right=verdict.right, rating=int(rating), answered_at=now)
    )
    first: CursorResult[int] = await session.exec(closed)
    if first.rowcount == 0:  # pressed twice at once
        raise UserError("You have answered this one already.", "`/drill` has the next.")
    card = (await session.exec(select(Card).where(Card.id == question.review.card_id))).one()
    _move(card, rating, drill_day(now, learner))
    session.add(card)
    return Answered(question, verdict, card.due_at)


async def hint(
    session: AsyncSession, curriculum: Curriculum, learner: Learner, review_id: int
) -> tuple[Question, str | None]:
    """Give the next hint of an open question, or None when there is no other; a hint costs the rating."""
    question = await open_review(session, curriculum, learner, review_id)
    hints = question.drill.hints
    shown = question.review.hints
    if shown >= len(hints):
        return question, None
    question.review.hints = shown + 1
    session.add(question.review)
    return question, hints[shown]


async def open_review(session: AsyncSession, curriculum: Curriculum, learner: Learner, review_id: int) -> Question:
    """Return an open question of this learner; raises UserError when it is another's, answered or no longer there."""
    review = await session.get(Review, review_id)
    if review is None or review.learner_id != learner.id:
        raise UserError("That question was put to somebody else.", "`/drill` gives you one of your own.")
    if review.answered_at is not None:
        verdict = "right" if review.right else "not right"
        raise UserError(f"You have answered this one already, and it was {verdict}.", "`/drill` has the next.")
    drill = _drill(curriculum, review.drill)
    if drill is None:
        raise UserError("This question is no longer in the lessons.", "`/drill` has another.")
    return Question(review, drill, curriculum.lesson(drill.lesson), "open")


async def latest_open(session: AsyncSession, curriculum: Curriculum, learner: Learner) -> Question | None:
    """Return the question a learner has before them, if any: a typed answer belongs to it."""
    return await _open_question(session, curriculum, learner, None)


async def want(session: AsyncSession, learner_id: int, lesson: str, run_id: str, now: datetime) -> None:
    """Make a lesson's drill the learner's next: a run's finding asks for it."""
    await insert_new(session, Card(learner_id=learner_id, lesson=lesson, due_at=now, created_at=now))
    wanted = update(Card).where(col(Card.learner_id) == learner_id, col(Card.lesson) == lesson)
    await session.exec(wanted.values(wanted_by=run_id, due_at=now))


async def next_due_at(session: AsyncSession, curriculum: Curriculum, learner: Learner) -> datetime | None:
    """Return when a learner's next card comes due; None when they have none."""
    cards = await _cards(session, learner, curriculum)
    return min((card.due_at for card in cards), default=None)


async def due_count(session: AsyncSession, curriculum: Curriculum, learner: Learner, now: datetime) -> int:
    """Return how many cards are due."""
    day = drill_day(now, learner)
    return sum(_due(card, day) for card in await _cards(session, learner, curriculum))


def drill_day(now: datetime, learner: Learner) -> datetime:
    """Return the fixed instant of a learner's local day. FSRS counts whole days, so all of a day is one instant."""
    local = now.astimezone(ZoneInfo(learner.timezone or "UTC"))
    return datetime.combine(local.date(), time(12), UTC)


def recall(card: Card, day: datetime) -> float:
    """Return the predicted probability that a card's lesson is remembered on a day; 0 for one never reviewed."""
    return 0.0 if card.last_review_at is None else float(_SCHEDULER.get_card_retrievability(_fsrs(card), day))


async def _choose(
    session: AsyncSession, curriculum: Curriculum, learner: Learner, cards: dict[str, Card], now: datetime
) -> tuple[str, str] | None:
    day = drill_day(now, learner)
    for card in cards.values():
        if card.wanted_by:
            return card.lesson, "run"
    if await _gate_is_open(session, learner, cards.values(), day) and (new := _next_new(curriculum, cards)):
        return new, "new"
    due = [card for card in cards.values() if _due(card, day)]
    if not due:
        return None
    return max(due, key=lambda card: recall(card, day)).lesson, "due"


def _asked_for(cards: dict[str, Card], lesson: Lesson) -> tuple[str, str]:
    return lesson.slug, "due" if lesson.slug in cards else "new"


async def _gate_is_open(session: AsyncSession, learner: Learner, cards: Iterable[Card], day: datetime) -> bool:
    """Say whether a new lesson may come: not too many today, and the last reviews went well."""
    if sum(drill_day(card.created_at, learner) == day for card in cards) >= NEW_PER_DAY:
        return False
    latest = (
        select(Review.right)
        .where(Review.learner_id == learner.id, col(Review.right).is_not(None))
        .order_by(col(Review.answered_at).desc())
        .limit(GATE_REVIEWS)
    )
    rights = (await session.exec(latest)).all()
    return len(rights) < GATE_REVIEWS // 3 or sum(map(bool, rights)) >= GATE_RIGHT * len(rights)


def _next_new(curriculum: Curriculum, cards: Iterable[str]) -> str | None:
    known = set(cards)
    return next((new.slug for new in curriculum.lessons if new.slug not in known and known.issuperset(new.needs)), None)


def _due(card: Card, day: datetime) -> bool:
    return card.last_review_at is None or (card.last_review_at < day and recall(card, day) < DUE_BELOW)


async def _cards(session: AsyncSession, learner: Learner, curriculum: Curriculum) -> list[Card]:
    """Return a learner's cards, less those whose lesson is no longer in the content."""
    slugs = {lesson.slug for lesson in curriculum.lessons}
    cards = await session.exec(select(Card).where(Card.learner_id == learner.id))
    return [card for card in cards if card.lesson in slugs]


def _drill(curriculum: Curriculum, drill_id: str) -> Drill | None:
    try:
        return curriculum.drill(drill_id)
    except UnknownDrill:  # deleted from the content since it was asked
        return None


async def _card(session: AsyncSession, learner: Learner, slug: str, now: datetime) -> Card:
    await insert_new(session, Card(learner_id=learner.id, lesson=slug, due_at=now, created_at=now))
    return (await session.exec(select(Card).where(Card.learner_id == learner.id, Card.lesson == slug))).one()


async def _open_question(
    session: AsyncSession, curriculum: Curriculum, learner: Learner, lesson: Lesson | None
) -> Question | None:
    asked = select(Review).where(Review.learner_id == learner.id, col(Review.answered_at).is_(None))
    for review in await session.exec(asked.order_by(col(Review.asked_at).desc())):
        drill = _drill(curriculum, review.drill)
        if drill and (lesson is None or drill.lesson == lesson.slug):
            return Question(review, drill, curriculum.lesson(drill.lesson), "open")
    return None


async def _least_seen(session: AsyncSession, learner: Learner, lesson: Lesson) -> Drill:
    """Return the lesson's drill that was put to the learner longest ago or never; placement's are left alone."""
    asked = select(Review.drill).where(Review.learner_id == learner.id).order_by(col(Review.asked_at))
    seen = {drill_id: place for place, drill_id in enumerate(await session.exec(asked), start=1)}
    return min((d for d in lesson.drills if not d.placement), key=lambda d: (seen.get(d.id, 0), d.difficulty))


def _rate(right: bool, hints: int) -> fsrs.Rating:
    if not right:
        return fsrs.Rating.Again  # "Hard" is a pass
    return fsrs.Rating.Hard if hints else fsrs.Rating.Good


def _move(card: Card, rating: fsrs.Rating, day: datetime) -> None:
    moved, _ = _SCHEDULER.review_card(_fsrs(card), rating, day)
    card.stability, card.difficulty, card.last_review_at = (
        moved.stability,
        moved.difficulty,
        moved.last_review,
    )
    card.due_at = max(moved.due, day + timedelta(days=1))
    card.wanted_by = None


def _fsrs(card: Card) -> fsrs.Card:
    """Return the package's card. It wants its own UTC object, and an id (without one it sleeps a millisecond)."""
    reviewed = card.last_review_at
    return fsrs.Card(
        card_id=card.id or 0,
        state=fsrs.State.Review if reviewed else fsrs.State.Learning,
        step=None if reviewed else 0,
        stability=card.stability,
        difficulty=card.difficulty,
        due=card.due_at.astimezone(UTC),
        last_review=reviewed.astimezone(UTC) if reviewed else None,
    )
