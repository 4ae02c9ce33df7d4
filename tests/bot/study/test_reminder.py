from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from bot.errors import UserError
from bot.store.tables import Delivery, Learner
from bot.study.reminder import next_instant, read_days, read_time, read_timezone, remind_due, set_reminder


def learner(
    hour: int, minute: int = 0, zone: str = "Europe/Berlin", days: str = "mon,tue,wed,thu,fri,sat,sun"
) -> Learner:
    return Learner(
        chat="local", external_id="ann", name="Ann", timezone=zone, reminder_time=time(hour, minute), reminder_days=days
    )


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_the_hour_stays_the_learners_own_over_a_change_of_the_clock():
    ann = learner(9)
    before = next_instant(ann, at("2026-03-28T12:00+01:00"))
    assert before == at("2026-03-29T09:00+02:00")
    assert next_instant(ann, at("2026-10-24T12:00+02:00")) == at("2026-10-25T09:00+01:00")


def test_an_hour_that_does_not_exist_that_day_still_comes_once():
    ann = learner(2, 30)
    first = next_instant(ann, at("2026-03-28T12:00+01:00"))
    assert at("2026-03-29T01:00+01:00") <= first <= at("2026-03-29T04:00+02:00")
    assert next_instant(ann, first) == at("2026-03-30T02:30+02:00")


def test_an_hour_that_comes_twice_that_day_counts_once():
    ann = learner(2, 30)
    first = next_instant(ann, at("2026-10-24T12:00+02:00"))
    assert next_instant(ann, first) == at("2026-10-26T02:30+01:00")


def test_only_the_chosen_weekdays_count():
    ann = learner(9, days="mon,wed")
    assert next_instant(ann, at("2026-11-24T12:00+01:00")).strftime("%a") == "Wed"


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2028, 12, 31)),  # noqa: DTZ001
    st.sampled_from(["America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC", "Africa/Casablanca"]),
    st.times(),
)
def test_the_next_hour_is_always_ahead_and_within_a_day_and_a_bit(after, zone, hour):
    ann = learner(hour.hour, hour.minute, zone)
    following = next_instant(ann, after.replace(tzinfo=UTC))
    assert timedelta() < following - after.replace(tzinfo=UTC) <= timedelta(hours=26)


async def test_after_two_days_down_one_reminder_comes_and_not_three(store, clock):
    async with store.write() as session:
        ann = learner(9, zone="UTC")
        await set_reminder(session, ann, time(9), None, None, clock.now)
    clock.advance(days=2, hours=3)
    for _ in range(3):
        async with store.write() as session:
            await remind_due(session, clock.now)
    async with store.read() as session:
        said = (await session.exec(select(Delivery))).all()
        ann = (await session.exec(select(Learner))).one()
    assert [d.channel for d in said] == ["@ann"]
    assert ann.next_reminder_at > clock.now


@pytest.mark.parametrize(
    ("text", "expected"),
    [("9", time(9)), ("09:30", time(9, 30)), ("7pm", time(19)), ("7:15 PM".replace(" ", ""), time(19, 15))],
)
def test_times_of_day_are_read_as_people_write_them(text, expected):
    assert read_time(text) == expected


@pytest.mark.parametrize("text", ["25:00", "noonish", "", "9" * 500])
def test_what_is_no_time_of_day_gets_a_sentence(text):
    with pytest.raises(UserError, match="no time of day"):
        read_time(text)


def test_a_city_is_enough_for_a_timezone_and_a_slip_gets_the_nearest():
    assert read_timezone("berlin") == "Europe/Berlin"
    assert read_timezone("New York") == "America/New_York"
    with pytest.raises(UserError, match="Did you mean Europe/Berlin"):
        read_timezone("Europe/Berln")


def test_weekdays_are_read_and_kept_in_order():
    assert read_days("Wed, mon") == "mon,wed"
    assert read_days("weekdays") == "mon,tue,wed,thu,fri"
    with pytest.raises(UserError, match="days that I don't know"):
        read_days("moonday,xyz")
