import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from bot.command import Services
from bot.commands.season import draw_season_end
from bot.errors import UserError
from bot.store.tables import Delivery, Group, Learner, Season
from bot.study import season as seasons
from lessons import curriculum


@pytest.fixture
def started(store, clock, group):
    """Start a season in the lab, which lives in Berlin; return it."""

    async def start(until="month", name=None, channel="#lab"):
        async with store.write() as session:
            lab = await session.get_one(Group, group.id)
            lab.timezone, lab.results_channel = "Europe/Berlin", channel
            return await seasons.start(session, lab, name, until, clock.now)

    return start


@pytest.mark.parametrize(
    ("until", "name", "ends"),
    [
        ("month", "March 2026", "2026-04-01T00:00+02:00"),
        ("quarter", "Q1 2026", "2026-04-01T00:00+02:00"),
        ("2026-03-09", "until 9 March 2026", "2026-03-10T00:00+01:00"),
        ("2w", "until 16 March 2026", "2026-03-17T00:00+01:00"),
    ],
)
async def test_a_season_lasts_until_the_end_of_its_last_day_in_the_groups_zone(started, until, name, ends):
    season = await started(until)
    assert (season.name, season.ends_at) == (name, datetime.fromisoformat(ends))


async def test_the_last_month_of_a_year_ends_with_it(started, clock):
    clock.now = datetime(2026, 12, 31, 12, tzinfo=UTC)
    assert (await started("quarter")).ends_at == datetime.fromisoformat("2027-01-01T00:00+01:00")


async def test_one_season_runs_at_a_time_and_its_name_is_its_own(started, clock):
    await started("2026-03-04", "Spring")
    with pytest.raises(UserError, match="Spring still runs"):
        await started()
    clock.advance(days=5)
    with pytest.raises(UserError, match="There was a season Spring already"):
        await started(name="Spring")
    with pytest.raises(UserError, match="no date"):
        await started("some day")
    with pytest.raises(UserError, match="1 to 40 characters"):
        await started(name="x" * 41)


async def test_its_ranks_are_of_its_runs_alone_and_are_kept_when_it_ends(started, store, clock, people, new_run):
    ann, bo, cy = people[1]
    async with store.write() as session:
        before = clock.now - timedelta(hours=1)
        session.add(new_run(ann, status="succeeded", score=0.99, finished_at=before))
    season = await started("2026-03-04")
    clock.advance(days=1)
    async with store.write() as session:
        session.add(new_run(ann, status="succeeded", score=0.6, finished_at=clock.now))
        session.add(new_run(bo, status="succeeded", score=0.7, finished_at=clock.now))
        session.add(new_run(cy, status="failed", finished_at=clock.now))
        session.add(new_run(cy, status="succeeded", score=0.8, finished_at=season.ends_at))
    clock.now = season.ends_at
    async with store.write() as session:
        assert await seasons.end_due(session, clock.now) == 1
        (await session.get_one(Learner, bo.id)).name = "Bodo"
    async with store.read() as session:
        kept = (await session.exec(select(Season))).one().ranks
        drawn = await draw_season_end(session, Services(curriculum(), "", lambda: 1), str(season.id), clock.now)
    assert [(row["place"], row["learner"], row["score"]) for row in kept["match"]] == [
        (1, bo.id, 0.7),
        (2, ann.id, 0.6),
    ]
    assert "1. Bodo (70.0%), 2. Ann (60.0%)" in drawn.body


async def test_an_end_is_told_once_whoever_sees_it_first(started, store, clock):
    season = await started("2026-03-04")
    clock.now = season.ends_at + timedelta(days=3)

    async def tick():
        async with store.write() as session:
            return await seasons.end_due(session, clock.now)

    assert sum(await asyncio.gather(*(tick() for _ in range(3)))) == 1
    async with store.read() as session:
        assert [(d.kind, d.channel) for d in await session.exec(select(Delivery))] == [("season.end", "#lab")]


async def test_a_group_without_a_channel_keeps_the_ranks_in_silence(started, store, clock):
    season = await started("2026-03-04", channel=None)
    async with store.write() as session:
        assert await seasons.end_due(session, season.ends_at) == 1
        assert (await session.exec(select(Delivery))).all() == []


async def test_an_admin_ends_a_season_early_and_there_is_none_to_end_twice(started, store, clock, group):
    await started("quarter")
    clock.advance(days=1)
    async with store.write() as session:
        lab = await session.get_one(Group, group.id)
        assert (await seasons.end(session, lab, clock.now)).ends_at == clock.now
        assert await seasons.running(session, lab, clock.now) is None
    with pytest.raises(UserError, match="No season runs"):
        async with store.write() as session:
            await seasons.end(session, lab, clock.now)


async def test_a_season_is_found_by_its_name_and_a_slip_gets_the_nearest(started, store, group):
    await started(name="Spring 2026")
    async with store.read() as session:
        assert (await seasons.find(session, group, "spring  2026")).name == "Spring 2026"
        with pytest.raises(UserError, match="Did you mean Spring 2026"):
            await seasons.find(session, group, "sprng 2026")
