"""When a learner is reminded: at their own hour in their own timezone, and once a day whatever is restarted.

After a silent week reminders ease off by themselves, and the first activity brings them back. The key of a reminder
is the learner's local date, so no restart, second process or move to another timezone makes two of one day.
"""

from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple

import sqlalchemy
from sqlalchemy import bindparam, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError
from bot.store import outbox
from bot.store.tables import Delivery, Learner
from bot.study.local_time import (
    instant,
    local_date,
    midnight,
    next_instant,
    read_date,
    read_days,
    read_timezone,
    zone_of,
)

BATCH = 100  # reminders a transaction: more would hold the event loop for longer than a few milliseconds
EASE_OFF_AFTER = timedelta(days=7)  # of silence
RARE_AFTER = timedelta(days=21)
EASED, RARE = 3, 7  # days between reminders
SNOOZE = timedelta(hours=1)


async def set_reminder(
    session: AsyncSession, learner: Learner, at: time | None, timezone: str | None, days: str | None, now: datetime
) -> None:
    """Set a learner's hour (None: no reminders), timezone and weekdays. Raises UserError for what is none.

    Whoever sets an hour is not silent: reminders that had eased off come as often as before.
    """
    if timezone:
        learner.timezone = read_timezone(timezone)
    if days:
        learner.reminder_days = read_days(days)
    learner.reminder_time = at
    learner.active_at = now
    learner.eased_off_at = None
    await reschedule(session, learner, now)


async def pause(session: AsyncSession, learner: Learner, until: str, now: datetime) -> None:
    """Let reminders rest until a date or for some days (`3d`, `2w`, `2026-04-01`), or (`off`) no longer.

    Raises UserError for what is no coming date, and when there are no reminders.
    """
    if learner.reminder_time is None:
        raise UserError("You have no reminders that could rest.", "`/reminders time:09:00` sets them.")
    zone = zone_of(learner.timezone)
    over = until.strip().lower() in ("off", "none", "no", "stop")
    learner.paused_until = None if over else midnight(read_date(until, local_date(now, zone)), zone)
    await reschedule(session, learner, now)


async def snooze(session: AsyncSession, learner: Learner, *, tomorrow: bool, now: datetime) -> datetime:
    """Remind a learner again in an hour, or tomorrow at their hour whatever the weekday; return when.

    What would come after midnight comes tomorrow: a day has one reminder that was not asked for.
    """
    zone = zone_of(learner.timezone)
    today = local_date(now, zone)
    later = now + SNOOZE
    if tomorrow or local_date(later, zone) > today:
        at = learner.reminder_time or now.astimezone(zone).time()
        learner.next_reminder_at = instant(today + timedelta(days=1), at, zone)
        session.add(learner)
        return learner.next_reminder_at
    key = f"{_key(learner.id, today)}:{later:%H}"  # pressed twice, it comes once
    await outbox.tell(session, learner, key=key, kind="reminder", subject=f"{learner.id}:{today}", at=later)
    return later


async def resume(session: AsyncSession, learner: Learner, now: datetime) -> None:
    """Let reminders that had eased off come as often as before: the learner is back."""
    if learner.eased_off_at:
        learner.eased_off_at = None
        await reschedule(session, learner, now)


async def reschedule(session: AsyncSession, learner: Learner, now: datetime) -> None:
    """Compute a learner's next reminder from what they have set; never a second one for a day."""
    first_day = await _first_free_day(session, learner, now)
    learner.next_reminder_at = upcoming(learner, now, first_day)
    session.add(learner)


def upcoming(learner: "Learner | Due", after: datetime, first_day: date) -> datetime | None:
    """Return when the learner's hour comes next, on `first_day` or later and after a pause; None without reminders."""
    if learner.reminder_time is None:
        return None
    zone = zone_of(learner.timezone)
    if learner.paused_until:
        first_day = max(first_day, local_date(learner.paused_until, zone))
    days = learner.reminder_days.split(",")
    return next_instant(learner.reminder_time, zone, after, days=days, first_day=first_day)


