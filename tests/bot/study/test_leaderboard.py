from datetime import timedelta

import pytest

from bot.study import leaderboard
from runner.exercise import exercises


@pytest.fixture
async def lab(store, clock, people, new_run):
    """Ann's best run was ten days ago, Bo's is of today; Cy's is of other data."""
    group, (ann, bo, cy) = people
    async with store.write() as session:
        for learner, score, days, data in [
            (cy, 0.99, 20, "old"),
            (ann, 0.9, 10, "d"),
            (ann, 0.6, 1, "d"),
            (bo, 0.7, 0, "d"),
        ]:
            ended = clock.now - timedelta(days=days)
            session.add(new_run(learner, status="succeeded", score=score, finished_at=ended, data_hash=data))
    return group


async def places(store, group, **window):
    async with store.read() as session:
        ranks = await leaderboard.board(session, group, exercises()["match"], **window)
    return [(rank.place, rank.learner.name, rank.score, rank.runs) for rank in ranks]


async def test_of_all_runs_each_learners_best_on_the_newest_data_counts(lab, store):
    assert await places(store, lab) == [(1, "Ann", 0.9, 2), (2, "Bo", 0.7, 1)]


async def test_a_window_knows_only_the_runs_that_ended_in_it(lab, store, clock):
    week = clock.now - timedelta(days=7)
    assert await places(store, lab, since=week) == [(1, "Bo", 0.7, 1), (2, "Ann", 0.6, 1)]
    assert await places(store, lab, since=week, until=clock.now) == [(1, "Ann", 0.6, 1)]
    assert await places(store, lab, until=week) == [(1, "Ann", 0.9, 1)]
    assert await places(store, lab, since=clock.now + timedelta(days=1)) == []


async def test_each_learners_best_over_time_has_the_groups_records_marked(lab, store, clock):
    async with store.read() as session:
        climbs = await leaderboard.over_time(session, lab, exercises()["match"])
    assert [(climb.learner.name, [best.score for best in climb.bests]) for climb in climbs] == [
        ("Ann", [0.9]),
        ("Bo", [0.7]),
    ]
    assert not any(best.record for climb in climbs for best in climb.bests)  # a first score is no record


async def test_only_what_beats_the_whole_group_is_a_record(people, store, clock, new_run):
    group, (ann, bo, _) = people
    async with store.write() as session:
        for hours, learner, score in [(1, ann, 0.6), (2, bo, 0.7), (3, ann, 0.65), (4, ann, 0.64), (5, ann, 0.8)]:
            ended = clock.now + timedelta(hours=hours)
            session.add(new_run(learner, status="succeeded", score=score, finished_at=ended))
    async with store.read() as session:
        climbs = await leaderboard.over_time(session, group, exercises()["match"])
    assert [[(best.score, best.record) for best in climb.bests] for climb in climbs] == [
        [(0.6, False), (0.65, False), (0.8, True)],
        [(0.7, True)],
    ]
