from datetime import timedelta

import pytest
from sqlmodel import select

from bot.store.tables import Badge, Card, Delivery, Learner, Review
from bot.study import badge
from bot.study.coach import Finding
from runner.run_dir import Result

OVERFIT = {"rule": "overfit", "what": "", "evidence": "", "change": {}, "lesson": "evaluation-metrics"}


@pytest.fixture
def ann(people):
    return people[1][0]


@pytest.fixture
def ends(store, clock, ann, new_run):
    """Submit a run of Ann's and end it an hour later; return the names of her badges."""

    async def end(score, *findings, record=None, status="succeeded", data_hash="d"):
        async with store.write() as session:
            run = new_run(ann, score=score, findings=list(findings), data_hash=data_hash)
            clock.advance(hours=1)
            run.status, run.finished_at = status, clock.now
            session.add(run)
            await session.flush()
            result = Result(status=status, test=score, data_hash=data_hash)
            await badge.award_run(session, run, result, record, [Finding(**each) for each in findings], clock.now)
        async with store.read() as session:
            return set((await session.exec(select(Badge.name))).all())

    return end


@pytest.fixture
def drills(store, clock, ann):
    """Let Ann answer a drill of a lesson."""

    async def drill(lesson="evaluation-metrics", *, right=True):
        clock.advance(hours=1)
        async with store.write() as session:
            card = Card(learner_id=ann.id, lesson=lesson, due_at=clock.now)
            session.add(card)
            await session.flush()
            session.add(Review(learner_id=ann.id, card_id=card.id, drill="x", right=right, answered_at=clock.now))
        clock.advance(hours=1)

    return drill


async def test_a_first_run_and_a_first_record_are_told_once_each(ends, store):
    assert await ends(None, status="failed") == set()
    assert await ends(0.5) == {"first-run"}
    assert await ends(0.6, record="personal") == {"first-run", "first-record"}
    assert await ends(0.7, record="group") == {"first-run", "first-record"}
    async with store.read() as session:
        said = (await session.exec(select(Delivery).order_by(Delivery.id))).all()
    assert [each.subject.partition(":")[2] for each in said] == ["first-run", "first-record"]
    assert {each.channel for each in said} == {"@ann"}


async def test_a_fault_found_drilled_and_not_made_again_earns_mended(ends, drills):
    assert "mended" not in await ends(0.5, OVERFIT)
    await drills()
    assert "mended" in await ends(0.6)


async def test_a_run_that_failed_with_a_fault_is_bettered_by_any_score(ends, drills):
    await ends(None, OVERFIT, status="failed", data_hash=None)
    await drills()
    assert "mended" in await ends(0.1)


@pytest.mark.parametrize(
    ("drilled", "right", "score", "findings", "data_hash"),
    [
        (None, True, 0.6, [], "d"),  # no drill
        ("evaluation-metrics", False, 0.6, [], "d"),  # drilled wrong
        ("basic-training-loop", True, 0.6, [], "d"),  # another lesson
        ("evaluation-metrics", True, 0.6, [OVERFIT], "d"),  # the fault again
        ("evaluation-metrics", True, 0.4, [], "d"),  # worse
        ("evaluation-metrics", True, 0.6, [], "e"),  # other data, so nobody knows
    ],
)
async def test_less_than_that_does_not(ends, drills, drilled, right, score, findings, data_hash):
    await ends(0.5, OVERFIT)
    if drilled:
        await drills(drilled, right=right)
    assert "mended" not in await ends(score, *findings, data_hash=data_hash)


async def test_a_drill_before_the_fault_was_found_does_not_count(ends, drills):
    await drills()
    await ends(0.5, OVERFIT)
    assert "mended" not in await ends(0.6)


async def test_a_level_above_the_first_is_a_badge_and_badges_are_listed_as_earned(store, clock, ann):
    for level in ("beginner", "advanced", "intermediate", "advanced"):
        async with store.write() as session:
            learner = await session.get_one(Learner, ann.id)
            learner.level = level
            await badge.award_level(session, learner, clock.now)
        clock.advance(days=1)
    async with store.read() as session:
        listed = await badge.badges_of(session, ann)
    assert [(kind.name, at - clock.now) for kind, at in listed] == [
        ("advanced", timedelta(days=-3)),
        ("intermediate", timedelta(days=-2)),
    ]
