"""When a learner is reminded: at their own hour in their own timezone, and once a day whatever is restarted."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo, available_timezones

from apscheduler.triggers.cron import CronTrigger
from sqlalchemy import CursorResult, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError, nearest
from bot.store import outbox
from bot.store.tables import Learner

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


async def set_reminder(
    session: AsyncSession,
    learner: Learner,
    at: time | None,
    timezone: str | None,
    days: str | None,
    now: datetime,
) -> None:
    """Set a learner's hour (None: no reminders), timezone and weekdays."""
    if timezone:
        learner.timezone = read_timezone(timezone)
    if days:
        learner.reminder_days = read_days(days)
    learner.reminder_time = at
    learner.next_reminder_at = next_instant(learner, now)
    session.add(learner)


def next_instant(learner: Learner, after: datetime) -> datetime | None:
    """Return when the learner's hour comes next, correct over daylight-saving changes; None without reminders."""
    at = learner.reminder_time
    if at is None:
        return None
    zone = ZoneInfo(learner.timezone or "UTC")
    local = after.astimezone(zone)
    if local.time() >= at:  # today's has been, even if the clock goes back and shows the hour again
        local = datetime.combine(local.date() + timedelta(days=1), time.min, zone)
    trigger = CronTrigger(day_of_week=learner.reminder_days, hour=at.hour, minute=at.minute, second=0, timezone=zone)
    found: datetime | None = trigger.get_next_fire_time(None, local)
    return found


async def remind_due(session: AsyncSession, now: datetime, limit: int = 500) -> int:
    """Put a reminder in the outbox for everybody whose hour has come; return how many.

    The next instant counts from now and not from the one missed: a bot that was down for two days catches up once.
    """
    due = select(Learner).where(col(Learner.next_reminder_at) <= now).order_by(col(Learner.next_reminder_at))
    learners = (await session.exec(due.limit(limit))).all()
    return sum([await _remind(session, learner, now) for learner in learners])


async def _remind(session: AsyncSession, learner: Learner, now: datetime) -> bool:
    claim = (
        update(Learner)
        .where(col(Learner.id) == learner.id, col(Learner.next_reminder_at) == learner.next_reminder_at)
        .values(next_reminder_at=next_instant(learner, now))
    )
    claimed: CursorResult[int] = await session.exec(claim)
    if claimed.rowcount == 0:
        return False
    day = now.astimezone(ZoneInfo(learner.timezone or "UTC")).date()
    key = f"reminder:{learner.id}:{day}"
    await outbox.tell(session, learner, key=key, kind="reminder", subject=str(learner.id), at=now)
    return True


def read_time(text: str) -> time:
    """Read a local time such as `9`, `09:30`, `7pm`; raises UserError."""
    for pattern in ("%H:%M", "%H", "%I%p", "%I:%M%p", "%I %p", "%Hh%M", "%H.%M"):
        try:
            return datetime.strptime(text.strip().lower(), pattern).time()  # noqa: DTZ007  (a time of day has no zone)
        except ValueError:
            continue
    raise UserError(f"`{text[:20]}` is no time of day that I can read.", "Try `09:00` or `7pm`.")


def timezones(partial: str) -> list[str]:
    """Return the names of timezones that contain some words."""
    return sorted(name for name in available_timezones() if partial.lower() in name.lower())


def read_timezone(text: str) -> str:
    """Return an IANA timezone's name; a city is enough when it is one. Raises UserError."""
    names = available_timezones()
    wanted = text.strip().replace(" ", "_").lower()
    for name in sorted(names, key=len):
        if wanted in (name.lower(), name.lower().rpartition("/")[2]):
            return name
    raise UserError(f"There is no timezone `{text[:40]}`.{nearest(text, names)}", "Names look like `Europe/Berlin`.")


def read_days(text: str) -> str:
    """Read weekdays such as `mon,wed,fri`, `weekdays` or `daily`; raises UserError."""
    sets = {"daily": DAYS, "every day": DAYS, "weekdays": DAYS[:5], "weekends": DAYS[5:]}
    said = text.strip().lower()
    chosen = sets.get(said) or tuple(word.strip()[:3] for word in said.replace(" ", ",").split(",") if word.strip())
    if not chosen or not set(chosen) <= set(DAYS):
        raise UserError(f"`{text[:40]}` has days that I don't know.", "Try `mon,wed,fri`, `weekdays` or `daily`.")
    return ",".join(day for day in DAYS if day in chosen)
