"""A group's week: who trained, the best scores, who came furthest, and what to look at again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store import outbox
from bot.store.tables import Group, GroupAnswer, GroupDrill, Learner, Member, Review, Run
from bot.study import catalog, leaderboard, weakness
from bot.study.leaderboard import Rank
from bot.study.local_time import local_date, next_instant, zone_of
from lessons import Curriculum, Lesson
from runner.exercise import Exercise

WEEK = timedelta(days=7)
DAY = "mon"


@dataclass(frozen=True, slots=True)
class Improvement:
    """By how much a learner beat what was their own best before."""

    learner: Learner
    exercise: Exercise
    before: float
    after: float

    @property
    def share(self) -> float:
        """The improvement as a share of the score before."""
        return abs(self.after - self.before) / max(abs(self.before), 1e-9)


@dataclass(frozen=True, slots=True)
class Week:
    """What happened in a week: runs that ended by learner's name, drills answered and by how many, the first place of
    each exercise, the greatest improvement, and the lesson that the group is weakest at.
    """

    group: Group
    trained: Sequence[tuple[str, int]]
    drills: int
    drilled: int
    best: Sequence[tuple[Exercise, Rank]]
    improved: Improvement | None
    weak: Lesson | None


def turn_on(group: Group, now: datetime) -> None:
    """Sum every week up from now on, Mondays at the hour of the daily drill."""
    group.next_summary_at = next_instant(group.drill_time, zone_of(group.timezone), now, days=(DAY,))


def turn_off(group: Group) -> None:
    """Sum no week up."""
    group.next_summary_at = None


async def sum_up_due(session: AsyncSession, now: datetime, limit: int = 20) -> int:
    """Announce the week of groups whose hour has come, at most `limit`; return how many were due.

    After a time in which the bot was down only the last week is summed up.
    """
    due = select(Group).where(col(Group.next_summary_at) <= now).order_by(col(Group.next_summary_at)).limit(limit)
    groups = (await session.exec(due.with_for_update())).all()  # ix_group_next_summary_at
    for group in groups:
        turn_on(group, now)
        session.add(group)
        await _announce(session, group, now)
    return len(groups)


async def _announce(session: AsyncSession, group: Group, now: datetime) -> None:
    channel = group.results_channel or group.drill_channel
    if channel is None or group.next_summary_at is None:
        return
    until = group.next_summary_at - WEEK  # an hour off where the clock was changed between
    await outbox.post(
        session,
        group,
        channel,
        key=f"week:{group.id}:{local_date(group.next_summary_at, zone_of(group.timezone))}",
        kind="week",
        subject=f"{group.id}:{until.isoformat()}",
        at=now,
    )


async def sum_up(session: AsyncSession, curriculum: Curriculum, group_id: int, until: datetime) -> Week | None:
    """Return the week that ended at a moment; None when nobody did anything."""
    group = await session.get_one(Group, group_id)
    since = until - WEEK
    trained = await _trained(session, group, since, until)
    drills, drilled = await _drilled(session, group, since, until)
    if not trained and not drills:
        return None
    boards = [
        (exercise, board)
        for exercise in (await catalog.of_group(session, group, removed=True)).exercises.values()
        if (board := await leaderboard.board(session, group, exercise, since, until))
    ]
    return Week(
        group=group,
        trained=trained,
        drills=drills,
        drilled=drilled,
        best=[(exercise, board[0]) for exercise, board in boards],
        improved=await _improved(session, group, boards, since),
        weak=await _weak(session, curriculum, group, until),
    )


async def _trained(session: AsyncSession, group: Group, since: datetime, until: datetime) -> list[tuple[str, int]]:
    ended = (
        select(Learner.name, func.count())
        .join(Run, col(Run.learner_id) == col(Learner.id))
        .where(Run.group_id == group.id, Run.status == "succeeded", col(Run.finished_at).between(since, until))
        .group_by(col(Learner.id), col(Learner.name))
        .order_by(func.count().desc(), col(Learner.name))
    )
    return list((await session.exec(ended)).all())


async def _drilled(session: AsyncSession, group: Group, since: datetime, until: datetime) -> tuple[int, int]:
    """Return how many drills were answered, alone or together, and by how many people."""
    alone = (
        select(Review.learner_id)
        .join(Member, col(Member.learner_id) == col(Review.learner_id))
        .where(Member.group_id == group.id, col(Review.answered_at).between(since, until))
    )
    together = (
        select(GroupAnswer.learner_id)
        .join(GroupDrill)
        .where(GroupDrill.group_id == group.id, col(GroupAnswer.answered_at).between(since, until))
    )
    learners = [*await session.exec(alone), *await session.exec(together)]
    return len(learners), len(set(learners))


async def _improved(
    session: AsyncSession, group: Group, boards: Sequence[tuple[Exercise, list[Rank]]], since: datetime
) -> Improvement | None:
    """Return who beat their own best of before by most."""
    found: list[Improvement] = []
    for exercise, board in boards:
        earlier = await leaderboard.board(session, group, exercise, until=since)
        before = {rank.learner.id: rank for rank in earlier}
        for rank in board:
            own = before.get(rank.learner.id)
            if own and own.run.data_hash == rank.run.data_hash and exercise.metric.better(rank.score, own.score):
                found.append(Improvement(rank.learner, exercise, own.score, rank.score))
    return max(found, key=lambda improvement: improvement.share, default=None)


async def _weak(session: AsyncSession, curriculum: Curriculum, group: Group, until: datetime) -> Lesson | None:
    by_slug = {lesson.slug: lesson for lesson in curriculum.lessons}
    slugs = await weakness.ranked(session, group, until)
    return next((by_slug[slug] for slug in slugs if slug in by_slug), None)
