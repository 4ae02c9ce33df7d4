"""Seasons: stretches of time with a leaderboard of their own, whose ranks are kept when they end."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError, nearest
from bot.store import outbox
from bot.store.database import insert_new
from bot.store.tables import Group, Learner, Season
from bot.study import catalog, leaderboard
from bot.study.local_time import local_date, midnight, read_date, zone_of

NAME_LIMIT = 40  # characters


async def start(session: AsyncSession, group: Group, name: str | None, until: str, now: datetime) -> Season:
    """Start a season that lasts until the end of a date, of the `month` or of the `quarter`.

    Raises UserError for what is no coming date, for a name that is taken, and while another season runs.
    """
    if present := await running(session, group, now):
        raise UserError(f"{present.name} still runs.", "`/group season until:now` ends it.")
    zone = zone_of(group.timezone)
    usual_name, day_after = _read_until(until, local_date(now, zone))
    name = " ".join((name or usual_name).split())
    if not 0 < len(name) <= NAME_LIMIT or not name.isprintable():
        raise UserError(f"A season's name has 1 to {NAME_LIMIT} characters.", "Such as `Spring 2026`.")
    new = Season(group_id=group.id, name=name, starts_at=now, ends_at=midnight(day_after, zone))
    if not await insert_new(session, new):
        raise UserError(f"There was a season {name} already.", "Another name tells the two apart.")
    return await find(session, group, name)


def _read_until(text: str, today: date) -> tuple[str, date]:
    """Return a season's usual name, and the day after its last."""
    match text.strip().lower():
        case "month":
            return f"{today:%B %Y}", _month_after(today, 1)
        case "quarter":
            quarter = (today.month - 1) // 3
            return f"Q{quarter + 1} {today.year}", _month_after(today.replace(month=3 * quarter + 1), 3)
        case _:
            last = read_date(text, today)
            return f"until {last.day} {last:%B %Y}", last + timedelta(days=1)


def _month_after(day: date, months: int) -> date:
    """Return the first day of a later month."""
    years, month = divmod(day.month - 1 + months, 12)
    return date(day.year + years, month + 1, 1)


async def end(session: AsyncSession, group: Group, now: datetime) -> Season:
    """End the running season now. Raises UserError when none runs."""
    season = await running(session, group, now)
    if season is None:
        raise UserError("No season runs.", "`/group season until:month` starts one.")
    season.ends_at = now
    session.add(season)
    await session.flush()
    await _archive(session, season, group, now)
    return season


async def end_due(session: AsyncSession, now: datetime) -> int:
    """Archive the seasons that have ended and say so, each once; return how many had."""
    due = select(Season, Group).join(Group, col(Group.id) == col(Season.group_id))
    ended = due.where(col(Season.ends_at) <= now, col(Season.ranks).is_(None))  # ix_season_ends_at
    return sum([await _archive(session, season, group, now) for season, group in await session.exec(ended)])


async def _archive(session: AsyncSession, season: Season, group: Group, now: datetime) -> bool:
    ranks = {
        exercise.name: [_row(rank) for rank in board]
        for exercise in (await catalog.of_group(session, group, removed=True)).exercises.values()
        if (board := await leaderboard.board(session, group, exercise, season.starts_at, season.ends_at))
    }
    kept = update(Season).where(col(Season.id) == season.id, col(Season.ranks).is_(None)).values(ranks=ranks)
    first: CursorResult[Any] = await session.exec(kept)
    if first.rowcount == 0:  # another process was faster
        return False
    if channel := group.results_channel or group.drill_channel:
        await outbox.post(
            session,
            group,
            channel,
            key=f"season:{season.id}:end",
            kind="season.end",
            subject=str(season.id),
            at=now,
        )
    return True


def _row(rank: leaderboard.Rank) -> dict[str, Any]:
    """Write a rank as it is kept: by the learner's id, so that whoever is forgotten leaves no name."""
    return {
        "place": rank.place,
        "learner": rank.learner.id,
        "score": rank.score,
        "run": rank.run.number,
        "runs": rank.runs,
    }


async def running(session: AsyncSession, group: Group, now: datetime) -> Season | None:
    """Return the season that runs in a group."""
    present = select(Season).where(Season.group_id == group.id, col(Season.starts_at) <= now, col(Season.ends_at) > now)
    return (await session.exec(present)).first()


async def seasons_of(session: AsyncSession, group: Group) -> list[Season]:
    """Return a group's seasons, the latest first."""
    found = select(Season).where(Season.group_id == group.id)
    return list((await session.exec(found.order_by(col(Season.starts_at).desc()))).all())


async def find(session: AsyncSession, group: Group, name: str) -> Season:
    """Return a season by its name. Raises UserError with the nearest."""
    found = await seasons_of(session, group)
    wanted = " ".join(name.split()).casefold()
    for season in found:
        if season.name.casefold() == wanted:
            return season
    close = nearest(name, [season.name for season in found])
    raise UserError(f"There was no season `{name[:NAME_LIMIT]}`.{close}", "`/season` lists them.")


async def names(session: AsyncSession, rows: list[Mapping[str, Any]]) -> dict[int, str]:
    """Return the names of the learners in kept ranks, less those who were forgotten."""
    ids = {row["learner"] for row in rows}
    found = await session.exec(select(Learner.id, Learner.name).where(col(Learner.id).in_(ids)))
    return dict(found.all())
