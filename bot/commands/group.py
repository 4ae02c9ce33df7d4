"""What a group shares: the leaderboard, and what its admins set."""

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Annotated

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.command import Context, Param, Services, action, announcement, command
from bot.commands import leaderboard_picture
from bot.commands.drill import said
from bot.commands.options import EXERCISE
from bot.errors import UserError
from bot.store.tables import Delivery, Group, Season
from bot.study import appeal, catalog, group_setup, leaderboard, week
from bot.study import season as seasons
from bot.study.device_time import read_quota
from bot.study.local_time import zone_of
from bot.view import Button, Edit, File, Message
from bot.view import action as to
from runner.exercise import Exercise

WINDOW = Param("the last 7 days, the present season, or all", choices=("week", "season", "all"))
BOARD_HEAD = ("", "Who", "Score", "With", "Runs")


@command("leaderboard", "Who trains best", private=False)
async def show_leaderboard(
    ctx: Context,
    exercise: Annotated[str, EXERCISE] = "match",
    window: Annotated[str, WINDOW] = "all",
    season: Annotated[str | None, Param("a season's name")] = None,
) -> Message:
    """Show a group's ranks, and how far it is to the next place."""
    group = group_of(ctx)
    chosen = await catalog.exercise(ctx.session, group, exercise, removed=True)
    if window == "week":
        return await _window_board(ctx, chosen, "the last 7 days", since=ctx.now - week.WEEK)
    if season or window == "season":
        return await _season_board(ctx, chosen, await _season(ctx, group, season))
    return await _window_board(ctx, chosen)


async def _season(ctx: Context, group: Group, name: str | None) -> Season:
    found = await seasons.find(ctx.session, group, name) if name else await seasons.running(ctx.session, group, ctx.now)
    if found is None:
        raise UserError("No season runs.", "`/season` lists those that were; `/leaderboard` alone has all runs.")
    return found


async def _season_board(ctx: Context, exercise: Exercise, season: Season) -> Message:
    if season.ranks is None:
        return await _window_board(ctx, exercise, season.name, season.starts_at, season.ends_at)
    kept = season.ranks.get(exercise.name, [])
    if not kept:
        return Message(f"Nobody had a score on {exercise.name} in {season.name}.")
    names = await seasons.names(ctx.session, kept)
    rows = [
        (
            f"{row['place']}",
            names.get(row["learner"], "somebody"),
            exercise.metric.format(row["score"]),
            f"run {row['run']}",
            f"{row['runs']}",
        )
        for row in kept
    ]
    return Message(title=_board_title(exercise, season.name), rows=(BOARD_HEAD, *rows))


