"""What is about me: profile, help, and what I type without a command."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Annotated

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.command import FAMILIES, Context, Param, Services, action, announcement, command, commands
from bot.commands.ask import hear_tutor
from bot.commands.drill import hear_drill
from bot.commands.interview import hear_interview
from bot.commands.placement import hear_placement
from bot.dispatch import find_route
from bot.errors import nearest
from bot.store.tables import Run
from bot.study import badge, catalog, leaderboard, run, streak
from bot.study import drill as drills
from bot.study.catalog import exercise_of
from bot.study.local_time import local_date, zone_of
from bot.study.membership import learner_of
from bot.view import Message

WEEKS = 4  # of the streak's calendar


@action("say")
async def say(ctx: Context, text: str) -> Message:
    """Take words typed without a command: they belong to the first of these that has asked something."""
    for listen in (hear_interview, hear_placement, hear_drill, hear_tutor):
        if reply := await listen(ctx, text):
            return reply
    names = [route.name for route in commands()]
    hint = nearest(text.split(maxsplit=1)[0], names) if text.strip() else ""
    return Message(f"I asked nothing just now, so I kept nothing of that.{hint} `/help` lists what I can do.")


@command("profile", "Your level, runs and reviews")
async def profile(ctx: Context) -> Message:
    """Show what the learner has done."""
    runs = await run.runs_of(ctx.session, ctx.learner)
    rows = [(f"{r.number}", r.exercise, r.status.replace("_", " "), _score(r)) for r in runs]
    due = await drills.due_count(ctx.session, ctx.services.curriculum, ctx.learner, ctx.now)
    places = []
    if ctx.group:
        for exercise in (await catalog.of_group(ctx.session, ctx.group, removed=True)).exercises.values():
            ranks = await leaderboard.board(ctx.session, ctx.group, exercise)
            places += [f"{exercise.name}: {rank.place}." for rank in ranks if rank.learner.id == ctx.learner.id]
    return Message(
        title=ctx.learner.name,
        fields=(
            ("Level", ctx.learner.level or "not known yet: `/start`"),
            ("Drills due", str(due)),
            ("Streak", _days((await streak.of(ctx.session, ctx.learner, ctx.now)).current)),
            ("Badges", await _badges(ctx)),
            ("Ranks", ", ".join(places) or "none yet"),
        ),
        rows=(("Run", "Exercise", "Ended", "Score"), *rows) if rows else (),
    )


async def _badges(ctx: Context) -> str:
    earned = await badge.badges_of(ctx.session, ctx.learner)
    return ", ".join(f"{kind.title} ({at.day} {at:%B %Y})" for kind, at in earned) or "none yet"


@announcement("badge")
async def draw_badge(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message:
    """Tell a learner of a badge, in silence."""
    learner_id, _, name = subject.partition(":")
    learner, kind = await learner_of(session, int(learner_id)), badge.kind(name)
    words = f"A badge for you, {learner.name}: **{kind.title}**, for {kind.earned_for}. `/profile` keeps it."
    return Message(words, silent=True)


@command("streak", "Your days in a row")
async def show_streak(ctx: Context) -> Message:
    """Show the learner's streak with the last weeks."""
    found = await streak.of(ctx.session, ctx.learner, ctx.now)
    today = local_date(ctx.now, zone_of(ctx.learner.timezone))
    here = "" if today in found.days else " Today is still open: one drill or one run counts."
    freeze = "A missed day is free this week." if found.freeze_left else "This week's free day is used."
    calendar = "\n".join(["```", *_calendar(found, today), "```"])
    legend = "● drilled or trained, ○ a free day, – missed"
    return Message(
        title=f"{_days(found.current)} in a row" if found.current else "No days in a row yet",
        body=f"Your best: {_days(found.best)}. {freeze}{here}\n\n{calendar}\n{legend}",
    )


def _days(count: int) -> str:
    return "1 day" if count == 1 else f"{count} days"


def _calendar(found: streak.Streak, today: date) -> Iterator[str]:
    """Draw the last weeks, one a line, Monday to Sunday, from a learner's first day to today."""
    yield "        Mo Tu We Th Fr Sa Su"
    this_week = today - timedelta(days=today.weekday())
    for monday in (this_week - timedelta(weeks=n) for n in reversed(range(WEEKS))):
        marks = (_mark(found, monday + timedelta(days=n), today) for n in range(7))
        yield f"{monday.day:2} {monday:%b}   {'  '.join(marks)}".rstrip()


def _mark(found: streak.Streak, day: date, today: date) -> str:
    if day in found.days:
        return "●"
    if day in found.frozen:
        return "○"
    return "–" if min(found.days, default=today) < day < today else " "


def _score(run: Run) -> str:
    return "" if run.score is None else exercise_of(run).metric.format(run.score)


def _family(heading: str) -> str:
    lines = [f"- `/{route.name}` {route.help}" for route in commands() if route.family == heading]
    return "\n".join([f"**{heading}**", "", *lines])


async def _command_names(services: Services, partial: str) -> list[str]:
    return [route.name for route in commands()]


@command("help", "What I can do")
async def help_(
    ctx: Context, command: Annotated[str | None, Param("about one command", complete=_command_names)] = None
) -> Message:
    """List the commands, or explain one."""
    if command is None:
        return Message(title="What I can do", body="\n\n".join(map(_family, dict.fromkeys(FAMILIES.values()))))
    route = find_route(command.lstrip("/"))
    options = [f"- `{o.name}`{'' if o.required else ' (optional)'}: {o.param.help}" for o in route.options]
    return Message(title=f"/{route.name}", body="\n".join([route.help + ".", "", *options]))
