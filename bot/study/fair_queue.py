"""Whose run is next: round robin over learners, then first come."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.tables import Group, Run
from bot.study.run import last_duration
from bot.study.runners import ACTIVE


def order(queued: Iterable[Run], active: Iterable[Run]) -> list[Run]:
    """Sort waiting runs: everybody's first before anybody's second; what is running counts as a turn had."""
    turns = Counter(run.learner_id for run in active)
    waiting: defaultdict[int, int] = defaultdict(int, turns)
    turn_of: dict[str, int] = {}
    queued = sorted(queued, key=lambda run: (run.queued_at, run.number, run.id))
    for run in queued:
        turn_of[run.id] = waiting[run.learner_id]
        waiting[run.learner_id] += 1
    return sorted(queued, key=lambda run: turn_of[run.id])


async def waiting(session: AsyncSession) -> list[Run]:
    """Return the queue in its order, without the runs of groups that have paused theirs."""
    queued = select(Run).join(Group).where(Run.status == "queued", Group.runner == "open")
    active = select(Run).where(col(Run.status).in_(ACTIVE))
    return order((await session.exec(queued)).all(), (await session.exec(active)).all())


async def place(session: AsyncSession, run: Run) -> int:
    """Return a waiting run's place in the queue, 1 being next; 0 when it does not wait."""
    ids = [other.id for other in await waiting(session)]
    return ids.index(run.id) + 1 if run.id in ids else 0


async def expected_start(session: AsyncSession, run: Run, slots: int, now: datetime) -> timedelta | None:
    """Return how long a run will wait, from how long runs took lately; None when that is not known yet."""
    active = (await session.exec(select(Run).where(col(Run.status).in_(ACTIVE)))).all()
    ahead = await place(session, run) - 1 + len(active) - slots
    if ahead < 0:
        return timedelta()
    usual = await last_duration(session)
    if usual is None:
        return None
    under_way = max((now - other.started_at for other in active if other.started_at), default=timedelta())
    return max(usual * (ahead // slots + 1) - under_way, timedelta(seconds=1))
