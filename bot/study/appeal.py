"""Appeals: a learner says that an answer marked wrong was right. They are believed, and the group's admins can look.

Answers in free form are marked by rules, which miss some right ones. An appealed review counts as Hard, a pass; it
counts neither way for mastery.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import fsrs
from sqlalchemy import CursorResult, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError
from bot.store.tables import Card, Group, Learner, Member, Review
from bot.study import drill, forgetting, memory
from bot.study.drill_policy import Situation
from lessons import Curriculum, Drill, Lesson, Verdict

KINDS = ("short", "number", "output")
LISTED = 15


@dataclass(frozen=True, slots=True)
class Appeal:
    """One appeal; without `drill` the question has left the lessons since."""

    review: Review
    learner: Learner
    drill: Drill | None


def may_appeal(question: drill.Question, verdict: Verdict, given: str) -> bool:
    """Say whether a verdict is one that may be mistaken."""
    return not verdict.right and verdict.understood and bool(given.strip()) and question.drill.kind in KINDS


async def appeal(
    session: AsyncSession, curriculum: Curriculum, learner: Learner, review_id: int, now: datetime
) -> tuple[Drill, Lesson, datetime]:
    """Believe a learner: count the review as Hard. Returns its drill, lesson and the day it comes due.

    Raises UserError when there is nothing to appeal.
    """
    await drill.one_at_a_time(session, learner)
    review = await session.get(Review, review_id)
    if review is None or review.learner_id != learner.id:
        raise UserError("That answer was somebody else's.", "`/drill` gives you a question of your own.")
    found = curriculum.find_drill(review.drill)
    if found is None or found.kind not in KINDS or not review.answer:
        raise UserError("There is nothing to appeal here.", "`/drill` has the next question.")
    claim = (
        update(Review)
        .where(col(Review.id) == review_id, col(Review.right).is_(False), col(Review.appealed_at).is_(None))
        .values(appealed_at=now, rating=int(fsrs.Rating.Hard))
        .execution_options(synchronize_session=False)
    )
    appealed: CursorResult[Any] = await session.exec(claim)
    if appealed.rowcount == 0:
        raise UserError("That one counts as passed already.", "`/drill` has the next question.")
    await session.refresh(review)
    learner.forgetting_speed = forgetting.learn_speed(learner.forgetting_speed, 0.0, right=True)
    session.add(learner)
    card = (await session.exec(select(Card).where(Card.id == review.card_id))).one()
    here = Situation(speed=learner.forgetting_speed, weights=await memory.weights_of(session, learner))
    await memory.replay(session, card, learner, here)
    return found, curriculum.lesson(found.lesson), card.due_at


async def appeals(session: AsyncSession, curriculum: Curriculum, group: Group) -> list[Appeal]:
    """Return the last appeals of a group's learners, the latest first."""
    appealed = select(Review, Learner).join(Learner, col(Learner.id) == col(Review.learner_id))
    members = appealed.join(Member, col(Member.learner_id) == col(Learner.id)).where(Member.group_id == group.id)
    latest = members.where(col(Review.appealed_at).is_not(None)).order_by(col(Review.appealed_at).desc())
    rows = await session.exec(latest.limit(LISTED))
    return [Appeal(review, learner, curriculum.find_drill(review.drill)) for review, learner in rows]
