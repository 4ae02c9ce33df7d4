"""Drills: which question is put to a learner, what becomes of their answer, and what hints cost.

The policy chooses (`drill_policy`), cards remember (`memory`), and an answer is rated by `drill_rating`.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import CursorResult, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError
from bot.store.database import insert_new
from bot.store.tables import Card, Learner, Review
from bot.study import drill_policy, forgetting, memory
from bot.study.drill_policy import Known, New, Situation
from bot.study.drill_rating import pace, rate
from bot.study.mastery import guess_chance
from bot.study.memory import drill_day
from lessons import Curriculum, Drill, Lesson, Verdict

ANSWER_LIMIT = 2_000  # characters
ANSWER_KEPT = 500
REVIEWS_READ = 200  # the last ones: enough for the gate, the days missed and the usual pace

Reason = Literal["new", "due", "practice", "run", "open"]
ToBegin = Callable[[Collection[str]], Awaitable[Sequence[Lesson]]]  # what may begin, given the lessons being drilled


@dataclass(frozen=True, slots=True)
class Question:
    """A drill that was put to a learner, and why: `run` is a finding's wish, `open` was asked before."""

    review: Review
    drill: Drill
    lesson: Lesson
    reason: Reason


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of an answer. When it was not understood, nothing was counted; `due_at` is the lesson's next day."""

    question: Question
    verdict: Verdict
    due_at: datetime | None
    day: datetime


async def next_question(
    session: AsyncSession,
    curriculum: Curriculum,
    learner: Learner,
    lesson: Lesson | None,
    to_begin: ToBegin,
    now: datetime,
) -> Question | None:
    """Put the next drill to a learner, of one lesson if given; None when there is nothing more for today.

    `to_begin` gives the lessons that may begin, in the order of the learner's plan.
    """
    await one_at_a_time(session, learner)
    cards = await memory.cards(session, learner, curriculum)
    wanted = lesson or _wanted(curriculum, cards)
    if lesson and not _drillable(lesson):
        raise UserError(f"{lesson.title} has no drills at the moment.", "`/drill` alone has others.")
    if open_question := await _open_question(session, curriculum, learner, wanted):
        return open_question
    if wanted:
        return await _ask(session, learner, wanted, "run" if lesson is None else _why(cards, wanted), now)
    chosen = await _choose(session, curriculum, learner, cards, to_begin, now)
    if chosen is None:
        return None
    return await _ask(session, learner, curriculum.lesson(chosen.lesson), chosen.reason, now)


async def answer(
    session: AsyncSession,
    curriculum: Curriculum,
    learner: Learner,
    review_id: int,
    given: str,
    now: datetime,
    *,
    verdict: Verdict | None = None,
) -> Answered:
    """Rate an answer and move the card; it is checked by rules unless it comes with a verdict.

    Raises UserError when the question is not open for this learner.
    """
    question = await open_review(session, curriculum, learner, review_id)
    verdict = verdict or check(question.drill, given)
    if not verdict.understood:
        return Answered(question, verdict, None, drill_day(now, learner))
    return await _close(session, curriculum, learner, question, verdict, given, now)


async def answered(session: AsyncSession, curriculum: Curriculum, review_id: int, verdict: Verdict) -> Answered | None:
    """Return what became of an answered question, to be told later; None when the drill is gone."""
    review = await session.get_one(Review, review_id)
    drill = curriculum.find_drill(review.drill)
    if drill is None or review.answered_at is None:
        return None
    learner = await session.get_one(Learner, review.learner_id)
    card = await session.get_one(Card, review.card_id)
    question = Question(review, drill, curriculum.lesson(drill.lesson), "open")
    return Answered(question, verdict, card.due_at, drill_day(review.answered_at, learner))


async def give_up(
    session: AsyncSession, curriculum: Curriculum, learner: Learner, review_id: int, now: datetime
) -> Answered:
    """Show the answer of an open question, which counts as not known."""
    question = await open_review(session, curriculum, learner, review_id)
    verdict = Verdict(False, question.drill.explanation, str(question.drill.answer))
    return await _close(session, curriculum, learner, question, verdict, "", now)


async def hint(session: AsyncSession, curriculum: Curriculum, learner: Learner, review_id: int) -> Question:
    """Give one more hint of an open question, while there is one; a hint costs the rating."""
    question = await open_review(session, curriculum, learner, review_id)
    shown = min(question.review.hints + 1, len(question.drill.hints))
    question.review.hints = shown
    session.add(question.review)
    return question


