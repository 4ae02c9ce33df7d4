"""What a group's admins decide: where results go and how much may be trained."""

from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError
from bot.store import outbox
from bot.store.tables import Delivery, Group, Learner, Member

MOST_RUNS = 1_000  # a day and learner


async def set_results_channel(session: AsyncSession, group: Group, admin: Learner, channel: str | None) -> None:
    """Send results to one channel, or (None) to where each run was submitted. The admin hears of what fails there."""
    group.results_channel = channel
    group.set_up_by = admin.id
    session.add(group)


async def set_quota(session: AsyncSession, group: Group, admin: Learner, runs_per_day: int) -> None:
    """Set how many runs a learner may submit in 24 hours. Raises UserError."""
    if not 0 <= runs_per_day <= MOST_RUNS:
        raise UserError(f"{runs_per_day} runs a day is not possible.", f"From 0 to {MOST_RUNS} is.")
    group.runs_per_day = runs_per_day
    group.set_up_by = admin.id
    session.add(group)


async def set_device_time(session: AsyncSession, group: Group, admin: Learner, seconds: int | None) -> None:
    """Set how many device-seconds a learner's runs may take in 7 days; None: as many as there are."""
    group.device_seconds_per_week = seconds
    group.set_up_by = admin.id
    session.add(group)


async def say_hello(session: AsyncSession, group: Group, channel: str, now: datetime) -> None:
    """Introduce Cohort in a group's channel, once."""
    await outbox.post(
        session,
        group,
        channel,
        key=f"hello:{group.id}:{channel}",
        kind="group.hello",
        subject=str(group.id),
        at=now,
    )


async def report_dead_channel(session: AsyncSession, delivery: Delivery, now: datetime) -> None:
    """Tell an admin, once, that a group's channel takes no messages, and say nothing more there."""
    group = await session.get(Group, delivery.group_id) if delivery.group_id else None
    if group is None or delivery.channel.startswith("@"):
        return
    admin = await _admin(session, group)
    if admin is None:
        return
    if group.results_channel == delivery.channel:
        group.results_channel = None
    if group.drill_channel == delivery.channel:
        group.drill_channel = group.next_drill_at = None
    session.add(group)
    key = f"dead-channel:{group.id}:{delivery.channel}"
    await outbox.tell(session, admin, key=key, kind="group.dead_channel", subject=str(delivery.id), at=now)


async def _admin(session: AsyncSession, group: Group) -> Learner | None:
    """Return who set the group up, or else its first member."""
    if group.set_up_by:
        return await session.get_one(Learner, group.set_up_by)
    first = select(Learner).join(Member).where(Member.group_id == group.id).order_by(col(Member.joined_at))
    return (await session.exec(first)).first()
