"""Device time: what a learner's runs took, and the week's quota of it."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.errors import UserError
from bot.store.tables import Run
from bot.study import device_time, run
from bot.study.device_time import read_quota
from bot.study.membership import Sender, identify

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CONFIG = "exercise: match\n"


async def someone(session, name: str = "ann"):
    return await identify(session, Sender("local", name, name), ("#lab", "lab"), NOON)


async def trained(session, began: timedelta, seconds: float, devices: float = 1.0, name: str = "ann") -> Run:
    learner, group = await someone(session, name)
    new = (await run.submit(session, learner, group, CONFIG, channel="#lab", runs="/runs", now=NOON)).run
    new.status, new.devices, new.started_at = "succeeded", devices, NOON + began
    new.finished_at = new.started_at + timedelta(seconds=seconds)
    session.add(new)
    await session.flush()
    return new


async def test_runs_are_charged_for_their_devices_from_start_to_end_for_a_week(store):
    async with store.write() as session:
        learner, group = await someone(session)
        assert await device_time.spent(session, group, learner, NOON) == timedelta()
        await trained(session, timedelta(days=-8), 1000)
        await trained(session, timedelta(days=-1), 100)
        await trained(session, timedelta(days=-1), 100, devices=0.5)
        await trained(session, timedelta(days=-1), 100, devices=4, name="bo")
        training = await trained(session, timedelta(seconds=-30), 0, devices=2)
        training.status, training.finished_at = "running", None
        assert await device_time.spent(session, group, learner, NOON) == timedelta(seconds=100 + 50 + 60)
        lost = await trained(session, timedelta(), 0)
        lost.status, lost.started_at, lost.finished_at = "queued", None, None
        assert await device_time.spent(session, group, learner, NOON) == timedelta(seconds=210)


async def test_a_learner_over_the_quota_hears_by_how_much_and_when_it_comes_back(store):
    async with store.write() as session:
        learner, group = await someone(session)
        assert await device_time.left(session, group, learner, NOON) is None
        await trained(session, timedelta(days=-3), 3000)
        group.device_seconds_per_week = 3600
        assert await device_time.left(session, group, learner, NOON) == timedelta(seconds=600)
        await device_time.check(session, group, learner, NOON)
        await trained(session, timedelta(hours=-1), 700)
        assert await device_time.left(session, group, learner, NOON) == timedelta()
        with pytest.raises(UserError, match=r"took 3,700 device-seconds .* lab allows 3,600") as refused:
            await run.submit(session, learner, group, CONFIG, channel="#lab", runs="/runs", now=NOON)
        assert "comes back in 4 days" in refused.value.hint
        later = NOON + timedelta(days=4, hours=1)
        assert await device_time.left(session, group, learner, later) == timedelta(seconds=2900)


async def test_no_device_time_at_all_is_a_quota_too(store):
    async with store.write() as session:
        learner, group = await someone(session)
        group.device_seconds_per_week = 0
        with pytest.raises(UserError, match="allows 0") as refused:
            await device_time.check(session, group, learner, NOON)
        assert "/group quota" in refused.value.hint


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90m", 5400), ("10h", 36_000), (" 1.5 H ", 5400), ("3", 10_800), ("45s", 45), ("0h", 0), ("off", None)],
)
def test_device_time_is_read_as_people_write_it(text, seconds):
    assert read_quota(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1h", "10d", "99999999h", "1e3", "9999999h"])
def test_what_is_no_device_time_is_refused_with_how_to_write_it(text):
    with pytest.raises(UserError) as refused:
        read_quota(text)
    assert "90m" in refused.value.hint