async def _window_board(
    ctx: Context,
    exercise: Exercise,
    when: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> Message:
    """Draw the ranks of a stretch of time, and how they came about."""
    group = group_of(ctx)
    board = draw_board(ctx, exercise, await leaderboard.board(ctx.session, group, exercise, since, until), when)
    climbs = await leaderboard.over_time(ctx.session, group, exercise, since, until)
    if sum(len(climb.bests) for climb in climbs) < 2:  # one run is no history
        return board
    zone, metric = zone_of(group.timezone), exercise.metric
    picture = await asyncio.to_thread(
        leaderboard_picture.draw, climbs, f"Leaderboard · {exercise.name}", metric, ctx.now, zone
    )
    alt = leaderboard_picture.alt_text(climbs, metric, zone)
    return replace(board, files=(File(f"leaderboard-{exercise.name}.png", picture, alt=alt),))


def group_of(ctx: Context) -> Group:
    """Return the group that a command is for. Raises UserError when there is none."""
    if ctx.group is None:
        raise UserError("You are in no group yet.", "Ask in a group's channel.")
    return ctx.group


def channel_of(ctx: Context) -> str:
    """Return the group's channel that a command was given in. Raises UserError in a direct message."""
    if ctx.channel.startswith("@"):
        raise UserError(
            "This is a direct message, which the group cannot read.", "Say it in the channel that you mean."
        )
    return ctx.channel


def draw_board(ctx: Context, exercise: Exercise, ranks: list[leaderboard.Rank], when: str = "") -> Message:
    """Draw ranks as a table, with the asker's distance to the next place."""
    if not ranks and when:
        return Message(f"Nobody has a score on {exercise.name} for {when} yet. `/submit {exercise.name}` gets one.")
    if not ranks:
        return Message(f"Nobody has a score on {exercise.name} yet. `/submit {exercise.name}` gets the first.")
    rows = [
        (
            f"{rank.place}",
            rank.learner.name,
            exercise.metric.format(rank.score),
            f"run {rank.run.number}",
            f"{rank.runs}",
        )
        for rank in ranks
    ]
    return Message(
        title=_board_title(exercise, when),
        body=_distance(ctx, exercise, ranks),
        rows=(BOARD_HEAD, *rows),
    )


def _board_title(exercise: Exercise, when: str) -> str:
    return " · ".join(filter(None, ["Leaderboard", exercise.name, when, f"{exercise.metric.name} on the hidden test"]))


def _distance(ctx: Context, exercise: Exercise, ranks: list[leaderboard.Rank]) -> str:
    own = next((rank for rank in ranks if rank.learner.id == ctx.learner.id), None)
    above = [rank for rank in ranks if own and rank.place < own.place]
    if own is None:
        return ""
    if not above:
        return "You lead."
    gap = exercise.metric.difference(above[-1].score, own.score)
    return f"You are {gap} behind {above[-1].learner.name}."


@command("group show", "What this group has set", admin=True)
async def show_group(ctx: Context) -> Message:
    """Show a group's settings."""
    return _draw_group(group_of(ctx))


def _draw_group(group: Group) -> Message:
    where = f"channel `{group.results_channel}`" if group.results_channel else "where each run is submitted"
    return Message(
        title=group.name,
        fields=(
            ("Results go to", where),
            ("Runs a learner and day", f"{group.runs_per_day}"),
            ("Device time a learner and week", _device_time(group)),
        ),
        buttons=(Button("Change it", to("group.setup")),),
    )


@command("group setup", "Set this group up, in three presses", admin=True)
async def set_up(ctx: Context) -> Message:
    """Begin the set-up."""
    return _where()


@action("group.setup", admin=True)
async def set_up_again(ctx: Context) -> Message:
    """Begin the set-up, from a button."""
    return _where()


def _where() -> Message:
    return Message(
        "Where shall results and records be posted?",
        title="Set-up · 1 of 3",
        buttons=(
            Button("In this channel", to("group.results", where="here"), "primary"),
            Button("Where each run is submitted", to("group.results", where="anywhere")),
        ),
    )


@action("group.results", admin=True)
async def set_results(ctx: Context, where: str) -> Edit:
    """Set where results go, and ask the next question."""
    channel = channel_of(ctx) if where == "here" else None
    await group_setup.set_results_channel(ctx.session, group_of(ctx), ctx.learner, channel)
    if channel:
        week.turn_on(group_of(ctx), ctx.now)
    quotas = (5, 20, 100)
    return Edit(
        Message(
            "How many runs may a learner submit in a day?",
            title="Set-up · 2 of 3",
            buttons=tuple(Button(f"{runs}", to("group.quota", runs=runs)) for runs in quotas),
        )
    )


@action("group.quota", admin=True)
async def set_quota(ctx: Context, runs: int) -> Edit:
    """Set the quota, and ask the last question."""
    await group_setup.set_quota(ctx.session, group_of(ctx), ctx.learner, runs)
    return Edit(
        Message(
            "Shall I introduce myself here?",
            title="Set-up · 3 of 3",
            buttons=(
                Button("Yes, say hello", to("group.hello", say="yes"), "primary"),
                Button("No, thanks", to("group.hello", say="no")),
            ),
        )
    )


@action("group.hello", admin=True)
async def finish_setup(ctx: Context, say: str) -> Edit:
    """Say hello if wanted, and show what is set."""
    if say == "yes":
        await group_setup.say_hello(ctx.session, group_of(ctx), ctx.channel, ctx.now)
    return Edit(_draw_group(group_of(ctx)))


def _device_time(group: Group) -> str:
    seconds = group.device_seconds_per_week
    return "as much as there is" if seconds is None else f"{seconds:,} device-seconds"


@command("group quota", "How much a learner may train", admin=True)
async def quota(
    ctx: Context,
    runs: Annotated[int | None, Param("runs in 24 hours")] = None,
    device_time: Annotated[str | None, Param("device time in 7 days: 90m, 10h or off")] = None,
) -> Message:
    """Set the quotas that are given, and show all."""
    if runs is not None:
        await group_setup.set_quota(ctx.session, group_of(ctx), ctx.learner, runs)
    if device_time is not None:
        await group_setup.set_device_time(ctx.session, group_of(ctx), ctx.learner, read_quota(device_time))
    return _draw_group(group_of(ctx))


@command("group appeals", "Drill answers that members say were marked wrongly", admin=True)
async def show_appeals(ctx: Context) -> Message:
    """List the last appeals, so that drills get mended."""
    found = await appeal.appeals(ctx.session, ctx.services.curriculum, group_of(ctx))
    if not found:
        return Message("Nobody has appealed: every answer that was marked wrong was taken as wrong.")
    return Message(
        title="Answers that members say were right",
        body="They count as passed. A drill that comes up twice wants mending.\n\n" + "\n".join(map(_appeal, found)),
    )


def _appeal(found: appeal.Appeal) -> str:
    model = f"{found.drill.answer}" if found.drill else "that drill is no longer in the lessons"
    return f"- **{found.review.drill}**, {found.learner.name}: {said(found.review.answer or '')}; expected: {model}"


@announcement("group.hello")
async def draw_hello(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message:
    """Introduce Cohort to a group."""
    return Message(
        "I teach training with Hugging Face: short lessons, drills before you forget, and real runs. "
        "`/start` tells me who you are, `/submit` trains a config, `/leaderboard` says who trains best.",
        title="Hello, I'm Cohort",
    )


@announcement("group.dead_channel")
async def draw_dead_channel(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message:
    """Tell an admin that a channel takes no messages."""
    delivery = await session.get_one(Delivery, int(subject))
    group = await session.get_one(Group, delivery.group_id)
    return Message(
        f"I cannot post in channel `{delivery.channel}` of {group.name}: it is gone, or I may not speak there. "
        "Results go to where each run is submitted, until `/group setup` names another channel; a daily question that "
        "was asked there rests, until `/group drill` names another."
    )
