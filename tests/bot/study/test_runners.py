"""Who trains, how busy they were, and pausing."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from bot.commands import runner_picture
from bot.errors import UserError
from bot.store.tables import Delivery, Run
from bot.study import fair_queue, run, runners
from bot.study.membership import Sender, identify
from bot.study.runners import Host, Span, busy, utilisation

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CONFIG = "exercise: match\n"


def hours(number: float) -> datetime:
    return NOON + timedelta(hours=number)


async def submit(session, now, name: str = "ann", group: str = "lab") -> Run:
    learner, where = await identify(session, Sender("local", name, name), (f"#{group}", group), now)
    return (await run.submit(session, learner, where, CONFIG, channel="#lab", runs="/runs", now=now)).run


def test_busy_devices_add_up_and_fall_back_to_none():
    spans = [Span(hours(0), hours(2)), Span(hours(1), hours(3)), Span(hours(2), hours(4))]
    assert busy(spans) == [
        (hours(0), 1),
        (hours(1), 2),
        (hours(2), 2),
        (hours(3), 1),
        (hours(4), 0),
    ]
    assert utilisation(spans, slots=2, since=hours(0), now=hours(5)) == pytest.approx(0.6)
    assert utilisation(spans, slots=0, since=hours(0), now=hours(5)) == 0


def test_the_picture_of_a_day_says_in_words_what_it_shows():
    spans = [Span(hours(0), hours(6)), Span(hours(3), hours(6))]
    picture = runner_picture.draw(spans, 2, hours(-18), hours(6), UTC)
    assert picture.startswith(b"\x89PNG")
    words = runner_picture.alt_text(spans, 2, hours(-18), hours(6))
    assert words == "The last 24 hours: runs had 19% of the time of 2 slots; at most 2 trained at once."
    assert runner_picture.draw([], 0, hours(-24), hours(0), UTC).startswith(b"\x89PNG")


async def test_a_runner_is_there_while_it_gives_signs(store):
    async with store.write() as session:
        await runners.be_present(session, Host("a", "CPU"), 1, NOON)
        await runners.be_present(session, Host("b", "2 × H100"), 2, NOON)
        await runners.be_present(session, Host("b", "2 × H100"), 3, hours(1))
    async with store.read() as session:
        assert [runner.name for runner in await runners.present(session, NOON)] == ["a", "b"]
        [left] = await runners.present(session, hours(1))
        assert (left.name, left.slots) == ("b", 3)


async def test_a_paused_group_waits_and_another_does_not(store):
    async with store.write() as session:
        ours, theirs = await submit(session, NOON), await submit(session, hours(1), "bo", "club")
        learner, group = await identify(session, Sender("local", "ann", "ann"), ("#lab", "lab"), NOON)
        assert await runners.set_state(session, group, learner, "paused") == 0
        assert [each.id for each in await fair_queue.waiting(session)] == [theirs.id]
        assert await fair_queue.place(session, ours) == 0
        await runners.set_state(session, group, learner, "open")
        assert [each.id for each in await fair_queue.waiting(session)] == [ours.id, theirs.id]
        with pytest.raises(UserError, match="cannot be asleep"):
            await runners.set_state(session, group, learner, "asleep")


async def test_who_drains_the_runner_is_told_once_when_the_last_run_has_ended(store):
    async with store.write() as session:
        training = await submit(session, NOON)
        training.status, training.started_at = "running", NOON
        learner, group = await identify(session, Sender("local", "ann", "ann"), ("#lab", "lab"), NOON)
        assert await runners.set_state(session, group, learner, "draining") == 1
        assert group.runner == "draining"
        await runners.tell_if_idle(session, group.id, hours(1))
        assert not await told(session)
        training.status, training.finished_at = "succeeded", hours(2)
        for later in (2, 3):
            await runners.tell_if_idle(session, group.id, hours(later))
        assert [each.channel for each in await told(session)] == ["@ann"]
        assert group.runner == "paused"
        assert await runners.set_state(session, group, learner, "draining") == 0
        assert group.runner == "paused"


async def told(session) -> list[Delivery]:
    return (await session.exec(select(Delivery).where(Delivery.kind == "group.drained"))).all()


async def test_spans_are_of_the_day_and_go_on_until_now(store):
    async with store.write() as session:
        old, cut, training = [await submit(session, NOON, name) for name in ("ann", "bo", "cy")]
        old.status, old.started_at, old.finished_at = "succeeded", hours(-50), hours(-49)
        cut.status, cut.started_at, cut.finished_at = "failed", hours(-25), hours(-20)
        training.status, training.started_at = "running", hours(-1)
        found = await runners.spans(session, hours(-24), NOON)
    assert sorted(found, key=lambda span: span.began) == [
        Span(hours(-24), hours(-20)),
        Span(hours(-1), NOON),
    ]
