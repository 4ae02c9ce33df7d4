"""Reminders: when they come, and what they say."""

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.command import Context, Param, Services, action, announcement, command
from bot.study import drill as drills
from bot.study import reminder
from bot.study.membership import learner_of
from bot.view import Button, Message
from bot.view import action as to


async def _timezones(services: Services, partial: str) -> list[str]:
    return reminder.timezones(partial)


@command("reminders", "When I remind you of drills")
async def reminders(
    ctx: Context,
    time: Annotated[str | None, Param("your hour, such as 09:00, or off")] = None,
    timezone: Annotated[str | None, Param("such as Europe/Berlin", complete=_timezones)] = None,
    days: Annotated[str | None, Param("daily, weekdays, or mon,wed,fri")] = None,
) -> Message:
    """Show or change the learner's reminders."""
    at = ctx.learner.reminder_time
    if time:
        at = None if time.lower() in ("off", "none", "never") else reminder.read_time(time)
    if time or timezone or days:
        await reminder.set_reminder(ctx.session, ctx.learner, at, timezone, days, ctx.now)
    return _draw_reminders(ctx)


@action("reminders.daily")
async def remind_daily(ctx: Context, hour: int) -> Message:
    """Set a daily hour, from a button."""
    await reminder.set_reminder(ctx.session, ctx.learner, reminder.read_time(str(hour)), None, "daily", ctx.now)
    return _draw_reminders(ctx)


def _draw_reminders(ctx: Context) -> Message:
    learner = ctx.learner
    zone = learner.timezone or "UTC"
    if learner.reminder_time is None or learner.next_reminder_at is None:
        return Message(f"No reminders. `/reminders time:09:00 timezone:{zone}` sets them.")
    days = "every day" if learner.reminder_days.count(",") == 6 else learner.reminder_days.replace(",", ", ")
    next_one = learner.next_reminder_at.astimezone(ZoneInfo(zone))
    return Message(
        f"I remind you at **{learner.reminder_time:%H:%M}** ({zone}), {days}. "
        f"The next one: {next_one:%A %d %B, %H:%M}. `/reminders time:off` stops them."
    )


@announcement("reminder")
async def draw_reminder(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message:
    """Draw the daily reminder from what is due when it is sent."""
    learner = await learner_of(session, int(subject))
    due = await drills.due_count(session, services.curriculum, learner, now)
    waiting = f"{due} drill{'s are' if due != 1 else ' is'} due" if due else "nothing is due, so there is room"
    return Message(
        f"Hi {learner.name}, {waiting}. Two minutes are enough.",
        buttons=(Button("Drill now", to("drill.next"), "primary"),),
    )
