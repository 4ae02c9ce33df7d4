from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import UserError
from bot.study.local_time import DAYS, local_date, next_instant, read_date, read_days, read_time, read_timezone, zone_of

ZONES = ["America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC", "Africa/Casablanca", "Pacific/Kiritimati"]
BERLIN = ZoneInfo("Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_the_hour_stays_the_learners_own_over_a_change_of_the_clock():
    assert next_instant(time(9), BERLIN, at("2026-03-28T12:00+01:00")) == at("2026-03-29T09:00+02:00")
    assert next_instant(time(9), BERLIN, at("2026-10-24T12:00+02:00")) == at("2026-10-25T09:00+01:00")


def test_an_hour_that_the_clock_skips_still_comes_once():
    first = next_instant(time(2, 30), BERLIN, at("2026-03-28T12:00+01:00"))
    assert first == at("2026-03-29T03:30+02:00")
    assert next_instant(time(2, 30), BERLIN, first) == at("2026-03-30T02:30+02:00")


def test_an_hour_that_comes_twice_that_day_counts_once():
    first = next_instant(time(2, 30), BERLIN, at("2026-10-24T12:00+02:00"))
    assert first == at("2026-10-25T02:30+02:00")
    assert next_instant(time(2, 30), BERLIN, first) == at("2026-10-26T02:30+01:00")


def test_a_leap_day_is_a_day():
    assert next_instant(time(9), BERLIN, at("2028-02-28T10:00+01:00")) == at("2028-02-29T09:00+01:00")


def test_only_the_chosen_weekdays_count_and_none_before_the_first_day():
    after = at("2026-11-24T12:00+01:00")
    assert next_instant(time(9), BERLIN, after, days=("mon", "wed")) == at("2026-11-25T09:00+01:00")
    later = next_instant(time(9), BERLIN, after, days=("mon", "wed"), first_day=date(2026, 11, 26))
    assert later == at("2026-11-30T09:00+01:00")


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2028, 12, 31)),  # noqa: DTZ001
    st.sampled_from(ZONES),
    st.times(),
    st.sets(st.sampled_from(DAYS), min_size=1),
)
def test_the_next_hour_is_ahead_on_a_chosen_day_and_each_day_has_one(after, zone_name, hour, days):
    zone, after = ZoneInfo(zone_name), after.replace(tzinfo=UTC)
    first = next_instant(hour, zone, after, days=days)
    second = next_instant(hour, zone, first, days=days)
    assert timedelta() < first - after <= timedelta(days=7, hours=2)
    assert local_date(first, zone) < local_date(second, zone)
    assert {DAYS[local_date(each, zone).weekday()] for each in (first, second)} <= days


@pytest.mark.parametrize(
    ("text", "expected"),
    [("9", time(9)), ("09:30", time(9, 30)), ("7pm", time(19)), ("7:15pm", time(19, 15)), ("7 PM", time(19))],
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


@pytest.mark.parametrize("name", [None, "", "Mars/Olympus", "../../etc/passwd", "a" * 300])
def test_a_timezone_that_a_chat_made_up_is_utc(name):
    assert zone_of(name).key == "UTC"


def test_weekdays_are_read_and_kept_in_order():
    assert read_days("Wed, mon") == "mon,wed"
    assert read_days("weekdays") == "mon,tue,wed,thu,fri"
    with pytest.raises(UserError, match="days that I don't know"):
        read_days("moonday,xyz")


TODAY = date(2026, 3, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("3d", date(2026, 3, 5)),
        ("2 weeks", date(2026, 3, 16)),
        ("1w", date(2026, 3, 9)),
        ("2026-04-01", date(2026, 4, 1)),
    ],
)
def test_coming_dates_are_read(text, expected):
    assert read_date(text, TODAY) == expected


@pytest.mark.parametrize("text", ["0d", "2026-03-02", "1999-01-01", "2031-01-01", "999w"])
def test_a_date_that_has_been_or_is_far_away_gets_a_sentence(text):
    with pytest.raises(UserError, match="not within a year"):
        read_date(text, TODAY)


@pytest.mark.parametrize("text", ["soon", "2026-02-30", "-3d", "", "³d", "9" * 500])
def test_what_is_no_date_gets_a_sentence(text):
    with pytest.raises(UserError, match="no date"):
        read_date(text, TODAY)
