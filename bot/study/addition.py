"""What a group's admins add to the packaged exercises and models: exercises of their own, and models of the hub.

`checking → ready | refused`. What was ready before stays in force until it is ready anew; what is removed is named by
no new config, and its runs and ranks stay.
"""

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any, Literal

import fsspec
from sqlalchemy import CursorResult, or_, update
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError, nearest
from bot.store import outbox
from bot.store.database import insert_new
from bot.store.tables import Addition, Group, Learner
from runner.catalog import MODELS
from runner.config_errors import quoted
from runner.exercise import Exercise
from runner.exercise_file import read_exercise, wrong_repo

Kind = Literal["exercise", "model"]
MOST = 50  # of a group, of each kind
CLAIM = timedelta(minutes=2)  # renewed while it is looked at


async def add_exercise(
    session: AsyncSession, group: Group, admin: Learner, source: str | bytes, now: datetime
) -> Addition:
    """Add an exercise from its YAML, or replace the one of that name. Raises ConfigError with all that is wrong."""
    file = await asyncio.to_thread(read_exercise, source)
    text = source if isinstance(source, str) else source.decode()
    return await _add(session, group, admin, "exercise", file.name, text, now)


async def add_model(session: AsyncSession, group: Group, admin: Learner, source: str, now: datetime) -> Addition:
    """Allow a model of the hub: `org/name`, or `org/name@revision`. Raises UserError for what is no such name."""
    name, at, revision = source.strip().partition("@")
    if name in MODELS:
        raise UserError(f"{name} is packaged, so everybody may use it.", "A model of the Hub is named org/name.")
    if what := await asyncio.to_thread(wrong_repo, name):
        raise UserError(f"{what}.", "A model is named org/name, as in its address on the Hub.")
    if at and not (revision and len(revision) <= 100 and all(c.isalnum() or c in "._/-" for c in revision)):
        raise UserError(f"{quoted(revision)} is no branch, tag or commit.", "Such as org/name@main.")
    return await _add(session, group, admin, "model", name, source.strip(), now)


async def _add(
    session: AsyncSession, group: Group, admin: Learner, kind: Kind, name: str, source: str, now: datetime
) -> Addition:
    own = (col(Addition.group_id) == group.id, col(Addition.kind) == kind)
    if (await session.exec(select(func.count()).where(*own, col(Addition.removed_at).is_(None)))).one() >= MOST:
        raise UserError(f"{group.name} has {MOST} {kind}s of its own already.", "Remove one first.")
    values: dict[str, Any] = {
        "source": source,
        "status": "checking",
        "error": None,
        "learner_id": admin.id,
        "added_at": now,
    }
    new = Addition(group_id=group.id, kind=kind, name=name, **values)
    if not await insert_new(session, new):
        again = update(Addition).where(*own, col(Addition.name) == name)
        anew = {"times": Addition.times + 1, "removed_at": None, "claimed_until": None}
        await session.exec(again.values(**values, **anew).execution_options(synchronize_session=False))
    return await find(session, group, kind, name)


async def listed(session: AsyncSession, group: Group, kind: Kind) -> list[Addition]:
    """Return what a group has of its own, by name."""
    own = select(Addition).where(
        Addition.group_id == group.id, Addition.kind == kind, col(Addition.removed_at).is_(None)
    )
    return list((await session.exec(own.order_by(col(Addition.name)))).all())


async def find(session: AsyncSession, group: Group, kind: Kind, name: str) -> Addition:
    """Return something of a group's own. Raises UserError with the nearest name."""
    found = {each.name: each for each in await listed(session, group, kind)}
    if name in found:
        await session.refresh(found[name])
        return found[name]
    there = f"There are: {', '.join(found)}." if found else "There is none yet."
    raise UserError(f"{group.name} has no {kind} {quoted(name)} of its own.{nearest(name, found)}", there)


async def remove(session: AsyncSession, group: Group, kind: Kind, name: str, now: datetime) -> None:
    """Let no new config name it. Raises UserError when there is no such thing."""
    addition = await find(session, group, kind, name)
    addition.removed_at = now
    session.add(addition)


async def claim(session: AsyncSession, now: datetime) -> Addition | None:
    """Take what is to be looked at next, so that one process does it; a claim lapses unless it is renewed."""
    free = or_(col(Addition.claimed_until).is_(None), col(Addition.claimed_until) <= now)
    waiting = select(Addition).where(Addition.status == "checking", col(Addition.removed_at).is_(None), free)
    for addition in (await session.exec(waiting.order_by(col(Addition.added_at)))).all():  # ix_addition_status
        if await _write(session, addition, free, claimed_until=now + CLAIM):
            return addition
    return None


async def renew(session: AsyncSession, addition: Addition, now: datetime | None) -> None:
    """Hold on to what is being looked at; with None, leave it to whoever comes next."""
    await _write(session, addition, claimed_until=now and now + CLAIM)


async def end(
    session: AsyncSession, addition: Addition, now: datetime, *, made: dict[str, Any] | None = None, error: str = ""
) -> bool:
    """Note what came of it, and tell who added it; return whether it was still wanted."""
    values: dict[str, Any] = {"status": "ready", "made": made} if made else {"status": "refused", "error": error}
    ended = await _write(session, addition, claimed_until=None, **values)
    if ended and addition.learner_id is not None:
        admin, key = await session.get_one(Learner, addition.learner_id), f"addition:{addition.id}:{addition.times}"
        await outbox.tell(session, admin, key=key, kind="addition", subject=str(addition.id), at=now)
    return ended


async def _write(session: AsyncSession, addition: Addition, *conditions: Any, **values: Any) -> bool:
    """Change a row that is as it was when it was taken: not added anew, not removed."""
    same = (
        col(Addition.id) == addition.id,
        col(Addition.times) == addition.times,
        col(Addition.status) == "checking",
        col(Addition.removed_at).is_(None),
    )
    statement = update(Addition).where(*same, *conditions).values(**values)
    written: CursorResult[Any] = await session.exec(statement.execution_options(synchronize_session=False))
    return written.rowcount == 1


async def card_of(exercise: Exercise) -> dict[str, Any]:
    """Return what was measured of an exercise's data: `rows` by split, `baselines`, `hash`; nothing if that is gone."""

    def read() -> dict[str, Any]:
        try:
            with fsspec.open(f"{exercise.files}/card.json", "rb") as file:
                return dict(json.load(file))
        except FileNotFoundError:
            return {}

    return await asyncio.to_thread(read)


async def is_waiting(session: AsyncSession) -> bool:
    """Say whether anything is to be looked at."""
    waiting = select(Addition.id).where(Addition.status == "checking", col(Addition.removed_at).is_(None))
    return (await session.exec(waiting.limit(1))).first() is not None  # ix_addition_status
