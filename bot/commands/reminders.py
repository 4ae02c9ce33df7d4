"""Reminders: when they come, and what they say."""

from datetime import date, datetime
from typing import Annotated

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.command import Context, Param, Services, action, announcement, command
from bot.study import reminder, waiting
from bot.study.catalog import exercise_of
from bot.study.local_time import local_date, read_time, timezones, zone_of
from bot.study.membership import learner_of
from bot.study.waiting import Waiting
from bot.view import Button, Edit, Message
from bot.view import action as to


async def complete_timezone(services: Services, partial: str) -> list[str]:
    """Complete a timezone's name."""
    return timezones(partial)


@command("reminders", "When I remind you of drills")
async def reminders(
    ctx: Context,
    time: Annotated[str | None, Param("your hour, such as 09:00, or off")] = None,
    timezone: Annotated[str | None, Param("such as Europe/Berlin", complete=complete_timezone)] = None,
    days: Annotated[str | None, Param("daily, weekdays, or mon,wed,fri")] = None,
    pause: Annotated[str | None, Param("rest for 3d or 2w, until 2026-04-01, or off")] = None,
) -> Message:
    """Show or change the learner's reminders."""
    at = ctx.learner.reminder_time
    if time:
        at = None if time.lower() in ("off", "none", "never") else read_time(time)
    if time or timezone or days:
        await reminder.set_reminder(ctx.session, ctx.learner, at, timezone, days, ctx.now)
    if pause:
        await reminder.pause(ctx.session, ctx.learner, pause, ctx.now)
    return _draw_reminders(ctx)


@action("reminders.daily")
async def remind_daily(ctx: Context, hour: int) -> Message:
    """Set a daily hour, from a button."""
    await reminder.set_reminder(ctx.session, ctx.learner, read_time(str(hour)), None, "daily", ctx.now)
    return _draw_reminders(ctx)


@action("reminders.resume")
async def end_pause(ctx: Context) -> Edit:
    """End a pause, from a button."""
    await reminder.pause(ctx.session, ctx.learner, "off", ctx.now)
    return Edit(_draw_reminders(ctx))


@action("reminders.later")
async def snooze(ctx: Context, tomorrow: str) -> Edit:
    """Say a reminder again later."""
    at = await reminder.snooze(ctx.session, ctx.learner, tomorrow=tomorrow == "yes", now=ctx.now)
    return Edit(Message(f"As you like. I'll be back {_when(ctx, at)}."))


def _when(ctx: Context, moment: datetime) -> str:
    """Write a moment of the next days in the learner's own time."""
    local = moment.astimezone(zone_of(ctx.learner.timezone))
    days = (local.date() - local_date(ctx.now, zone_of(ctx.learner.timezone))).days
    day = {0: "today", 1: "tomorrow"}.get(days, f"on {local:%A}, {local.day} {local:%B},")
    return f"{day} at {local:%H:%M}"


def _draw_reminders(ctx: Context) -> Message:
    learner = ctx.learner
    zone = learner.timezone or "UTC"
    if learner.reminder_time is None or learner.next_reminder_at is None:
        return Message(f"No reminders. `/reminders time:09:00 timezone:{zone}` sets them.")
    days = "every day" if learner.reminder_days.count(",") == 6 else learner.reminder_days.replace(",", ", ")
    following = _when(ctx, learner.next_reminder_at)
    if learner.paused_until and learner.paused_until > ctx.now:
        button = Button("Go on now", to("reminders.resume"))
        return Message(f"Reminders rest. The next one comes {following} ({zone}).", buttons=(button,))
    eased = " You have been away, so they come less often until your next drill." if learner.eased_off_at else ""
    return Message(
        f"I remind you at **{learner.reminder_time:%H:%M}** ({zone}), {days}. The next one: {following}.{eased} "
        "`/reminders pause:3d` lets them rest, `/reminders time:off` stops them."
    )


@announcement("reminder")
async def draw_reminder(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message | None:
    """Draw the day's reminder from what waits when it is sent; None when its day is over or nothing waits."""
    learner_id, _, day = subject.partition(":")
    learner = await learner_of(session, int(learner_id))
    if reminder.is_over(learner, date.fromisoformat(day), now):
        return None
    found = await waiting.for_learner(session, services.curriculum, learner, now)
    words = [_run_ended(found), _due(found) or _ahead(found)]
    if not any(words):
        return None
    return Message(" ".join(filter(None, [f"Hi {learner.name}.", *words])), buttons=_buttons(found))


@announcement("reminder.eased")
async def draw_eased(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message:
    """Say once that reminders come less often now, and how to have them back."""
    learner = await learner_of(session, int(subject.partition(":")[0]))
    return Message(
        f"Hi {learner.name}. It has been a quiet week, and that is fine: everything is where you left it. "
        "I'll come by less often, at most every third day and later once a week. One drill, and I'm back at your "
        "hours.",
        buttons=(Button("One drill", to("drill.next"), "primary"), Button("Stop reminding me", to("reminders.stop"))),
    )


@action("reminders.stop")
async def stop(ctx: Context) -> Edit:
    """Stop reminding, from a button."""
    await reminder.set_reminder(ctx.session, ctx.learner, None, None, None, ctx.now)
    return Edit(_draw_reminders(ctx))


def _run_ended(found: Waiting) -> str:
    run = found.run
    if run is None:
        return ""
    if run.score is None:
        return f"Run {run.number} on {run.exercise} has ended without a score; `/run show {run.number}` says why."
    return f"Run {run.number} on {run.exercise} has ended: {exercise_of(run).metric.format(run.score)}."


def _due(found: Waiting) -> str:
    if not found.due:
        return ""
    drills = "One drill is due" if found.due == 1 else f"{found.due} drills are due"
    first = f", {'' if found.due == 1 else 'first '}*{found.lesson.title}*" if found.lesson else ""
    return f"{drills}{first}. A few minutes are enough."


def _ahead(found: Waiting) -> str:
    return f"Nothing fades today. Next on your path: *{found.ahead.title}*." if found.ahead else ""


def _buttons(found: Waiting) -> tuple[Button, ...]:
    if found.due or found.ahead is None:
        first = Button("Drill now", to("drill.next"), "primary")
    else:
        first = Button("Read it", to("lesson.open", slug=found.ahead.slug), "primary")
    later = Button("In an hour", to("reminders.later", tomorrow="no"))
    return (first, later, Button("Tomorrow", to("reminders.later", tomorrow="yes")))
