"""What the tutor's model may cost: tokens that a learner may take a day, and a group a month."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import update
from sqlmodel import SQLModel, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.database import insert_new
from bot.store.tables import Group, GroupUsage, Learner, Usage


@dataclass(frozen=True, slots=True)
class Limits:
    """Tokens that the model may take: a learner's a day, and a group's a month. Both begin anew in UTC."""

    per_day: int
    per_month: int


async def used_up(session: AsyncSession, learner: Learner, group: Group | None, limits: Limits, now: datetime) -> str:
    """Return a kind sentence when the tokens are used up, else nothing."""
    today = select(Usage.tokens).where(Usage.learner_id == learner.id, Usage.day == now.date())
    if ((await session.exec(today)).first() or 0) >= limits.per_day:
        return "You have asked me so much today that your share of the group's budget is used up; it is fresh tomorrow."
    if group is None:
        return ""
    month = select(GroupUsage.tokens).where(GroupUsage.group_id == group.id, GroupUsage.month == _month(now))
    if ((await session.exec(month)).first() or 0) >= limits.per_month:
        return f"The budget of {group.name} for this month is used up; it is fresh on the first."
    return ""


async def spend(session: AsyncSession, learner_id: int, group_id: int | None, tokens: int, now: datetime) -> None:
    """Count tokens for a learner, unless they were forgotten meanwhile, and for their group."""
    if await session.get(Learner, learner_id) is None:
        return
    await _add(session, Usage(learner_id=learner_id, day=now.date(), tokens=0), tokens)
    if group_id is not None:
        await _add(session, GroupUsage(group_id=group_id, month=_month(now), tokens=0), tokens)


async def _add(session: AsyncSession, row: Usage | GroupUsage, tokens: int) -> None:
    await insert_new(session, row)
    table = SQLModel.metadata.tables[str(row.__tablename__)]
    own = [column == getattr(row, column.name) for column in table.primary_key]
    await session.exec(update(table).where(*own).values(tokens=table.c.tokens + tokens))


def _month(now: datetime) -> date:
    return now.date().replace(day=1)
