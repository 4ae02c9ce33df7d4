"""Who is who: learners and groups as the chats name them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.database import insert_new
from bot.store.tables import Group, Learner, Member

SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Sender:
    """A person as a chat describes them; `timezone` is an IANA name where the chat knows it.

    `admin` says whether they may manage the group that they speak in.
    """

    chat: str
    id: str
    name: str
    timezone: str | None = None
    admin: bool = False


async def find_learner(session: AsyncSession, sender: Sender, now: datetime) -> Learner:
    """Return the learner, made on first sight."""
    known = select(Learner).where(Learner.chat == sender.chat, Learner.external_id == sender.id)
    if learner := (await session.exec(known)).first():
        return learner
    new = Learner(chat=sender.chat, external_id=sender.id, name=sender.name, timezone=sender.timezone, created_at=now)
    await insert_new(session, new)
    return (await session.exec(known)).one()


async def find_group(
    session: AsyncSession, learner: Learner, named: tuple[str, str] | None, now: datetime
) -> Group | None:
    """Return the group a learner speaks in, joined on first sight; without one named, the last they were in."""
    if named is None:
        return await _latest_group(session, learner)
    known = select(Group).where(Group.chat == learner.chat, Group.external_id == named[0])
    group = (await session.exec(known)).first()
    if group is None:
        await insert_new(session, Group(chat=learner.chat, external_id=named[0], name=named[1], created_at=now))
        group = (await session.exec(known)).one()
    await _join(session, group, learner, now)
    return group


async def _latest_group(session: AsyncSession, learner: Learner) -> Group | None:
    joined = select(Group).join(Member).where(Member.learner_id == learner.id)
    return (await session.exec(joined.order_by(col(Member.last_seen_at).desc()))).first()


async def _join(session: AsyncSession, group: Group, learner: Learner, now: datetime) -> None:
    member = await session.get(Member, (group.id, learner.id))
    if member is None:
        await insert_new(session, Member(group_id=group.id, learner_id=learner.id, joined_at=now, last_seen_at=now))
    elif now - member.last_seen_at > SEEN_EVERY:
        member.last_seen_at = now


async def learner_of(session: AsyncSession, learner_id: int) -> Learner:
    """Return a learner who is known to exist."""
    return (await session.exec(select(Learner).where(Learner.id == learner_id))).one()
