import asyncio
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import pytest
from sqlmodel import select

from bot.command import Services
from bot.commands.reminders import draw_reminder
from bot.errors import UserError
from bot.store.tables import Card, Delivery, Learner
from bot.study import reminder, waiting
from bot.study.reminder import remind_due, set_reminder, snooze
from bot.study.streak import note_activity
from lessons import curriculum


@pytest.fixture
def ann(store, clock, people):
    """Ann, who is reminded."""
    return Ann(store, clock, people[1][0].id)


class Ann:
    def __init__(self, store, clock, learner_id):
        self.store, self.clock, self.id = store, clock, learner_id

    async def does(self, function, *args, **options):
        async with self.store.write() as session:
            return await function(session, await session.get_one(Learner, self.id), *args, **options)

    async def wants(self, hour, zone=None, days=None):
        await self.does(set_reminder, time(hour), zone, days, self.clock.now)

    async def drills(self):
        await self.does(note_activity, self.clock.now)

    async def until(self, moment):
        """Let time pass, and tick once an hour as the scheduler would."""
        while self.clock.now < moment:
            self.clock.advance(hours=1)
            async with self.store.write() as session:
                await remind_due(session, self.clock.now)

    async def told(self, kind=None):
        async with self.store.read() as session:
            said = await session.exec(select(Delivery).order_by(Delivery.created_at))
            return [each.created_at for each in said if kind is None or each.kind == kind]

    async def next(self):
        async with self.store.read() as session:
            return (await session.get_one(Learner, self.id)).next_reminder_at


def utc(day, hour=9, month=3):
    return datetime(2026, month, day, hour, tzinfo=UTC)


async def test_after_two_days_down_one_reminder_comes_and_not_three(ann, clock, store):
    await ann.wants(9)
    clock.advance(days=2, hours=3)
    for _ in range(3):
        async with store.write() as session:
            await remind_due(session, clock.now)
    assert await ann.told() == [clock.now]
    assert await ann.next() == utc(5)


async def test_a_catch_up_before_the_hour_is_that_days_reminder(ann, clock, store):
    await ann.wants(9)
    clock.now = utc(4, hour=7)
    await ann.until(utc(5, hour=12))
    assert await ann.told() == [utc(4, hour=8), utc(5)]


async def test_processes_that_remind_at_once_say_it_once(ann, clock, store):
    await ann.wants(9)
    clock.advance(days=1)

    async def tick():
        async with store.write() as session:
            return await remind_due(session, clock.now)

    assert sum(await asyncio.gather(*(tick() for _ in range(4)))) == 1
    assert len(await ann.told()) == 1


async def test_more_than_a_batch_is_reminded_batch_by_batch(store, clock):
    async with store.write() as session:
        for number in range(reminder.BATCH + 5):
            new = Learner(chat="local", external_id=f"u{number}", name="U", reminder_time=time(9))
            session.add(new)
            new.next_reminder_at = clock.now
    counts = []
    for _ in range(3):
        async with store.write() as session:
            counts.append(await remind_due(session, clock.now))
    assert counts == [reminder.BATCH, 5, 0]


async def test_an_hour_moved_to_later_the_same_day_comes_tomorrow(ann, clock):
    await ann.wants(13)
    await ann.until(utc(2, hour=14))
    await ann.wants(18)
    assert await ann.next() == utc(3, hour=18)


@pytest.mark.parametrize("zones", [("Pacific/Auckland", "Pacific/Honolulu"), ("America/Lima", "Pacific/Kiritimati")])
async def test_no_date_has_two_reminders_however_the_learner_travels(ann, clock, zones):
    await ann.wants(9, zones[0])
    for day in range(3, 12):
        await ann.until(utc(day, hour=2 * day))
        await ann.wants(9, zones[day % 2])
    async with ann.store.read() as session:
        said = await session.exec(select(Delivery.subject))
        days = [date.fromisoformat(subject.partition(":")[2]) for subject in said]
    moments = await ann.told()
    assert len(set(days)) == len(days) >= 5
    assert min(b - a for a, b in pairwise(moments)) >= timedelta(hours=9)


async def test_reminders_ease_off_after_a_silent_week_with_one_kind_word(ann, clock):
    await ann.wants(9)
    await ann.until(utc(10, month=4))
    daily = [utc(day) for day in range(3, 10)]
    assert (await ann.told())[:7] == daily
    assert await ann.told("reminder.eased") == [utc(10)]
    every_third_day = [utc(13), utc(16), utc(19), utc(22), utc(25)]
    weekly = [utc(1, month=4), utc(8, month=4)]
    assert (await ann.told())[8:] == every_third_day + weekly


