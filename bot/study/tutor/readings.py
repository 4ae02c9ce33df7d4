"""Words that the tutor's model is asked to read, as the store keeps them: drills' short answers, and the interview's.

A command writes them down, for it cannot wait for a model inside its transaction; `bot.study.tutor.reader` reads them.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.tables import Answer, Group, Learner, Reading
from bot.study import drill
from bot.study.interview_questions import BY_KEY
from bot.study.tutor import budget
from bot.study.tutor.budget import Limits

CLAIM = timedelta(seconds=30)  # the model has ten
GIVEN_UP = timedelta(seconds=30)  # nobody waits longer for a mark: then the rules give it


async def hand_over_short(
    session: AsyncSession,
    learner: Learner,
    group: Group | None,
    question: drill.Question,
    given: str,
    limits: Limits | None,
    now: datetime,
) -> bool:
    """Give a drill's short answer to the model to mark; return False where rules mark it, which is at once."""
    if question.drill.kind != "short" or not drill.check(question.drill, given).understood:
        return False
    return await _hand_over(session, learner, group, limits, now, review_id=question.review.id, words=given)


async def hand_over_answer(
    session: AsyncSession, learner: Learner, group: Group | None, key: str, limits: Limits | None, now: datetime
) -> bool:
    """Give an interview's answer that the rules could not place to the model; return whether it was."""
    said = await session.get(Answer, (learner.id, key))
    unplaced = said is not None and said.value is None and BY_KEY[key].choices
    if said is None or not unplaced or not any(map(str.isalnum, said.text)):
        return False
    return await _hand_over(session, learner, group, limits, now, question=key, words=said.text)


async def _hand_over(
    session: AsyncSession, learner: Learner, group: Group | None, limits: Limits | None, now: datetime, **about: Any
) -> bool:
    if limits is None or await budget.used_up(session, learner, group, limits, now):
        return False
    session.add(Reading(learner_id=learner.id, group_id=group.id if group else None, asked_at=now, **about))
    await session.flush()
    return True


async def is_being_read(session: AsyncSession, review_id: int) -> bool:
    """Say whether the answer to a drill waits for its mark."""
    waiting = select(Reading.id).where(Reading.review_id == review_id, col(Reading.read_at).is_(None))
    return (await session.exec(waiting)).first() is not None


async def claim(session: AsyncSession, now: datetime, most: int) -> list[Reading]:
    """Take words that nobody is reading."""
    free = or_(col(Reading.claimed_until).is_(None), col(Reading.claimed_until) <= now)
    waiting = select(Reading).where(col(Reading.read_at).is_(None), free)  # ix_reading_open
    found = (await session.exec(waiting.order_by(col(Reading.id)).limit(most))).all()
    return [each for each in found if await _write(session, each, free, claimed_until=now + CLAIM)]


async def release(session: AsyncSession, reading_ids: list[int]) -> None:
    """Leave words to whoever comes next."""
    mine = (col(Reading.id).in_(reading_ids), col(Reading.read_at).is_(None))
    await session.exec(update(Reading).where(*mine).values(claimed_until=None))


async def end(session: AsyncSession, reading: Reading, found: dict[str, Any], now: datetime) -> bool:
    """Keep what was found, once; return whether it had not been before."""
    return await _write(session, reading, found=found, read_at=now)


async def _write(session: AsyncSession, reading: Reading, *conditions: Any, **values: Any) -> bool:
    unread = (col(Reading.id) == reading.id, col(Reading.read_at).is_(None))
    statement = update(Reading).where(*unread, *conditions).values(**values)
    written: CursorResult[Any] = await session.exec(statement.execution_options(synchronize_session=False))
    return written.rowcount == 1
