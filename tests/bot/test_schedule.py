import asyncio
from datetime import time, timedelta

import pytest
from sqlmodel import select

from bot.schedule import Clockwork, Loop
from bot.store.database import insert_new
from bot.store.tables import Delivery, Group, GroupDrill, Learner, Season
from lessons import curriculum


@pytest.fixture
async def overdue(store, clock):
    """A store in which one of everything came due while nobody was here."""
    past = clock.now - timedelta(minutes=1)
    async with store.write() as session:
        group = Group(chat="local", external_id="#lab", name="lab", results_channel="#lab", drill_channel="#lab")
        group.drill_time, group.next_drill_at, group.next_summary_at = time(11), past, past
        session.add(group)
        learner = Learner(chat="local", external_id="ann", name="Ann", reminder_time=time(9), next_reminder_at=past)
        session.add(learner)
        await session.flush()
        asked = {"group_id": group.id, "day": past.date() - timedelta(days=1), "drill": "x", "channel": "#lab"}
        session.add(GroupDrill(**asked, reveal_at=past))
        await insert_new(session, Season(group_id=group.id, name="Spring", starts_at=past, ends_at=past))
    return store


async def kinds(store):
    async with store.read() as session:
        revealed = (await session.exec(select(GroupDrill.revealed).order_by(GroupDrill.day))).all()
        return sorted((await session.exec(select(Delivery.kind))).all()), revealed


async def test_what_came_due_while_nobody_was_here_is_done_at_the_start_and_once(overdue, clock):
    woken = asyncio.Event()
    for _ in range(2):
        clockwork = Clockwork(overdue, curriculum(), clock, woken.set)
        clockwork.start()
        async with asyncio.timeout(30):
            while len((await kinds(overdue))[0]) < 4:
                await asyncio.sleep(0.05)
        await clockwork.stop()
    assert await kinds(overdue) == (["group_drill", "reminder", "season.end", "week"], [True, False])
    assert woken.is_set()


async def test_two_clockworks_do_everything_once(overdue, clock):
    both = [Clockwork(overdue, curriculum(), clock, lambda: None) for _ in range(2)]
    for clockwork in both:
        clockwork.start()
    async with asyncio.timeout(30):
        while len((await kinds(overdue))[0]) < 4 or not (await kinds(overdue))[1][0]:
            await asyncio.sleep(0.05)
    for clockwork in both:
        await clockwork.stop()
    assert await kinds(overdue) == (["group_drill", "reminder", "season.end", "week"], [True, False])


async def test_a_loop_goes_on_after_a_failure_and_stops_when_told():
    ticks = []

    async def tick():
        ticks.append(len(ticks))
        if len(ticks) == 1:
            raise RuntimeError("once")
        return 3600.0

    loop = Loop("test", tick, failed_pause=0.0)
    loop.start()
    async with asyncio.timeout(10):
        while len(ticks) < 2:
            await asyncio.sleep(0)
        loop.wake()
        while len(ticks) < 3:
            await asyncio.sleep(0)
    await loop.stop()
    loop.wake()
    await asyncio.sleep(0)
    assert ticks == [0, 1, 2]
