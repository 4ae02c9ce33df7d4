"""The outbox's rows: what is to be said, written in the same transaction as its cause.

A row names what it is about and never holds words: they are drawn when it is sent, from what the store
knows then, so the latest state wins and a restart loses nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, case, exists, or_, update
from sqlalchemy.orm import aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.database import insert_all_new, insert_new
from bot.store.tables import Delivery, Group, Learner

CLAIM = timedelta(seconds=60)
EDIT_INTERVAL = timedelta(seconds=2)
BACKOFF_LIMIT = timedelta(minutes=10)


async def say(
    session: AsyncSession,
    *,
    key: str,
    kind: str,
    subject: str,
    chat: str,
    channel: str,
    at: datetime,
    group_id: int | None = None,
    under: str | None = None,
) -> None:
    """Put something in the outbox, to be said in the thread of the delivery whose key is `under`, if given.

    A key that is there already is not said again.
    """
    new = Delivery(
        key=key,
        kind=kind,
        subject=subject,
        chat=chat,
        channel=channel,
        under=under,
        group_id=group_id,
        due_at=at,
        created_at=at,
    )
    await insert_new(session, new)


async def say_all(session: AsyncSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put many rows in the outbox at once; as with `say`, a key that is there already is not said again."""
    await insert_all_new(session, Delivery, rows)


async def tell(session: AsyncSession, learner: Learner, *, key: str, kind: str, subject: str, at: datetime) -> None:
    """Put something in the outbox that one learner is told by direct message."""
    channel = f"@{learner.external_id}"
    await say(session, key=key, kind=kind, subject=subject, chat=learner.chat, channel=channel, at=at)


async def post(
    session: AsyncSession, group: Group, channel: str, *, key: str, kind: str, subject: str, at: datetime
) -> None:
    """Put something in the outbox that a group is told in one of its channels."""
    await say(session, key=key, kind=kind, subject=subject, chat=group.chat, channel=channel, group_id=group.id, at=at)


async def news(session: AsyncSession, key: str, at: datetime) -> None:
    """Say that a message's subject has changed; it is edited, at most once in two seconds."""
    soonest = case((col(Delivery.due_at) > at, Delivery.due_at), else_=at)  # a pause is waited out
    statement = (
        update(Delivery)
        .where(col(Delivery.key) == key)
        .values(revision=Delivery.revision + 1, pending=True, due_at=soonest)
    )
    await session.exec(statement)


async def due(session: AsyncSession, chats: list[str], at: datetime, limit: int = 100) -> list[Delivery]:
    """Return what is due on `chats`: edits, and of each channel and each thread the oldest message not yet said.

    So a channel reads in order, and one that fails holds up nobody else; nor does what is meant for later. A thread
    begins when its message is said, or given up.
    """
    older, parent = aliased(Delivery), aliased(Delivery)
    held_up = (
        exists()
        .where(col(older.chat) == Delivery.chat, col(older.channel) == Delivery.channel)
        .where(col(older.under).is_not_distinct_from(Delivery.under))
        .where(col(older.pending), col(older.reference).is_(None), col(older.id) < Delivery.id)
        .where(or_(col(older.due_at) <= at, col(older.attempts) > 0))
    )
    not_begun = (
        exists().where(col(parent.key) == Delivery.under).where(col(parent.pending), col(parent.reference).is_(None))
    )
    statement = (
        select(Delivery)
        .where(col(Delivery.pending), col(Delivery.chat).in_(chats), col(Delivery.due_at) <= at, _free(at))
        .where(or_(col(Delivery.reference).is_not(None), ~held_up & ~not_begun))
        .order_by(col(Delivery.due_at), col(Delivery.id))
        .limit(limit)
    )
    return list((await session.exec(statement)).all())


async def reference(session: AsyncSession, key: str) -> str | None:
    """Return the reference of what was said under a key; None when it was not."""
    return (await session.exec(select(Delivery.reference).where(Delivery.key == key))).first() or None


async def claim(session: AsyncSession, found: list[Delivery], at: datetime) -> list[Delivery]:
    """Take deliveries that are due, and return those that nobody else has taken first.

    A claim lapses after a minute: what a killed process had taken is taken again.
    """
    return [delivery for delivery in found if await _take(session, delivery, at)]


async def _take(session: AsyncSession, delivery: Delivery, at: datetime) -> bool:
    unchanged = (col(Delivery.pending), col(Delivery.due_at) == delivery.due_at)  # nobody has sent it since
    statement = (
        update(Delivery).where(col(Delivery.id) == delivery.id, _free(at), *unchanged).values(claimed_until=at + CLAIM)
    )
    taken: CursorResult[Any] = await session.exec(statement)
    return taken.rowcount == 1


def _free(at: datetime) -> ColumnElement[bool]:
    return or_(col(Delivery.claimed_until).is_(None), col(Delivery.claimed_until) <= at)


async def sent(session: AsyncSession, delivery: Delivery, reference: str, at: datetime) -> None:
    """Note that it was said. News that came meanwhile keeps it pending for an edit."""
    statement = (
        update(Delivery)
        .where(col(Delivery.id) == delivery.id)
        .values(
            reference=reference,
            sent_at=at,
            attempts=0,
            error=None,
            claimed_until=None,
            pending=Delivery.revision > delivery.revision,
            due_at=at + EDIT_INTERVAL,
        )
    )
    await session.exec(statement)


async def failed(session: AsyncSession, delivery: Delivery, error: str, at: datetime, *, final: bool = False) -> None:
    """Note that it could not be said; it is tried again later, unless trying again cannot help."""
    wait = min(timedelta(seconds=2**delivery.attempts), BACKOFF_LIMIT)
    statement = (
        update(Delivery)
        .where(col(Delivery.id) == delivery.id)
        .values(
            attempts=Delivery.attempts + 1,
            error=error,
            claimed_until=None,
            pending=not final,
            due_at=at + wait,
        )
    )
    await session.exec(statement)
