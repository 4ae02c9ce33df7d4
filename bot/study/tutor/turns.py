"""Questions to the tutor's model and their answers, as the store keeps them.

A question is written by the command that takes it and answered by `bot.study.tutor.writer`, so none is lost when the
bot stops. A learner asks one at a time.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, func, or_, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError
from bot.store import outbox
from bot.store.tables import Group, Learner, Run, Turn
from bot.study.tutor import budget

QUESTION_LIMIT = 4_000  # characters
HISTORY = 8  # turns that are read back word by word; older ones are summed up
CLAIM = timedelta(seconds=60)
GIVEN_UP = timedelta(minutes=10)  # nobody waits longer for an answer


async def ask(
    session: AsyncSession,
    learner: Learner,
    group: Group | None,
    question: str,
    now: datetime,
    *,
    mode: str = "explain",
    about: Run | str | None = None,
) -> Turn:
    """Write a question down, to be answered soon; `about` is a run or a config.

    Raises UserError while another one of theirs is being answered.
    """
    if await open_turn(session, learner):
        raise UserError("I am still at your last question.", "Give me a moment, or press *Stop* under my answer.")
    turn = Turn(
        learner_id=learner.id,
        group_id=group.id if group else None,
        mode=mode,
        question=question[:QUESTION_LIMIT].replace("\0", ""),
        run_id=about.id if isinstance(about, Run) else None,
        config=about if isinstance(about, str) else None,
        asked_at=now,
    )
    session.add(turn)
    await session.flush()
    return turn


async def open_turn(session: AsyncSession, learner: Learner) -> Turn | None:
    """Return a learner's question that is still being answered."""
    waiting = select(Turn).where(Turn.learner_id == learner.id, col(Turn.answered_at).is_(None))
    return (await session.exec(waiting.order_by(col(Turn.id)))).first()


async def find(session: AsyncSession, learner: Learner, turn_id: int) -> Turn:
    """Return a learner's own turn. Raises UserError when there is none."""
    turn = await session.get(Turn, turn_id)
    if turn is None or turn.learner_id != learner.id:
        raise UserError("That answer is gone, or somebody else's.", "`/ask` takes a new question.")
    return turn


async def stop(session: AsyncSession, learner: Learner, turn_id: int, now: datetime) -> Turn:
    """End an answer where it is."""
    turn = await find(session, learner, turn_id)
    if await end(session, turn, "stopped", now):
        await session.refresh(turn)
    return turn


async def claim(session: AsyncSession, now: datetime, most: int) -> list[Turn]:
    """Take questions that nobody is answering; what is too old to wait for is ended."""
    free = or_(col(Turn.claimed_until).is_(None), col(Turn.claimed_until) <= now)
    waiting = select(Turn).where(col(Turn.answered_at).is_(None), free)  # ix_turn_open
    taken = []
    for turn in (await session.exec(waiting.order_by(col(Turn.id)).limit(most))).all():
        if turn.asked_at < now - GIVEN_UP:
            await end(session, turn, "failed", now)
        elif await _write(session, turn, free, claimed_until=now + CLAIM):
            taken.append(turn)
    return taken


async def renew(session: AsyncSession, turn_ids: list[int], now: datetime) -> None:
    """Hold on to questions whose answers are slow to come."""
    await session.exec(update(Turn).where(col(Turn.id).in_(turn_ids)).values(claimed_until=now + CLAIM))


async def release(session: AsyncSession, turn_ids: list[int]) -> None:
    """Leave questions to whoever comes next."""
    mine = (col(Turn.id).in_(turn_ids), col(Turn.answered_at).is_(None))
    await session.exec(update(Turn).where(*mine).values(claimed_until=None))


async def grow(session: AsyncSession, turn: Turn, answer: str, now: datetime) -> bool:
    """Keep an answer as far as it is written, and show it; return whether it is still wanted."""
    wanted = await _write(session, turn, answer=answer, status="writing", claimed_until=now + CLAIM)
    if wanted:
        await _show(session, turn, now)
    return wanted


async def end(session: AsyncSession, turn: Turn, status: str, now: datetime, **values: Any) -> bool:
    """End an answer, once, and show it; return whether it had not ended before."""
    ended = await _write(session, turn, status=status, answered_at=now, **values)
    if ended:
        await _show(session, turn, now)
    return ended


async def _write(session: AsyncSession, turn: Turn, *conditions: Any, **values: Any) -> bool:
    unanswered = (col(Turn.id) == turn.id, col(Turn.answered_at).is_(None))
    statement = update(Turn).where(*unanswered, *conditions).values(**values)
    written: CursorResult[Any] = await session.exec(statement.execution_options(synchronize_session=False))
    return written.rowcount == 1


async def _show(session: AsyncSession, turn: Turn, now: datetime) -> None:
    """Say the answer by direct message, or have it edited there."""
    learner = await session.get_one(Learner, turn.learner_id)
    key = f"turn:{turn.id}"
    await outbox.tell(session, learner, key=key, kind="tutor.answer", subject=str(turn.id), at=now)
    await outbox.news(session, key, now)


async def spend(session: AsyncSession, turn: Turn, tokens: int, now: datetime) -> None:
    """Count what was read and written."""
    await session.exec(update(Turn).where(col(Turn.id) == turn.id).values(tokens=Turn.tokens + tokens))
    await budget.spend(session, turn.learner_id, turn.group_id, tokens, now)


async def history(session: AsyncSession, learner: Learner) -> list[Turn]:
    """Return a learner's answered turns that no summary covers, oldest first."""
    since = learner.summed_up_to or 0
    answered = select(Turn).where(Turn.learner_id == learner.id, Turn.answer != "", Turn.id > since)
    ended = answered.where(col(Turn.answered_at).is_not(None), Turn.status != "failed")
    return list((await session.exec(ended.order_by(col(Turn.id)))).all())


async def sum_up(session: AsyncSession, learner_id: int, summary: str, last: int) -> None:
    """Keep a summary of a learner's turns up to one, unless they were erased meanwhile."""
    there = select(func.count()).where(col(Turn.learner_id) == learner_id, col(Turn.id) == last).scalar_subquery()
    covered = update(Learner).where(col(Learner.id) == learner_id, there > 0)
    await session.exec(covered.values(tutor_summary=summary, summed_up_to=last))