async def open_review(session: AsyncSession, curriculum: Curriculum, learner: Learner, review_id: int) -> Question:
    """Return an open question of this learner; raises UserError when it is another's, answered or no longer there."""
    await one_at_a_time(session, learner)
    review = await session.get(Review, review_id)
    if review is None or review.learner_id != learner.id:
        raise UserError("That question was put to somebody else.", "`/drill` gives you one of your own.")
    if review.answered_at is not None:
        verdict = "right" if review.right else "not right"
        raise UserError(f"You have answered this one already, and it was {verdict}.", "`/drill` has the next.")
    drill = curriculum.find_drill(review.drill)
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


async def next_due_at(
    session: AsyncSession, curriculum: Curriculum, learner: Learner, now: datetime
) -> datetime | None:
    """Return the day on which a learner's next card comes due, tomorrow at the earliest; None when they have none."""
    here = await situation(session, curriculum, learner, now)
    today = drill_day(now, learner)
    known = memory.reviewed((await memory.cards(session, learner, curriculum)).values())
    days = [drill_policy.days_until_due(card.stability or 0, here) - memory.days_since(card, today) for card in known]
    return today + timedelta(days=max(min(days), 1)) if days else None


async def due_count(session: AsyncSession, curriculum: Curriculum, learner: Learner, now: datetime) -> int:
    """Return how many lessons are due: about to be forgotten, asked for by a run, or asked and not answered."""
    here = Situation(speed=learner.forgetting_speed, weights=await memory.weights_of(session, learner))
    today = drill_day(now, learner)
    found = (await memory.cards(session, learner, curriculum)).values()
    return sum(
        card.stability is None
        or bool(card.wanted_by)
        or drill_policy.is_due(memory.days_since(card, today), card.stability, here)
        for card in found
    )


async def situation(session: AsyncSession, curriculum: Curriculum, learner: Learner, now: datetime) -> Situation:
    """Return what the policy looks at besides the cards."""
    earlier = await last_answered(session, learner)
    days = [drill_day(review.answered_at, learner).toordinal() for review in earlier if review.answered_at]
    today = drill_day(now, learner).toordinal()
    last = curriculum.find_drill(earlier[0].drill) if earlier else None
    begun = select(Card.created_at).where(Card.learner_id == learner.id)
    created = [drill_day(moment, learner).toordinal() for moment in await session.exec(begun)]
    return Situation(
        recent=[(review.rating or 0) > 1 for review in earlier],
        missed=drill_policy.missed_share(days, today),
        new_today=created.count(today),
        answered_today=days.count(today),
        last_topic=curriculum.lesson(last.lesson).topic if last else None,
        speed=learner.forgetting_speed,
        weights=await memory.weights_of(session, learner),
    )


async def last_answered(session: AsyncSession, learner: Learner) -> Sequence[Review]:
    """Return a learner's last answered questions, the latest first."""
    answered = select(Review).where(Review.learner_id == learner.id, col(Review.answered_at).is_not(None))
    latest = answered.order_by(col(Review.answered_at).desc(), col(Review.id).desc())
    return (await session.exec(latest.limit(REVIEWS_READ))).all()


async def _choose(
    session: AsyncSession,
    curriculum: Curriculum,
    learner: Learner,
    cards: dict[str, Card],
    to_begin: ToBegin,
    now: datetime,
) -> drill_policy.Choice | None:
    here = await situation(session, curriculum, learner, now)
    day = drill_day(now, learner)
    known = [
        Known(lesson.slug, lesson.topic, memory.days_since(card, day), card.stability or 0, card.difficulty or 0)
        for card in memory.reviewed(cards.values())
        if _drillable(lesson := curriculum.lesson(card.lesson))
    ]
    if not drill_policy.gate_is_open(here, room=True):  # whatever may begin would not come
        return drill_policy.choose(known, (), here)
    new = await to_begin({card.lesson for card in known})
    return drill_policy.choose(known, [New(each.slug, each.topic) for each in new if _drillable(each)], here)


async def _ask(session: AsyncSession, learner: Learner, lesson: Lesson, reason: Reason, now: datetime) -> Question:
    await insert_new(session, Card(learner_id=learner.id, lesson=lesson.slug, due_at=now, created_at=now))
    mine = select(Card.id).where(Card.learner_id == learner.id, Card.lesson == lesson.slug)
    drill = await _least_seen(session, learner, lesson)
    review = Review(learner_id=learner.id, card_id=(await session.exec(mine)).one(), drill=drill.id, asked_at=now)
    session.add(review)
    await session.flush()
    return Question(review, drill, lesson, reason)


