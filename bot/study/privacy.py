"""Everything that is stored about a learner: what it is, and how it is erased.

What is theirs is found by the tables' foreign keys, so that a new table is not forgotten; what leads to a learner
otherwise stands here by name.
"""

import asyncio
import logging
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Any

import fsspec
from sqlalchemy import Column, Table, delete, or_, update
from sqlmodel import SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError
from bot.store.tables import Delivery, Learner, Post, Run, Season, Sweep, Turn
from bot.study.run import ACTIVE

log = logging.getLogger(__name__)

BUILT_IN = "local"  # the chat whose messages are in our own store
NOBODY = 0  # no learner has this id
# Tables that say nothing of any one learner, or only what the functions below look after.
OTHERS = frozenset(
    {"addition", "group", "memory", "item", "groupdrill", "groupusage", "season", "delivery", "post", "runner"},
)


def owned() -> Iterator[tuple[Table, Column[Any]]]:
    """Yield each table whose rows are a learner's with the column that says whose, what refers to others first."""
    for table in reversed(SQLModel.metadata.sorted_tables):
        for column in _to_learner(table):
            if not column.nullable:
                yield table, column


def _to_learner(table: Table) -> list[Column[Any]]:
    return [key.parent for key in table.foreign_keys if key.column.table.name == "learner"]


async def export(session: AsyncSession, learner: Learner) -> dict[str, Any]:
    """Return everything that is stored about a learner, by table, fit for JSON."""
    tables = {"learner": await _rows(session, _table(Learner), _table(Learner).c.id == learner.id)}
    for table, column in owned():
        tables[table.name] = await _rows(session, table, column == learner.id)
    for kept in (Delivery, Post):
        tables[_table(kept).name] = await _rows(session, _table(kept), _said_to(kept, learner))
    seasons = (await session.exec(select(Season).where(col(Season.ranks).is_not(None)))).all()
    ranks = [{"season": each.name, "exercise": name, **row} for each in seasons for name, row in _ranks(each, learner)]
    return {**tables, "season_ranks": ranks}


def _table(kind: type[SQLModel]) -> Table:
    return SQLModel.metadata.tables[str(kind.__tablename__)]


async def _rows(session: AsyncSession, table: Table, condition: Any) -> list[dict[str, Any]]:
    connection = await session.connection()
    rows = (await connection.execute(table.select().where(condition))).mappings()
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _said_to(kind: type[Delivery] | type[Post], learner: Learner) -> Any:
    """Select what was said to a learner alone."""
    chat = col(Delivery.chat) == learner.chat if kind is Delivery else learner.chat == BUILT_IN
    return (col(kind.channel) == f"@{learner.external_id}") & chat


def _ranks(season: Season, learner: Learner) -> Iterator[tuple[str, dict[str, Any]]]:
    for exercise, rows in (season.ranks or {}).items():
        yield from ((exercise, row) for row in rows if row["learner"] == learner.id)


async def forget(session: AsyncSession, learner: Learner) -> None:
    """Erase everything that is stored about a learner, the files of their runs too.

    Raises UserError while a run of theirs is on a machine.
    """
    runs = (await session.exec(select(Run).where(Run.learner_id == learner.id))).all()
    if busy := [f"{run.number}" for run in runs if run.status in ACTIVE]:
        raise UserError(
            f"Run {', '.join(busy)} is training; what it writes could not be erased.",
            f"`/run cancel {busy[0]}` first, then delete everything.",
        )
    sweeps = (await session.exec(select(Sweep.id).where(Sweep.learner_id == learner.id))).all()
    about_runs = col(Delivery.subject).in_([run.id for run in runs]) & col(Delivery.kind).like("run.%")
    about_sweeps = col(Delivery.subject).in_(sweeps) & col(Delivery.kind).like("sweep.%")
    await session.exec(delete(Delivery).where(or_(_said_to(Delivery, learner), about_runs, about_sweeps)))
    if learner.chat == BUILT_IN:
        await session.exec(delete(Post).where(_said_to(Post, learner)))
    await _leave_ranks(session, learner)
    await _erase_rows(session, learner.id)
    session.expunge_all()
    await asyncio.to_thread(_remove, [run.run_dir for run in runs if run.run_dir.endswith(f"/{run.id}")])


async def _erase_rows(session: AsyncSession, learner_id: int) -> None:
    connection = await session.connection()
    for table in SQLModel.metadata.tables.values():
        for column in _to_learner(table):
            if column.nullable:
                await connection.execute(update(table).where(column == learner_id).values({column.name: None}))
    for table, column in owned():
        await connection.execute(delete(table).where(column == learner_id))
    await connection.execute(delete(_table(Learner)).where(_table(Learner).c.id == learner_id))


async def _leave_ranks(session: AsyncSession, learner: Learner) -> None:
    """Leave a learner's places in past seasons to nobody: a later learner may get the same id."""
    for season in (await session.exec(select(Season).where(col(Season.ranks).is_not(None)))).all():
        if any(_ranks(season, learner)):
            season.ranks = {
                exercise: [{**row, "learner": NOBODY} if row["learner"] == learner.id else row for row in rows]
                for exercise, rows in (season.ranks or {}).items()
            }
            session.add(season)
    await session.flush()


def _remove(run_dirs: list[str]) -> None:
    for url in run_dirs:
        files, path = fsspec.core.url_to_fs(url)
        try:
            files.rm(path, recursive=True)
        except FileNotFoundError:
            continue  # a run that never began
        except OSError:
            log.exception("the files of a run could not be removed: %s", url)


async def remembered(session: AsyncSession, learner: Learner) -> tuple[str | None, list[Turn]]:
    """Return what the tutor remembers of a learner: the summary, and the turns it has, newest first."""
    turns = select(Turn).where(Turn.learner_id == learner.id).order_by(col(Turn.id).desc())
    return learner.tutor_summary, list((await session.exec(turns)).all())


async def erase_memory(session: AsyncSession, learner: Learner) -> int:
    """Erase what the tutor remembers of a learner; return how many turns that were. What they cost stays counted."""
    _, turns = await remembered(session, learner)
    answers = (col(Delivery.kind) == "tutor.answer", _said_to(Delivery, learner))
    await session.exec(delete(Delivery).where(*answers))
    await session.exec(delete(Turn).where(col(Turn.learner_id) == learner.id))
    learner.tutor_summary, learner.summed_up_to = None, None
    session.add(learner)
    return len(turns)
