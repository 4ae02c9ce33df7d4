"""What waits for a learner: what a reminder has to tell."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.tables import Card, Learner, Run
from bot.study import drill, mastery, plan
from lessons import Curriculum, Lesson

NEWS = timedelta(days=7)  # a run that ended before is no news, seen or not


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many drills are due, the first of their lessons, a run that has ended since the learner was here, and
    the next lesson of the plan.
    """

    due: int
    lesson: Lesson | None
    run: Run | None
    ahead: Lesson | None


async def for_learner(session: AsyncSession, curriculum: Curriculum, learner: Learner, now: datetime) -> Waiting:
    """Return what waits for a learner."""
    due = await drill.due_count(session, curriculum, learner, now)
    return Waiting(
        due=due,
        lesson=await _due_lesson(session, curriculum, learner) if due else None,
        run=await _ended_run(session, learner, now),
        ahead=await _ahead(session, curriculum, learner),
    )


async def _due_lesson(session: AsyncSession, curriculum: Curriculum, learner: Learner) -> Lesson | None:
    """Return the lesson that is drilled first: a run's finding asks for it, or it has been due for longest."""
    mine = select(Card.lesson).where(Card.learner_id == learner.id)
    slugs = await session.exec(mine.order_by(col(Card.wanted_by).is_(None), col(Card.due_at)))
    by_slug = {lesson.slug: lesson for lesson in curriculum.lessons}
    return next((by_slug[slug] for slug in slugs if slug in by_slug), None)


async def _ended_run(session: AsyncSession, learner: Learner, now: datetime) -> Run | None:
    since = max(learner.active_at or learner.created_at, now - NEWS)
    ended = select(Run).where(Run.learner_id == learner.id, col(Run.finished_at) > since, Run.status != "cancelled")
    return (await session.exec(ended.order_by(col(Run.finished_at).desc()))).first()


async def _ahead(session: AsyncSession, curriculum: Curriculum, learner: Learner) -> Lesson | None:
    mastered = mastery.mastered(await mastery.of(session, learner, curriculum))
    step = (await plan.path(session, curriculum, learner, mastered)).next
    return step.lesson if step else None