async def test_the_first_activity_brings_reminders_back(ann, clock):
    await ann.wants(9)
    await ann.until(utc(14))
    await ann.drills()
    assert await ann.next() == utc(15)
    await ann.until(utc(23))
    assert await ann.told("reminder.eased") == [utc(10), utc(21)]


async def test_our_own_downtime_is_no_silence_of_the_learners(ann, clock, store):
    await ann.wants(9)
    await ann.until(utc(5))
    clock.now = utc(25)
    await ann.until(utc(25, hour=10))
    assert await ann.told("reminder.eased") == []


async def test_a_pause_rests_until_its_day_and_ends_early_when_wanted(ann, clock):
    await ann.wants(9)
    await ann.does(reminder.pause, "3d", clock.now)
    assert await ann.next() == utc(5)
    await ann.does(reminder.pause, "2026-04-01", clock.now)
    assert await ann.next() == utc(1, month=4)
    await ann.drills()
    assert await ann.next() == utc(1, month=4)
    await ann.does(reminder.pause, "off", clock.now)
    assert await ann.next() == utc(3)


async def test_what_cannot_be_paused_gets_a_sentence(ann, clock):
    await ann.does(set_reminder, None, None, None, clock.now)
    with pytest.raises(UserError, match="no reminders that could rest"):
        await ann.does(reminder.pause, "3d", clock.now)
    await ann.wants(9)
    with pytest.raises(UserError, match="no date"):
        await ann.does(reminder.pause, "for ever", clock.now)


async def test_a_reminder_snoozed_for_an_hour_comes_again_and_then_as_usual(ann, clock):
    await ann.wants(9)
    await ann.until(utc(3))
    for _ in range(2):  # pressed twice
        await ann.does(snooze, tomorrow=False, now=clock.now)
    await ann.until(utc(4))
    assert await ann.told() == [utc(3), utc(3, hour=10), utc(4)]


async def test_a_reminder_snoozed_until_tomorrow_comes_on_a_day_that_is_not_the_learners(ann, clock):
    await ann.wants(9, days="mon,tue")
    await ann.until(utc(3))
    assert await ann.does(snooze, tomorrow=True, now=clock.now) == utc(4)
    await ann.until(utc(10))
    assert await ann.told() == [utc(3), utc(4), utc(9), utc(10)]


async def test_an_hour_before_midnight_is_too_late_to_snooze_for_an_hour(ann, clock):
    await ann.wants(23)
    await ann.until(utc(2, hour=23))
    clock.advance(minutes=30)
    assert await ann.does(snooze, tomorrow=False, now=clock.now) == utc(3, hour=23)


async def test_without_an_hour_nobody_is_reminded(ann, clock):
    await ann.wants(9)
    await ann.does(set_reminder, None, None, None, clock.now)
    await ann.until(utc(6))
    assert await ann.told() == []


async def test_a_reminder_names_the_lesson_that_a_run_asks_for_and_the_run_that_ended(ann, clock, new_run):
    lessons = curriculum()
    await ann.wants(9)
    clock.advance(hours=2)
    wanted, other = lessons.lessons[1], lessons.lessons[0]

    async def prepare(session, learner):
        ended = new_run(learner, finished_at=clock.now, status="succeeded", score=0.7)
        session.add(ended)
        await session.flush()
        session.add(Card(learner_id=learner.id, lesson=other.slug, due_at=clock.now - timedelta(days=3)))
        session.add(Card(learner_id=learner.id, lesson=wanted.slug, due_at=clock.now, wanted_by=ended.id))

    await ann.does(prepare)

    async def look(session, learner):
        return await waiting.for_learner(session, lessons, learner, clock.now)

    found = await ann.does(look)
    assert found.run is not None
    assert (found.due, found.lesson, found.run.number) == (2, wanted, 1)

    async def draw(session, learner, day):
        return await draw_reminder(session, Services(lessons, "", lambda: 1), f"{learner.id}:{day}", clock.now)

    said = (await ann.does(draw, "2026-03-02")).body
    assert "Run 1 on match has ended: 70.0%." in said
    assert f"2 drills are due, first *{wanted.title}*." in said
    assert await ann.does(draw, "2026-03-01") is None  # a chat that was down takes no reminder of yesterday
    clock.advance(hours=1)
    await ann.drills()
    assert (await ann.does(look)).run is None
