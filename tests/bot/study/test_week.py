import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from bot.command import Services
from bot.commands.season import draw_week
from bot.store.tables import Card, Delivery, Group, Review
from bot.study import week
from lessons import curriculum

MONDAY = datetime(2026, 3, 9, 9, tzinfo=UTC)


@pytest.fixture
async def lab(store, clock, group):
    """The lab, which is told of its week on Mondays at nine."""
    async with store.write() as session:
        found = await session.get_one(Group, group.id)
        found.results_channel = "#lab"
        week.turn_on(found, clock.now)
    assert found.next_summary_at == MONDAY
    return found


async def said(store, clock):
    async with store.write() as session:
        await week.sum_up_due(session, clock.now)
    async with store.read() as session:
        return (await session.exec(select(Delivery))).all()


async def test_a_week_is_summed_up_once_on_its_day(lab, store, clock):
    clock.now = MONDAY - timedelta(minutes=1)
    assert await said(store, clock) == []
    clock.now = MONDAY
    await asyncio.gather(*(said(store, clock) for _ in range(3)))
    [summary] = await said(store, clock)
    assert (summary.kind, summary.channel) == ("week", "#lab")


async def test_after_weeks_down_only_the_last_week_is_summed_up(lab, store, clock):
    clock.now = MONDAY + timedelta(days=16)
    [summary] = await said(store, clock)
    assert summary.subject == f"{lab.id}:{(MONDAY + timedelta(days=14)).isoformat()}"


async def test_a_group_that_wants_none_gets_none(lab, store, clock):
    async with store.write() as session:
        week.turn_off(await session.get_one(Group, lab.id))
    clock.now = MONDAY
    assert await said(store, clock) == []


async def test_a_summary_says_who_trained_what_was_best_and_what_to_look_at(lab, store, clock, people, new_run):
    _, (ann, bo, cy) = people
    weak = curriculum().lessons[-1]
    before, within = clock.now - timedelta(days=1), clock.now + timedelta(days=1)
    async with store.write() as session:
        for learner, score, ended in [(ann, 0.6, before), (bo, 0.7, before), (ann, 0.75, within), (bo, 0.72, within)]:
            session.add(new_run(learner, status="succeeded", score=score, finished_at=ended))
        session.add(new_run(cy, status="failed", finished_at=within))
        card = Card(learner_id=cy.id, lesson=weak.slug, due_at=within)
        session.add(card)
        await session.flush()
        for right in (False, False, True):
            session.add(Review(learner_id=cy.id, card_id=card.id, drill="x", right=right, answered_at=within))
    async with store.read() as session:
        services = Services(curriculum(), "", lambda: 1)
        drawn = await draw_week(session, services, f"{lab.id}:{MONDAY.isoformat()}", MONDAY)
    assert dict(drawn.fields) == {
        "Trained": "Ann (1 run), Bo (1 run)",
        "Drilled": "3 answers by 1 of you",
        "Best of the week": "match: Ann, 75.0%",
        "Came furthest": "Ann on match: 60.0% → 75.0%",
        "Worth another look": weak.title,
    }


async def test_an_empty_week_is_not_worth_a_word(lab, store, clock):
    async with store.read() as session:
        services = Services(curriculum(), "", lambda: 1)
        assert await draw_week(session, services, f"{lab.id}:{MONDAY.isoformat()}", MONDAY) is None
