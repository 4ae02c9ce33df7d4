"""Who trains: the machines that take runs, how busy they were, and a group's pausing of its own runs.

Pausing is a group's, because several groups may share the machines: none of its runs start, and those under way go
on. Draining is the same, and whoever set the group up is told when the last one has ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import update
from sqlmodel import col, or_, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError
from bot.store import outbox
from bot.store.database import insert_new
from bot.store.tables import Group, Learner, Run, Runner

ACTIVE = ("starting", "running")
AWAY = timedelta(seconds=60)  # without a sign, after which a runner counts as gone; one comes every 15 s
DAY = timedelta(days=1)
STATES = ("open", "paused", "draining")


@dataclass(frozen=True, slots=True)
class Host:
    """A machine or cluster as it tells of itself; the name is the same after a restart, and no other has it."""

    name: str
    devices: str = ""
    share: float = 1.0  # devices that one run takes: half a GPU, or several


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time in which a run trained."""

    began: datetime
    ended: datetime


async def be_present(session: AsyncSession, host: Host, slots: int, now: datetime) -> None:
    """Note that a host is there."""
    said: dict[str, Any] = {"devices": host.devices, "slots": slots, "seen_at": now}
    if not await insert_new(session, Runner(name=host.name, **said)):
        await session.exec(update(Runner).where(col(Runner.name) == host.name).values(**said))


async def present(session: AsyncSession, now: datetime) -> Sequence[Runner]:
    """Return the runners that take runs and gave a sign lately."""
    found = select(Runner).where(col(Runner.seen_at) > now - AWAY, Runner.slots > 0).order_by(col(Runner.name))
    return (await session.exec(found)).all()


async def active(session: AsyncSession) -> Sequence[Run]:
    """Return the runs of all groups that train now."""
    return (await session.exec(select(Run).where(col(Run.status).in_(ACTIVE)))).all()  # ix_run_status


async def queued(session: AsyncSession) -> Sequence[Run]:
    """Return the runs of all groups that wait, also those of groups that have paused theirs."""
    return (await session.exec(select(Run).where(Run.status == "queued"))).all()  # ix_run_status


async def spans(session: AsyncSession, since: datetime, now: datetime) -> list[Span]:
    """Return when runs of all groups trained since a moment; those under way do so until `now`."""
    started = select(Run.started_at, Run.finished_at).where(col(Run.started_at).is_not(None))
    recent = or_(col(Run.finished_at) > since, col(Run.status).in_(ACTIVE))
    found = (await session.exec(started.where(recent))).all()
    return [Span(max(began, since), ended or now) for began, ended in found if began]


def busy(found: Sequence[Span]) -> list[tuple[datetime, int]]:
    """Return from when on how many runs trained, moment by moment."""
    changes = sorted([*((span.began, 1) for span in found), *((span.ended, -1) for span in found)])
    steps: list[tuple[datetime, int]] = []
    level = 0
    for moment, change in changes:
        level += change
        if steps and steps[-1][0] == moment:
            steps.pop()
        steps.append((moment, level))
    return steps


def utilisation(found: Sequence[Span], slots: int, since: datetime, now: datetime) -> float:
    """Return what share of the time of all slots runs had; more than 1 if there were more slots than now."""
    used = sum((span.ended - span.began for span in found), timedelta())
    return used / ((now - since) * slots) if slots else 0.0


async def set_state(session: AsyncSession, group: Group, admin: Learner, state: str) -> int:
    """Open, pause or drain a group's runs; return how many are under way."""
    if state not in STATES:
        raise UserError(f"A runner cannot be {state[:20]}.", f"It can be {', '.join(STATES)}.")
    under_way = sum(run.group_id == group.id for run in await active(session))
    group.runner = "paused" if state == "draining" and not under_way else state  # there is nothing to wait for
    group.set_up_by = admin.id
    session.add(group)
    return under_way


async def tell_if_idle(session: AsyncSession, group_id: int, now: datetime) -> None:
    """Tell whoever drains a group's runner when the last of its runs has ended."""
    group = await session.get_one(Group, group_id)
    if group.runner != "draining" or any(run.group_id == group_id for run in await active(session)):
        return
    group.runner = "paused"  # said once
    session.add(group)
    if group.set_up_by:
        admin = await session.get_one(Learner, group.set_up_by)
        key = f"drained:{group_id}:{now.isoformat()}"
        await outbox.tell(session, admin, key=key, kind="group.drained", subject=str(group_id), at=now)
