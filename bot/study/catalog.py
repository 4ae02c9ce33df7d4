"""What a group's configs can name: the packaged exercises and models, and what its admins have added."""

from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError, nearest
from bot.store.tables import Addition, Group, Run, Sweep, Turn
from runner.catalog import PACKAGED, Catalog, Own
from runner.config import Config
from runner.exercise import Exercise


async def of_group(session: AsyncSession, group: Group | None, *, removed: bool = False) -> Catalog:
    """Return the catalog of a group, of nobody's what is packaged; `removed`: also what was, for its ranks stay."""
    if group is None:
        return PACKAGED
    own = select(Addition.kind, Addition.made).where(Addition.group_id == group.id)
    if not removed:
        own = own.where(col(Addition.removed_at).is_(None))
    rows = (await session.exec(own.order_by(col(Addition.name)))).all()
    found = [(kind, value) for kind, value in rows if value]
    made = [Own.model_validate({kind: value}) for kind, value in found]
    return PACKAGED.plus([each.exercise for each in made if each.exercise], [each.model for each in made if each.model])


async def of_turn(session: AsyncSession, turn: Turn) -> Catalog:
    """Return the catalog of the group in which the tutor was asked."""
    return await of_group(session, await session.get(Group, turn.group_id) if turn.group_id else None)


async def exercise(session: AsyncSession, group: Group | None, name: str, *, removed: bool = False) -> Exercise:
    """Return an exercise that a group can train. Raises UserError with the nearest."""
    found = (await of_group(session, group, removed=removed)).exercises
    if name in found:
        return found[name]
    raise UserError(f"There is no exercise {name[:40]}.{nearest(name, found)}", f"There are: {', '.join(found)}.")


def carried(config: Config, catalog: Catalog) -> dict[str, Any] | None:
    """Return what a run has to carry along of its group's own; None when all it names is packaged."""
    own = Own.of(config.exercise, config.model, catalog)
    return None if own == Own() else own.model_dump(mode="json")


def own_of(run: Run) -> Own:
    """Return what a run carries along of its group's own, as it was when the run was submitted."""
    return Own.model_validate(run.own or {})


def of_run(run: Run) -> Catalog:
    """Return the catalog that a run's config is read by, whatever was removed since."""
    return own_of(run).catalog


def exercise_of(run: Run) -> Exercise:
    """Return what a run trained."""
    return of_run(run).exercises[run.exercise]


async def of_sweep(session: AsyncSession, sweep: Sweep) -> Catalog:
    """Return the catalog that a sweep's config is read by: once started it goes on, whatever was removed since."""
    return await of_group(session, await session.get_one(Group, sweep.group_id), removed=True)


async def exercise_of_sweep(session: AsyncSession, sweep: Sweep) -> Exercise:
    """Return what a sweep's runs train."""
    return (await of_sweep(session, sweep)).exercises[sweep.exercise]
