"""How many runs a learner may submit in a day, and how many they have."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError
from bot.store.tables import Group, Learner, Run, Sweep
from bot.study import device_time

WINDOW = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Quota:
    """When each run that counts was submitted, oldest first, and how many may.

    A sweep counts all of its runs at once.
    """

    group: str
    allowed: int
    times: tuple[datetime, ...]
    now: datetime

    @property
    def used(self) -> int:
        """How many runs of the last 24 hours count."""
        return len(self.times)

    def check(self, more: int) -> None:
        """Raise UserError when so many more runs are over the quota, with the moment from which they would fit."""
        over = self.used + more - self.allowed
        if over <= 0:
            return
        if more > self.allowed:
            raise UserError(
                f"That is {more} runs, and {self.group} allows {self.allowed} in 24 hours.",
                "Take fewer values or seeds, or ask who manages the group.",
            )
        hours, minutes = divmod(int((self.times[over - 1] + WINDOW - self.now).total_seconds()) // 60 + 1, 60)
        if more > 1:
            raise UserError(
                f"That is {more} runs; you have submitted {self.used} in the last 24 hours, and {self.group} allows "
                f"{self.allowed}.",
                f"All {more} fit in {hours} h {minutes} min; {max(self.allowed - self.used, 0)} would fit now.",
            )
        raise UserError(
            f"You have submitted {self.used} runs in the last 24 hours, and {self.group} allows {self.allowed}.",
            f"The next one is free in {hours} h {minutes} min.",
        )


async def check(session: AsyncSession, learner: Learner, group: Group, more: int, now: datetime) -> None:
    """Raise UserError when so many more runs are over a learner's quotas, of runs or of device time."""
    (await quota(session, learner, group, now)).check(more)
    await device_time.check(session, group, learner, now)


async def quota(session: AsyncSession, learner: Learner, group: Group, now: datetime) -> Quota:
    """Return what a learner's quota in a group has room for; runs that a search has still to choose count already."""
    recent = select(Run.queued_at).where(
        Run.group_id == group.id, Run.learner_id == learner.id, col(Run.queued_at) > now - WINDOW
    )
    times = (await session.exec(recent.order_by(col(Run.queued_at)))).all()
    to_come = select(func.sum((col(Sweep.trials) - col(Sweep.asked)) * col(Sweep.seeds))).where(
        Sweep.group_id == group.id, Sweep.learner_id == learner.id, Sweep.status == "running"
    )
    reserved = (await session.exec(to_come)).one() or 0
    return Quota(group.name, group.runs_per_day, (*times, *[now] * int(reserved)), now)
