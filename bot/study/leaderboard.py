"""Ranks: each learner's best run of an exercise, on the hidden test split. The one place with the rank rule."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.tables import Group, Learner, Run
from bot.study.catalog import exercise_of
from runner.exercise import Exercise
from runner.run_dir import Result


@dataclass(frozen=True, slots=True)
class Rank:
    """One row of a leaderboard. Equal scores share a place; `runs` counts what it took."""

    place: int
    learner: Learner
    run: Run
    score: float
    runs: int


@dataclass(frozen=True, slots=True)
class Best:
    """A learner's best score from one moment on; `record` when it was the whole group's best, and not the first."""

    at: datetime
    score: float
    record: bool


@dataclass(frozen=True, slots=True)
class Climb:
    """How a learner's best score grew."""

    learner: Learner
    bests: tuple[Best, ...]


async def board(
    session: AsyncSession,
    group: Group,
    exercise: Exercise,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Rank]:
    """Return the ranks of a group, of the runs that ended from one moment to before another.

    Only runs on the newest version of the data compare with each other.
    """
    scored = await _scored(session, group, exercise, since, until)
    best: dict[int, Run] = {}
    for run in scored:  # oldest first: who reached a score first keeps it
        known = best.get(run.learner_id)
        if known is None or exercise.metric.better(_score(run), _score(known)):
            best[run.learner_id] = run
    ranked = sorted(best.values(), key=_ended)
    ranked.sort(key=_score, reverse=exercise.metric.higher_is_better)
    learners = {learner.id: learner for learner in await _learners(session, list(best))}
    return [
        Rank(
            place=1 + sum(exercise.metric.better(_score(other), _score(run)) for other in ranked),
            learner=learners[run.learner_id],
            run=run,
            score=_score(run),
            runs=sum(other.learner_id == run.learner_id for other in scored),
        )
        for run in ranked
    ]


async def over_time(
    session: AsyncSession,
    group: Group,
    exercise: Exercise,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Climb]:
    """Return how each learner's best grew, the best learner first; of the runs that `board` ranks."""
    better = exercise.metric.better
    bests: dict[int, list[Best]] = {}
    top: float | None = None
    for run in await _scored(session, group, exercise, since, until):
        score, own = _score(run), bests.setdefault(run.learner_id, [])
        record = top is not None and better(score, top)
        if not own or better(score, own[-1].score):
            own.append(Best(_ended(run), score, record))
        top = score if top is None or record else top
    learners = {learner.id: learner for learner in await _learners(session, list(bests))}
    climbs = [Climb(learners[learner], tuple(own)) for learner, own in bests.items()]
    return sorted(climbs, key=lambda climb: climb.bests[-1].score, reverse=exercise.metric.higher_is_better)


async def record(session: AsyncSession, run: Run, result: Result) -> str | None:
    """Say whether a run that has just ended beats the group's best (`group`) or its learner's own (`personal`).

    A first score beats nothing and is no record.
    """
    if result.status != "succeeded" or result.test is None:
        return None
    better = exercise_of(run).metric.better
    earlier = [
        other for other in await _succeeded(session, run.group_id, run.exercise) if other.data_hash == result.data_hash
    ]
    own = [other for other in earlier if other.learner_id == run.learner_id]
    if earlier and all(better(result.test, _score(other)) for other in earlier):
        return "group"
    return "personal" if own and all(better(result.test, _score(other)) for other in own) else None


async def _scored(
    session: AsyncSession, group: Group, exercise: Exercise, since: datetime | None, until: datetime | None
) -> list[Run]:
    """Return a window's runs that compare with each other, oldest first: those on the newest version of the data."""
    scored = [
        run
        for run in await _succeeded(session, group.id, exercise.name)
        if (since is None or _ended(run) >= since) and (until is None or _ended(run) < until)
    ]
    return [run for run in scored if run.data_hash == scored[-1].data_hash]


async def _succeeded(session: AsyncSession, group_id: int | None, exercise: str) -> list[Run]:
    # ix_run_board
    found = select(Run).where(
        Run.group_id == group_id,
        Run.exercise == exercise,
        Run.status == "succeeded",
        col(Run.score).is_not(None),
    )
    return list((await session.exec(found.order_by(col(Run.finished_at), col(Run.id)))).all())


async def _learners(session: AsyncSession, ids: list[int]) -> list[Learner]:
    return list((await session.exec(select(Learner).where(col(Learner.id).in_(ids)))).all())


def _score(run: Run) -> float:
    assert run.score is not None  # noqa: S101  (the query asked for it)
    return run.score


def _ended(run: Run) -> datetime:
    assert run.finished_at is not None  # noqa: S101  (a run that succeeded has ended)
    return run.finished_at
