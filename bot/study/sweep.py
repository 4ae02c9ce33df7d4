"""The life of a sweep: proposed → running → ended | cancelled.

A proposal costs nothing and says what the sweep would take; starting it charges all of its runs at once. Its runs are
ordinary runs of the queue, so whoever else submits one gets their turn after each of them; on leaderboards they count
as the learner's, as if submitted one by one.
"""

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import CursorResult, delete, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError
from bot.store import outbox
from bot.store.tables import Group, Learner, Run, Sweep
from bot.study import quota, streak
from bot.study.run import ENDED, next_number, stop
from runner.sweep import SweepPlan


async def propose(
    session: AsyncSession,
    learner: Learner,
    group: Group,
    source: str | bytes,
    plan: SweepPlan,
    *,
    channel: str,
    now: datetime,
) -> Sweep:
    """Keep a sweep until its learner starts it; an older proposal of theirs is forgotten.

    Raises UserError when its runs are over the learner's quota.
    """
    await quota.check(session, learner, group, plan.runs, now)
    await session.exec(delete(Sweep).where(col(Sweep.learner_id) == learner.id, col(Sweep.status) == "proposed"))
    new = Sweep(
        id=f"s{secrets.token_hex(6)}",
        group_id=group.id,
        learner_id=learner.id,
        exercise=plan.exercise,
        submitted=source.decode() if isinstance(source, bytes) else source,
        kind=plan.kind,
        keys=[axis.key for axis in plan.axes],
        trials=plan.trials,
        seeds=max(1, len(plan.seeds)),
        chat=learner.chat,
        channel=channel,
        created_at=now,
    )
    session.add(new)
    await session.flush()
    return new


async def proposed(session: AsyncSession, learner: Learner, sweep_id: str) -> Sweep:
    """Return a learner's own proposal. Raises UserError when it is gone, started or somebody else's."""
    found = await session.get(Sweep, sweep_id)
    if found is None:
        raise UserError("That sweep was put aside for another one.", "Submit its config again.")
    if found.learner_id != learner.id:
        raise UserError("That sweep is not yours to start.", "Submit a config of your own.")
    if found.status != "proposed":
        raise UserError(f"That is sweep {found.number}, and it has started already.")
    return found


async def start(session: AsyncSession, learner: Learner, sweep_id: str, now: datetime) -> Sweep:
    """Start a learner's proposed sweep: its runs are charged now, and made by the watch over sweeps.

    Raises UserError when it has started already, or is over quota by now.
    """
    found = await proposed(session, learner, sweep_id)
    group = await session.get_one(Group, found.group_id)
    number = await next_number(session, group)  # first, because it makes whoever starts another one wait
    await quota.check(session, learner, group, found.trials * found.seeds, now)
    if not await _move(session, found, "running", number=number, started_at=now):
        raise UserError("That sweep has started already.")
    await session.refresh(found)
    await _say(session, found, "status", now)
    await streak.note_activity(session, learner, now)
    return found


async def drop(session: AsyncSession, learner: Learner, sweep_id: str) -> None:
    """Forget a learner's proposal."""
    await session.delete(await proposed(session, learner, sweep_id))


async def _move(session: AsyncSession, sweep: Sweep, to: str, **values: Any) -> bool:
    """Change a sweep's status if it still is what `sweep` says; return whether it was."""
    statement = update(Sweep).where(col(Sweep.id) == sweep.id, col(Sweep.status) == sweep.status)
    moved: CursorResult[Any] = await session.exec(statement.values(status=to, **values))
    return moved.rowcount == 1


async def _say(session: AsyncSession, sweep: Sweep, what: str, now: datetime) -> None:
    await outbox.say(
        session,
        key=f"sweep:{sweep.id}:{what}",
        kind=f"sweep.{what}",
        subject=sweep.id,
        chat=sweep.chat,
        channel=sweep.channel,
        group_id=sweep.group_id,
        at=now,
    )


async def find(session: AsyncSession, group: Group | None, number: int) -> Sweep | None:
    """Return a group's sweep by its number; None when there is none."""
    if group is None:
        return None
    return (await session.exec(select(Sweep).where(Sweep.group_id == group.id, Sweep.number == number))).first()


async def runs_of(session: AsyncSession, sweep: Sweep) -> list[Run]:
    """Return a sweep's runs, in the order in which they were made."""
    runs = select(Run).where(Run.sweep_id == sweep.id).order_by(col(Run.number))  # ix_run_sweep_id
    return list((await session.exec(runs)).all())


async def running(session: AsyncSession) -> list[Sweep]:
    """Return the sweeps that are under way, oldest first."""
    under_way = select(Sweep).where(Sweep.status == "running")  # ix_sweep_status
    return list((await session.exec(under_way.order_by(col(Sweep.started_at), col(Sweep.id)))).all())


async def claim_trial(session: AsyncSession, sweep: Sweep) -> bool:
    """Take the next setting of a running sweep, so that its runs are made once; return whether it was free."""
    free = (col(Sweep.id) == sweep.id, col(Sweep.status) == "running", col(Sweep.asked) == sweep.asked)
    taken: CursorResult[Any] = await session.exec(update(Sweep).where(*free).values(asked=sweep.asked + 1))
    return taken.rowcount == 1


async def cut_short(session: AsyncSession, sweep: Sweep) -> None:
    """Let a search end with the settings that it has tried."""
    await session.exec(update(Sweep).where(col(Sweep.id) == sweep.id).values(trials=Sweep.asked))


async def end(session: AsyncSession, sweep: Sweep, finding: dict[str, Any] | None, now: datetime) -> bool:
    """End a sweep whose runs have all ended, and say what they say; return whether nobody else has."""
    ended = await _move(session, sweep, "ended", finished_at=now, finding=finding)
    if ended:
        await outbox.news(session, f"sweep:{sweep.id}:status", now)
        await _say(session, sweep, "result", now)
    return ended


async def cancel(session: AsyncSession, learner: Learner, sweep: Sweep, now: datetime) -> int:
    """Cancel one's own sweep with all of its runs that have not ended; return how many those are."""
    if sweep.learner_id != learner.id:
        raise UserError(f"Sweep {sweep.number} is not yours, so it is not yours to cancel.")
    if sweep.status != "running" or not await _move(session, sweep, "cancelled", finished_at=now):
        raise UserError(f"Sweep {sweep.number} has ended already.")
    await outbox.news(session, f"sweep:{sweep.id}:status", now)
    left = [run for run in await runs_of(session, sweep) if run.status not in ENDED]
    for run in left:
        await stop(session, run, now)
    return len(left)
