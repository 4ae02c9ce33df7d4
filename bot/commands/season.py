"""Seasons and weeks: what a group did in a stretch of time."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.command import Context, Param, Services, announcement, command
from bot.commands.group import group_of
from bot.store.tables import Group, Season
from bot.study import catalog, week
from bot.study import season as seasons
from bot.study.local_time import zone_of
from bot.study.week import Week
from bot.view import Button, Message
from bot.view import action as to
from runner.exercise import Metric

PODIUM = 3  # places


@command("season", "The present season, and those before", private=False)
async def show_seasons(ctx: Context) -> Message:
    """List a group's seasons."""
    group = group_of(ctx)
    found = await seasons.seasons_of(ctx.session, group)
    if not found:
        return Message("There has been no season yet; whoever manages the group starts one with `/group season`.")
    lines = [f"- **{season.name}**: {_time(season, group, ctx.now)}" for season in found]
    hint = "`/leaderboard season:NAME` shows a season's ranks."
    return Message("\n".join([*lines, "", hint]), title="Seasons")


@command("group season", "Start or end a season with ranks of its own", admin=True)
async def set_season(
    ctx: Context,
    until: Annotated[str | None, Param("2026-06-30, 6w, month, quarter, or now to end it")] = None,
    name: Annotated[str | None, Param("such as Spring 2026")] = None,
) -> Message:
    """Start a season, end it, or show the one that runs."""
    group = group_of(ctx)
    if until is None:
        return await show_seasons(ctx)
    if until.strip().lower() == "now":
        ended = await seasons.end(ctx.session, group, ctx.now)
        return Message(f'**{ended.name}** is over; `/leaderboard season:"{ended.name}"` keeps its ranks.')
    started = await seasons.start(ctx.session, group, name, until, ctx.now)
    return Message(
        f"**{started.name}** has begun: {_time(started, group, ctx.now)}. `/leaderboard window:season` has its ranks."
    )


def _time(season: Season, group: Group, now: datetime) -> str:
    """Write from which day to which a season lasts; it ends as its last day does."""
    moments = (season.starts_at, season.ends_at - timedelta(seconds=1))
    first, last = (moment.astimezone(zone_of(group.timezone)) for moment in moments)
    runs = ", still running" if season.ends_at > now else ""
    return f"{first.day} {first:%B} to {last.day} {last:%B %Y}{runs}"


@announcement("season.end")
async def draw_season_end(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message:
    """Sum a season up: the first places of each exercise."""
    season = await session.get_one(Season, int(subject))
    ranks: Mapping[str, list[dict[str, Any]]] = season.ranks or {}
    names = await seasons.names(session, [row for rows in ranks.values() for row in rows])
    known = (await catalog.of_group(session, await session.get(Group, season.group_id), removed=True)).exercises
    lines = [
        f"- **{name}**: {_podium(known[name].metric, rows, names)}" for name, rows in ranks.items() if name in known
    ]
    keeps = f'`/leaderboard season:"{season.name}"` keeps all the ranks.'
    body = "\n".join([*lines, "", keeps]) if lines else "Nobody had a score this time."
    return Message(body, title=f"{season.name} is over")


def _podium(metric: Metric, rows: list[dict[str, Any]], names: Mapping[int, str]) -> str:
    return ", ".join(
        f"{row['place']}. {names.get(row['learner'], 'somebody')} ({metric.format(row['score'])})"
        for row in rows
        if row["place"] <= PODIUM
    )


@command("group summary", "A summary of the group's week, on Mondays", admin=True)
async def set_summary(ctx: Context, switch: Annotated[str, Param("on or off", choices=("on", "off"))]) -> Message:
    """Turn the weekly summary on or off."""
    group = group_of(ctx)
    if switch == "off":
        week.turn_off(group)
        return Message("No more summaries.")
    week.turn_on(group, ctx.now)
    if group.results_channel is None and group.drill_channel is None:
        return Message("On, but there is no channel for it: `/group setup` or `/group drill` names one.")
    return Message(f"Mondays at {group.drill_time:%H:%M} ({group.timezone}) I sum the week up, if there was anything.")


@announcement("week")
async def draw_week(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message | None:
    """Sum a week up; None when nothing happened."""
    group_id, _, until = subject.partition(":")
    found = await week.sum_up(session, services.curriculum, int(group_id), datetime.fromisoformat(until))
    if found is None:
        return None
    lesson = found.weak
    return Message(
        title="The group's week",
        fields=tuple(_facts(found)),
        buttons=(Button(f"Read: {lesson.title}", to("lesson.open", slug=lesson.slug)),) if lesson else (),
    )


def _facts(found: Week) -> list[tuple[str, str]]:
    trained = ", ".join(f"{name} ({_count(runs, 'run')})" for name, runs in found.trained)
    best = ", ".join(
        f"{exercise.name}: {rank.learner.name}, {exercise.metric.format(rank.score)}" for exercise, rank in found.best
    )
    facts = [
        ("Trained", trained),
        ("Drilled", f"{_count(found.drills, 'answer')} by {found.drilled} of you" if found.drills else ""),
        ("Best of the week", best),
        ("Came furthest", _gain(found.improved) if found.improved else ""),
        ("Worth another look", found.weak.title if found.weak else ""),
    ]
    return [(name, value) for name, value in facts if value]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun if number == 1 else f'{noun}s'}"


def _gain(improved: week.Improvement) -> str:
    metric = improved.exercise.metric
    scores = f"{metric.format(improved.before)} → {metric.format(improved.after)}"
    return f"{improved.learner.name} on {improved.exercise.name}: {scores}"
