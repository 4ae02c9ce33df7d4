from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from bot.store.tables import Badge, Card, Delivery, GroupAnswer, GroupDrill, Learner, Review
from bot.study import streak
from bot.study.streak import reckon

TODAY = date(2026, 3, 15)  # a Sunday
DATES = st.sets(st.dates(date(2026, 1, 1), TODAY), max_size=60)


def days(text: str, last: date = TODAY) -> set[date]:
    """Read days from a drawing that ends with `last`: x is one with activity."""
    return {last - timedelta(days=n) for n, mark in enumerate(reversed(text.replace(" ", ""))) if mark == "x"}


@pytest.mark.parametrize(
    ("weeks", "current", "best", "freeze_left"),
    [
        ("", 0, 0, True),
        ("x", 1, 1, True),
        ("x.", 1, 1, True),  # today is still open
        ("x..", 1, 1, False),  # yesterday was missed, and is covered
        ("xxx.xxx", 6, 6, False),
        ("xxxx..x", 1, 4, True),
        ("xxxxx.x xxx.xxx", 12, 12, False),  # a freeze in each week
        ("xxxxxx. .xxxxxx", 12, 12, False),  # two days in a row, of two weeks
        ("x.x.xxx", 4, 4, False),  # the second miss of a week costs what was before the first
        ("xxxxxxx ....... xx.....", 0, 7, True),
    ],
)
def test_a_streak_counts_active_days_and_a_week_has_one_freeze(weeks, current, best, freeze_left):
    found = reckon(days(weeks), TODAY)
    assert (found.current, found.best, found.freeze_left) == (current, best, freeze_left)


def valid_runs(active: set[date]) -> list[set[date]]:
    """Work out by brute force every stretch of days that misses at most one day of each ISO week."""
    ordered = sorted(active)
    found = []
    for first in ordered:
        for last in (*ordered, TODAY):
            span = [first + timedelta(days=n) for n in range((last - first).days + 1)]
            missed = [day.isocalendar()[:2] for day in span if day not in active and day < TODAY]
            if len(missed) == len(set(missed)):
                found.append({day for day in span if day in active})
    return found


@given(DATES)
def test_the_best_streak_is_the_longest_stretch_with_one_miss_a_week(active):
    assert reckon(active, TODAY).best == max(map(len, valid_runs(active)), default=0)


@given(DATES, st.dates(date(2026, 1, 1), TODAY))
def test_one_more_active_day_never_shortens_a_streak(active, day):
    before, after = reckon(active, TODAY), reckon(active | {day}, TODAY)
    assert after.current >= before.current
    assert after.best >= before.best


@given(DATES)
def test_a_week_never_has_two_freezes_and_an_active_day_none(active):
    found = reckon(active, TODAY)
    weeks = [day.isocalendar()[:2] for day in found.frozen]
    assert len(weeks) == len(set(weeks))
    assert not found.frozen & found.days
    assert found.freeze_left == (TODAY.isocalendar()[:2] not in weeks)


@given(DATES)
def test_a_streak_that_has_not_been_gone_on_with_today_is_yesterdays(active):
    earlier = active - {TODAY}
    assert reckon(earlier, TODAY).current >= reckon(earlier, TODAY + timedelta(days=8)).current


@pytest.fixture
async def ann(store, clock, people):
    async with store.write() as session:
        learner = await session.get_one(Learner, people[1][0].id)
        learner.timezone = "America/New_York"
        session.add(Card(learner_id=learner.id, lesson="basic-training-loop", due_at=clock.now))
    return learner


async def test_days_are_the_learners_own_and_every_kind_of_answer_counts(ann, store, group):
    drilled = datetime(2026, 3, 2, 3, tzinfo=UTC)  # still the first of March in New York
    with_the_group = datetime(2026, 3, 3, 15, tzinfo=UTC)
    async with store.write() as session:
        asked = GroupDrill(group_id=group.id, day=date(2026, 3, 3), drill="x", channel="#lab", reveal_at=with_the_group)
        session.add(Review(learner_id=ann.id, card_id=1, drill="x", answered_at=drilled, right=False))
        session.add(Review(learner_id=ann.id, card_id=1, drill="y"))  # never answered
        session.add(asked)
        await session.flush()
        answer = GroupAnswer(group_drill_id=asked.id, learner_id=ann.id, answer="a", right=True)
        answer.answered_at = with_the_group
        session.add(answer)
    async with store.read() as session:
        assert await streak.active_days(session, ann) == {date(2026, 3, 1), date(2026, 3, 3)}
        assert (await streak.of(session, ann, with_the_group)).current == 2


async def test_seven_days_in_a_row_earn_a_badge_that_is_told_once(ann, store, clock):
    for day in range(10):
        async with store.write() as session:
            learner = await session.get_one(Learner, ann.id)
            session.add(Review(learner_id=ann.id, card_id=1, drill="x", answered_at=clock.now, right=True))
            await session.flush()
            await streak.note_activity(session, learner, clock.now)
            earned = (await session.exec(select(Badge.name))).all()
        assert earned == (["seven-days"] if day >= 6 else [])
        clock.advance(days=1)
    async with store.read() as session:
        assert [(d.kind, d.channel) for d in await session.exec(select(Delivery))] == [("badge", "@ann")]
        assert (await session.get_one(Learner, ann.id)).active_at == clock.now - timedelta(days=1)