class Due(NamedTuple):
    """A learner whose hour has come: the columns that matter, without the cost of 100,000 mapped objects."""

    id: int
    chat: str
    external_id: str
    timezone: str | None
    reminder_time: time | None
    reminder_days: str
    next_reminder_at: datetime
    paused_until: datetime | None
    eased_off_at: datetime | None
    active_at: datetime | None
    created_at: datetime

    @property
    def silence(self) -> timedelta:
        """How long they had not been here when the reminder was due: our own downtime is not their silence."""
        return self.next_reminder_at - (self.active_at or self.created_at)


_COLUMNS = [getattr(Learner, name) for name in Due._fields]


async def remind_due(session: AsyncSession, now: datetime, limit: int = BATCH) -> int:
    """Put a reminder in the outbox for those whose hour has come, at most `limit`; return how many.

    Several processes share the work. The next instant counts from now and not from the one missed: a bot that was
    down for two days catches up once.
    """
    due = await _claim(session, now, limit)
    if due:
        composed = [_compose(learner, now) for learner in due]
        await outbox.say_all(session, [delivery for delivery, _ in composed])
        moved = update(Learner).where(col(Learner.id) == bindparam("learner"))
        moved = moved.values(next_reminder_at=bindparam("next_at"), eased_off_at=bindparam("eased_at"))
        await (await session.connection()).execute(moved, [following for _, following in composed])
    return len(due)


async def _claim(session: AsyncSession, now: datetime, limit: int) -> list[Due]:
    """Return those who are due, and keep other processes from them until the transaction ends."""
    at = col(Learner.next_reminder_at)  # ix_learner_next_reminder_at
    due = sqlalchemy.select(*_COLUMNS).where(at <= now).order_by(at).limit(limit)
    locked = due.with_for_update(skip_locked=True)  # on SQLite there is one writer anyhow
    return [Due(*row) for row in await (await session.connection()).execute(locked)]


def _compose(learner: Due, now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what is said to a learner now, and when they are reminded next."""
    today = local_date(now, zone_of(learner.timezone))
    eases_off = learner.silence >= EASE_OFF_AFTER and learner.eased_off_at is None
    eased_at = now if eases_off else learner.eased_off_at
    rest = 1 if eased_at is None else EASED if learner.silence < RARE_AFTER else RARE
    delivery = {
        "key": _key(learner.id, today),
        "kind": "reminder.eased" if eases_off else "reminder",
        "subject": f"{learner.id}:{today}",
        "chat": learner.chat,
        "channel": f"@{learner.external_id}",
        "due_at": now,
        "created_at": now,
    }
    next_at = upcoming(learner, now, today + timedelta(days=rest))
    return delivery, {"learner": learner.id, "next_at": next_at, "eased_at": eased_at}


def _key(learner_id: int, day: date) -> str:
    return f"reminder:{learner_id}:{day}"


def is_over(learner: Learner, day: date, now: datetime) -> bool:
    """Say whether a reminder's day has passed: one that a chat could not take in time is not said late."""
    return local_date(now, zone_of(learner.timezone)) > day


async def _first_free_day(session: AsyncSession, learner: Learner, now: datetime) -> date:
    """Return the first day that may have a reminder: today, or the day after that of the last one.

    In another timezone that day may have had another date; both dates are taken.
    """
    zone = zone_of(learner.timezone)
    near = [local_date(now, zone) + timedelta(days=n) for n in (-1, 0, 1)]  # no two zones are further apart
    by_key = {_key(learner.id, day): day for day in near}
    said = await session.exec(select(Delivery.key, Delivery.created_at).where(col(Delivery.key).in_(by_key)))
    taken = [max(by_key[key], local_date(at, zone)) for key, at in said]
    return max([near[1], *(day + timedelta(days=1) for day in taken)])
