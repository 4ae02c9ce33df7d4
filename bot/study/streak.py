"""Streaks: days in a row, by the learner's own calendar, with one freeze a week.

A day counts when a drill was answered, alone or with the group, or a run submitted. A missed day does not end the
streak while no other day of its ISO week was missed; it does not count either.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.tables import GroupAnswer, Learner, Review, Run
from bot.study import badge, reminder
from bot.study.local_time import local_date, midnight, zone_of

BADGE_AT = 7  # days
BADGE_LOOKS_BACK = timedelta(days=14)  # seven days and their freezes fit in


@dataclass(frozen=True, slots=True)
class Streak:
    """Days in a row until today and at best, the missed days that a freeze covers, and whether this week has one left.

    A streak lives on today until midnight, whether the learner has been here or not.
    """

    current: int
    best: int
    days: frozenset[date]
    frozen: frozenset[date]
    freeze_left: bool


def reckon(days: Collection[date], today: date) -> Streak:
    """Work a streak out from the days with activity."""
    current = best = 0
    frozen: dict[tuple[int, int], date] = {}  # by ISO year and week
    first = min(days, default=today)
    for day in (first + timedelta(days=n) for n in range((today - first).days + 1)):
        if day in days:
            current += 1
            best = max(best, current)
        elif day < today:
            current = _miss(day, current, frozen)
    return Streak(current, best, frozenset(days), frozenset(frozen.values()), _week(today) not in frozen)


def _miss(day: date, current: int, frozen: dict[tuple[int, int], date]) -> int:
    """Return what a missed day leaves of a streak: all, by the week's freeze, or the days since that was used."""
    earlier = frozen.pop(_week(day), None)
    left = current if earlier is None else (day - earlier).days - 1
    if left:
        frozen[_week(day)] = day
    return left


def _week(day: date) -> tuple[int, int]:
    year, week, _ = day.isocalendar()
    return year, week


async def of(session: AsyncSession, learner: Learner, now: datetime) -> Streak:
    """Return a learner's streak."""
    return reckon(await active_days(session, learner), local_date(now, zone_of(learner.timezone)))


async def active_days(session: AsyncSession, learner: Learner, since: datetime | None = None) -> set[date]:
    """Return the local dates on which a learner drilled or submitted."""
    zone = zone_of(learner.timezone)
    moments = (
        (Review.learner_id, Review.answered_at),
        (GroupAnswer.learner_id, GroupAnswer.answered_at),
        (Run.learner_id, Run.queued_at),
    )
    found: set[date] = set()
    for whose, at in moments:
        query = select(at).where(whose == learner.id, col(at).is_not(None))
        rows = await session.exec(query.where(col(at) >= since) if since else query)
        found |= {local_date(moment, zone) for moment in rows if moment}
    return found


async def note_activity(session: AsyncSession, learner: Learner, now: datetime) -> None:
    """Note that a learner is here: call it after an answer, a submitted run or a turned page is stored.

    Reminders that had eased off come back, and seven days in a row earn a badge.
    """
    learner.active_at = now
    session.add(learner)
    await reminder.resume(session, learner, now)
    if not await badge.has(session, learner, "seven-days"):
        today = local_date(now, zone_of(learner.timezone))
        since = midnight(today, zone_of(learner.timezone)) - BADGE_LOOKS_BACK
        if reckon(await active_days(session, learner, since), today).current >= BADGE_AT:
            await badge.award(session, learner, "seven-days", now)
