"""The life of a run: queued → starting → running → succeeded | failed | cancelled | timed_out.

`starting` and `running` may go back to `queued` once, when the machine lost them. Every transition is one
conditional UPDATE, and what is to be said of it is put in the outbox in the same transaction.
"""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError
from bot.store import outbox
from bot.store.tables import Group, Learner, Run, Sweep
from bot.study import catalog, quota, run_source, streak
from bot.study.runners import ACTIVE as ACTIVE
from runner.catalog import Catalog
from runner.config import Config, Problem, parse, render
from runner.run_dir import RunDir

ENDED = ("succeeded", "failed", "cancelled", "timed_out")
TAIL_BYTES = 4_000


@dataclass(frozen=True, slots=True)
class Submitted:
    """A run that was accepted, and what is suspicious about its config."""

    run: Run
    warnings: tuple[Problem, ...]


async def submit(
    session: AsyncSession,
    learner: Learner,
    group: Group,
    source: str | bytes,
    *,
    channel: str,
    runs: str,
    now: datetime,
) -> Submitted:
    """Put a config in the queue; its messages go to `channel`. Raises ConfigError, or UserError over quota."""
    await quota.check(session, learner, group, 1, now)
    offered = await catalog.of_group(session, group)
    added = await add(session, learner, group, source, offered, channel=channel, runs=runs, now=now)
    await announce(session, added.run, "status", now)
    await streak.note_activity(session, learner, now)
    return added


async def add(
    session: AsyncSession,
    learner: Learner,
    group: Group,
    source: str | bytes,
    offered: Catalog,
    *,
    channel: str,
    runs: str,
    now: datetime,
    **part_of: Any,
) -> Submitted:
    """Make a run of a config, alone or part of a sweep, and say nothing of it. Raises ConfigError."""
    parsed = await asyncio.to_thread(parse, source, offered)
    teacher = await run_source.teacher_of(session, group, parsed)
    run = await _make(
        session,
        learner,
        group,
        exercise=parsed.config.exercise,
        submitted=source.decode() if isinstance(source, bytes) else source,
        config=render(parsed.config, offered),
        own=catalog.carried(parsed.config, offered),
        teacher=teacher and teacher.id,
        channel=channel,
        runs=runs,
        now=now,
        **part_of,
    )
    return Submitted(run, parsed.warnings)


async def resume(
    session: AsyncSession, learner: Learner, group: Group, broken: Run, *, channel: str, runs: str, now: datetime
) -> Run:
    """Queue a run that goes on from the last checkpoint of one that was broken off, with its config.

    Raises UserError for a run that cannot be resumed, or over quota.
    """
    await run_source.check_resumable(learner, broken)
    await quota.check(session, learner, group, 1, now)
    same = {name: getattr(broken, name) for name in ("exercise", "submitted", "config", "own", "teacher")}
    run = await _make(session, learner, group, **same, resumed_from=broken.id, channel=channel, runs=runs, now=now)
    await announce(session, run, "status", now)
    await streak.note_activity(session, learner, now)
    return run


async def _make(
    session: AsyncSession, learner: Learner, group: Group, *, runs: str, now: datetime, **values: Any
) -> Run:
    run_id = f"r{secrets.token_hex(6)}"
    run = Run(
        id=run_id,
        number=await next_number(session, group),
        group_id=group.id,
        learner_id=learner.id,
        chat=learner.chat,
        run_dir=f"{runs}/{run_id}",
        queued_at=now,
        **values,
    )
    session.add(run)
    await session.flush()
    return run


async def next_number(session: AsyncSession, group: Group) -> int:
    """Count one more run, or sweep, of a group; people call it by that number."""
    counted = update(Group).where(col(Group.id) == group.id).values(runs_submitted=Group.runs_submitted + 1)
    return int((await session.exec(counted.returning(col(Group.runs_submitted)))).scalar_one())


async def announce(session: AsyncSession, run: Run, what: str, now: datetime) -> None:
    """Put a message about a run in the outbox.

    Its `status` is edited for as long as it lives; its `result` says how it ended, and its `detail` the rest, under it.
    """
    await outbox.say(
        session,
        key=f"run:{run.id}:{what}",
        kind=f"run.{what}",
        subject=run.id,
        chat=run.chat,
        channel=run.channel,
        group_id=run.group_id,
        under=f"run:{run.id}:result" if what == "detail" else None,
        at=now,
    )