async def _close(
    session: AsyncSession,
    curriculum: Curriculum,
    learner: Learner,
    question: Question,
    verdict: Verdict,
    given: str,
    now: datetime,
) -> Answered:
    """Store a result, once, and let the card and the learner's forgetting speed learn from it."""
    review, day = question.review, drill_day(now, learner)
    card = (await session.exec(select(Card).where(Card.id == review.card_id))).one()
    took = pace(now - review.asked_at, question.drill, await last_answered(session, learner), curriculum)
    rating = rate(verdict.right, review.hints, took, first=card.stability is None)
    closed = (
        update(Review)
        .where(col(Review.id) == review.id, col(Review.answered_at).is_(None))
        .values(answer=given[:ANSWER_KEPT], right=verdict.right, rating=int(rating), answered_at=now)
    )
    first: CursorResult[Any] = await session.exec(closed)
    if first.rowcount == 0:  # pressed twice at once
        raise UserError("You have answered this one already.", "`/drill` has the next.")
    here = Situation(speed=learner.forgetting_speed, weights=await memory.weights_of(session, learner))
    if memory.days_since(card, day) >= 1 and not (verdict.right and review.hints):
        known = memory.recall(card, day, here)
        expected = known + (1 - known) * guess_chance(question.drill)
        learner.forgetting_speed = forgetting.learn_speed(learner.forgetting_speed, expected, verdict.right)
        session.add(learner)
    memory.move(card, rating, day, here)
    session.add(card)
    return Answered(question, verdict, card.due_at, day)


async def one_at_a_time(session: AsyncSession, learner: Learner) -> None:
    """Let a learner's second device wait for the first. On SQLite it waits already: there is one writer."""
    await session.refresh(learner, ["forgetting_speed"], with_for_update=True)


async def _open_question(
    session: AsyncSession, curriculum: Curriculum, learner: Learner, lesson: Lesson | None
) -> Question | None:
    asked = select(Review).where(Review.learner_id == learner.id, col(Review.answered_at).is_(None))
    for review in await session.exec(asked.order_by(col(Review.asked_at).desc(), col(Review.id).desc())):
        drill = curriculum.find_drill(review.drill)
        if drill and (lesson is None or drill.lesson == lesson.slug):
            return Question(review, drill, curriculum.lesson(drill.lesson), "open")
    return None


async def _least_seen(session: AsyncSession, learner: Learner, lesson: Lesson) -> Drill:
    """Return the lesson's drill that was put to the learner longest ago or never, the easiest of those."""
    asked = select(Review.drill).where(Review.learner_id == learner.id).order_by(col(Review.asked_at))
    seen = {drill_id: place for place, drill_id in enumerate(await session.exec(asked), start=1)}
    return min(_drillable(lesson), key=lambda drill: (seen.get(drill.id, 0), drill.difficulty))


def _drillable(lesson: Lesson) -> list[Drill]:
    """Return a lesson's drills that are not kept for placement."""
    return [drill for drill in lesson.drills if not drill.placement]


def _wanted(curriculum: Curriculum, cards: dict[str, Card]) -> Lesson | None:
    """Return the lesson that a run's finding asks for."""
    lessons = (curriculum.lesson(slug) for slug, card in cards.items() if card.wanted_by)
    return next(filter(_drillable, lessons), None)


def _why(cards: dict[str, Card], lesson: Lesson) -> Reason:
    return "practice" if lesson.slug in cards else "new"


def check(drill: Drill, given: str) -> Verdict:
    """Mark an answer; what cannot be marked is not understood, and costs nothing."""
    if len(given) > ANSWER_LIMIT:
        problem = f"That is {len(given):,} characters long, and I read {ANSWER_LIMIT:,}. A sentence or two is plenty."
    elif drill.kind == "short" and _is_another_script(given):
        problem = "I can mark that only in English so far. A few plain words are enough; grammar does not count."
    else:
        return drill.check(given)
    return Verdict(False, problem, str(drill.answer), understood=False)


def _is_another_script(text: str) -> bool:
    letters = [mark for mark in text if mark.isalpha()]
    return sum(mark.isascii() for mark in letters) < len(letters) / 2
