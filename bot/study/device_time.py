"""A learner's device time: what runs took of the group's devices, and the week's quota of it.

A run is charged from its first step to its end, as often as it had devices: half a GPU for an hour is half an hour.
What a machine lost, and training that had to begin again, is not charged.
"""

import re
from datetime import datetime, timedelta

from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError
from bot.store.tables import Group, Learner, Run
from bot.study.runners import ACTIVE

WEEK = timedelta(days=7)
MOST = timedelta(days=7 * 64)  # of a learner: 64 devices all week
_WRITTEN = re.compile(r"(\d{1,7}(?:\.\d{1,3})?)\s*(s|m|min|h)?")
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, None: 3600}


async def spent(session: AsyncSession, group: Group, learner: Learner, now: datetime) -> timedelta:
    """Return the device time of a learner's runs in the last 7 days, those under way included."""
    mine = select(Run).where(Run.group_id == group.id, Run.learner_id == learner.id)
    recent = or_(col(Run.finished_at) > now - WEEK, col(Run.status).in_(ACTIVE))
    runs = (await session.exec(mine.where(recent, col(Run.started_at).is_not(None)))).all()
    return sum((charge(run, now) for run in runs), timedelta())


def charge(run: Run, now: datetime) -> timedelta:
    """Return the device time of one run."""
    if run.started_at is None:
        return timedelta()
    return max((run.finished_at or now) - run.started_at, timedelta()) * run.devices


async def left(session: AsyncSession, group: Group, learner: Learner, now: datetime) -> timedelta | None:
    """Return the device time that a learner has left this week; None without a quota."""
    if group.device_seconds_per_week is None:
        return None
    quota = timedelta(seconds=group.device_seconds_per_week)
    return max(quota - await spent(session, group, learner, now), timedelta())


async def check(session: AsyncSession, group: Group, learner: Learner, now: datetime) -> None:
    """Raise UserError when a learner has no device time left, and say when there will be some."""
    if await left(session, group, learner, now) != timedelta():
        return
    used = await spent(session, group, learner, now)
    raise UserError(
        f"Your runs took {int(used.total_seconds()):,} device-seconds in the last 7 days, and {group.name} allows "
        f"{group.device_seconds_per_week:,}.",
        await _when_free(session, group, learner, now),
    )


async def _when_free(session: AsyncSession, group: Group, learner: Learner, now: datetime) -> str:
    oldest = select(Run.finished_at).where(
        Run.group_id == group.id,
        Run.learner_id == learner.id,
        col(Run.finished_at) > now - WEEK,
        col(Run.started_at).is_not(None),
    )
    first = (await session.exec(oldest.order_by(col(Run.finished_at)))).first()
    if not group.device_seconds_per_week or first is None:
        return "Whoever manages the group can allow more with `/group quota`."
    hours = (first + WEEK - now) / timedelta(hours=1)
    when = f"{hours / 24:.0f} days" if hours >= 48 else f"{max(1, round(hours))} h"
    return f"The first of it comes back in {when}, or whoever manages the group allows more."


def read_quota(text: str) -> int | None:
    """Return the seconds that somebody wrote, as 90m, 10h or off (None). Raises UserError."""
    words = text.strip().lower()
    if words in ("off", "none", "unlimited"):
        return None
    found = _WRITTEN.fullmatch(words)
    seconds = float(found[1]) * _UNITS[found[2]] if found else -1.0
    if not 0 <= seconds <= MOST.total_seconds():
        raise UserError(f"{text[:30]!r} is no device time.", "Write it as 90m, 10h or off.")
    return round(seconds)