async def move(session: AsyncSession, run: Run, to: str, *, now: datetime, **values: Any) -> bool:
    """Change a run's status if it still is what `run` says; return whether it was. The status message follows."""
    statement = (
        update(Run)
        .where(col(Run.id) == run.id, col(Run.status) == run.status, col(Run.attempt) == run.attempt)
        .values(status=to, **values)
    )
    moved: CursorResult[Any] = await session.exec(statement)
    if moved.rowcount == 1:
        await note_news(session, run, now)
    return moved.rowcount == 1


async def note_news(session: AsyncSession, run: Run, now: datetime) -> None:
    """Say that a run's status message has changed; of a sweep's run that is the sweep's."""
    key = f"sweep:{run.sweep_id}:status" if run.sweep_id else f"run:{run.id}:status"
    await outbox.news(session, key, now)


async def find(session: AsyncSession, group: Group | None, number: int) -> Run:
    """Return a group's run by its number. Raises UserError when there is none."""
    if group is None:
        raise UserError("You are in no group yet, so there are no runs to look at.")
    found = await session.exec(select(Run).where(Run.group_id == group.id, Run.number == number))
    if run := found.first():
        return run
    await _refuse_sweep(session, group, number)
    last = f"The last one is run {group.runs_submitted}." if group.runs_submitted else "Nobody has submitted one yet."
    raise UserError(f"{group.name} has no run {number}.", last)


async def _refuse_sweep(session: AsyncSession, group: Group, number: int) -> None:
    found = await session.exec(select(Sweep.id).where(Sweep.group_id == group.id, Sweep.number == number))
    if found.first():
        raise UserError(f"{number} is a sweep of several runs.", f"`/run show {number}` lists them; name one.")


async def runs_of(session: AsyncSession, learner: Learner, limit: int = 10) -> list[Run]:
    """Return a learner's latest runs, newest first."""
    latest = select(Run).where(Run.learner_id == learner.id).order_by(col(Run.queued_at).desc()).limit(limit)
    return list((await session.exec(latest)).all())


async def cancel(session: AsyncSession, learner: Learner, run: Run, now: datetime) -> str:
    """Cancel one's own run: at once while it waits, otherwise as soon as its process is gone; return the new status."""
    if run.learner_id != learner.id:
        raise UserError(f"Run {run.number} is not yours, so it is not yours to cancel.")
    if run.status in ENDED:
        raise UserError(f"Run {run.number} has ended already: {run.status.replace('_', ' ')}.")
    return await stop(session, run, now)


async def stop(session: AsyncSession, run: Run, now: datetime) -> str:
    """End a run that has not ended, whoever asks; return `cancelled`, or `stopping` while its process is there."""
    if run.status == "queued" and await move(session, run, "cancelled", now=now, finished_at=now):
        return "cancelled"
    await session.exec(update(Run).where(col(Run.id) == run.id).values(cancel_requested_at=now))
    return "stopping"


def changed_config(run: Run, change: dict[str, Any]) -> str:
    """Return a run's config with dotted keys set to other values."""
    offered = catalog.of_run(run)
    config = parse(run.config, offered).config.model_dump()
    for key, value in change.items():
        section, _, name = key.rpartition(".")
        (config[section] if section else config)[name] = value
    return render(Config.model_validate(config, strict=False), offered)


def difference(first: Run, second: Run) -> list[tuple[str, str, str]]:
    """Return the dotted keys in which two runs' configs differ, with both values; as few as make the difference."""
    one, other = (_flat(parse(run.config, catalog.of_run(run)).config.model_dump()) for run in (first, second))
    keys = [key for key in one | other if one.get(key) != other.get(key)]
    return [(key, str(one.get(key, "-")), str(other.get(key, "-"))) for key in keys]


def _flat(data: dict[str, Any], above: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in data.items():
        flat |= _flat(value, f"{above}{key}.") if isinstance(value, dict) else {f"{above}{key}": value}
    return flat


async def log_tail(run: Run) -> str:
    """Return the end of what the training process printed."""
    data = await asyncio.to_thread(RunDir(run.run_dir).read, "log.txt", -TAIL_BYTES)
    return (data or b"").decode(errors="replace")


async def last_duration(session: AsyncSession, limit: int = 20) -> timedelta | None:
    """Return how long runs took lately, as a mean; None before the first has ended."""
    ended = select(Run.started_at, Run.finished_at).where(Run.status == "succeeded")
    rows = (await session.exec(ended.order_by(col(Run.finished_at).desc()).limit(limit))).all()
    times = [finished - started for started, finished in rows if started and finished]
    return sum(times, timedelta()) / len(times) if times else None
