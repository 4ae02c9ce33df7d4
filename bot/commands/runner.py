"""The machines that train, for a group's admins: what there is, what waits, how busy they were; pause and drain."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.command import Context, Param, Services, action, announcement, command
from bot.commands import runner_picture
from bot.commands.group import group_of
from bot.store.tables import Group, Run, Runner
from bot.study import runners
from bot.study.local_time import zone_of
from bot.study.runners import DAY
from bot.view import Button, Edit, File, Message
from bot.view import action as to

STATE = {
    "open": "Runs start as soon as there is room.",
    "paused": "**Paused:** none of this group's runs start; those under way go on.",
    "draining": "**Draining:** none of this group's runs start, and I tell you when the last one under way has ended.",
}
ORDERS = {"pause": "paused", "drain": "draining", "resume": "open"}


@command("group runner", "The machines that train, and how busy they are", admin=True)
async def show_runner(
    ctx: Context,
    order: Annotated[str | None, Param("pause, drain or resume", choices=tuple(ORDERS))] = None,
) -> Message:
    """Show devices, queue and the last day; or let none of the group's runs start for a while."""
    if order:
        return await _set(ctx, order)
    return await _draw(ctx)


@action("group.runner", admin=True)
async def set_runner(ctx: Context, order: str) -> Edit:
    """Pause, drain or resume, from a button."""
    return Edit(await _set(ctx, order))


async def _set(ctx: Context, order: str) -> Message:
    group = group_of(ctx)
    active = await runners.set_state(ctx.session, group, ctx.learner, ORDERS.get(order, order))
    left = f" {active} of its runs {'is' if active == 1 else 'are'} under way." if active else " None is under way."
    return Message(STATE[group.runner] + left, title="Runner", buttons=_buttons(group))


async def _draw(ctx: Context) -> Message:
    group, since, zone = group_of(ctx), ctx.now - DAY, zone_of(group_of(ctx).timezone)
    there = await runners.present(ctx.session, ctx.now)
    active, waiting = await runners.active(ctx.session), await runners.queued(ctx.session)
    found = await runners.spans(ctx.session, since, ctx.now)
    slots = sum(runner.slots for runner in there)
    picture = await asyncio.to_thread(runner_picture.draw, found, slots, since, ctx.now, zone)
    alt = runner_picture.alt_text(found, slots, since, ctx.now)
    return Message(
        STATE[group.runner],
        title="Runner",
        fields=(
            *((_name(runner), f"{runner.devices}; {_runs(runner.slots)} at once") for runner in there),
            *([] if there else [("Machines", "None is there: runs wait until one is. `cohort doctor` looks for it.")]),
            ("Training now", f"{_runs(len(active))}, {_ours(active, group)} of this group"),
            ("Waiting", f"{_runs(len(waiting))}, {_ours(waiting, group)} of this group"),
        ),
        buttons=_buttons(group),
        files=(File("runner.png", picture, alt=alt),),
    )


def _buttons(group: Group) -> tuple[Button, ...]:
    if group.runner != "open":
        return (Button("Resume", to("group.runner", order="resume"), "primary"),)
    return (
        Button("Pause", to("group.runner", order="pause")),
        Button("Drain", to("group.runner", order="drain")),
    )


def _name(runner: Runner) -> str:
    return runner.name.partition(":")[0]


def _runs(number: int) -> str:
    return f"{number} run{'' if number == 1 else 's'}"


def _ours(found: Sequence[Run], group: Group) -> int:
    return sum(run.group_id == group.id for run in found)


@announcement("group.drained")
async def draw_drained(session: AsyncSession, services: Services, subject: str, now: datetime) -> Message:
    """Tell an admin that none of a group's runs is under way any more."""
    group = await session.get_one(Group, int(subject))
    return Message(f"The last run of {group.name} has ended, and none starts until `/group runner order:resume`.")
