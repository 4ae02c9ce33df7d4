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


async def identify(
    session: AsyncSession, sender: Sender, named: tuple[str, str] | None, now: datetime
) -> tuple[Learner, Group | None]:
    """Return who speaks, and in which group: the one named by its id and name, or else the last they were seen in.

    Learner, group and membership are made on first sight; those that are known take one query.
    """
    learner, group, member = await _known(session, sender, named)
    if learner is None:
        learner = await _add_learner(session, sender, now)
    if named is None:
        return learner, group
    if group is None:
        group = await _add_group(session, sender.chat, named, now)
    if member is None:
        await insert_new(session, Member(group_id=group.id, learner_id=learner.id, joined_at=now, last_seen_at=now))
    elif now - member.last_seen_at > SEEN_EVERY:
        member.last_seen_at = now
    return learner, group


async def group_in(session: AsyncSession, sender: Sender, named: tuple[str, str] | None) -> Group | None:
    """Return the group in which somebody speaks, as `identify` does, but make nothing."""
    return (await _known(session, sender, named))[1]


async def _known(
    session: AsyncSession, sender: Sender, named: tuple[str, str] | None
) -> tuple[Learner | None, Group | None, Member | None]:
    """Look all three up at once."""
    people = select(Learner, Group, Member)
    if named is None:
        people = people.outerjoin(Member, col(Member.learner_id) == Learner.id).outerjoin(Group)
    else:
        same_group = (col(Group.chat) == Learner.chat) & (col(Group.external_id) == named[0])
        membership = (col(Member.group_id) == Group.id) & (col(Member.learner_id) == Learner.id)
        people = people.outerjoin(Group, same_group).outerjoin(Member, membership)
    known = people.where(Learner.chat == sender.chat, Learner.external_id == sender.id)
    row = (await session.exec(known.order_by(col(Member.last_seen_at).desc()).limit(1))).first()
    return row or (None, None, None)


async def _add_learner(session: AsyncSession, sender: Sender, now: datetime) -> Learner:
    new = Learner(chat=sender.chat, external_id=sender.id, name=sender.name, timezone=sender.timezone, created_at=now)
    await insert_new(session, new)
    known = select(Learner).where(Learner.chat == sender.chat, Learner.external_id == sender.id)
    return (await session.exec(known)).one()


async def _add_group(session: AsyncSession, chat: str, named: tuple[str, str], now: datetime) -> Group:
    await insert_new(session, Group(chat=chat, external_id=named[0], name=named[1], created_at=now))
    known = select(Group).where(Group.chat == chat, Group.external_id == named[0])
    return (await session.exec(known)).one()


async def learner_of(session: AsyncSession, learner_id: int) -> Learner:
    """Return a learner who is known to exist."""
    return (await session.exec(select(Learner).where(Learner.id == learner_id))).one()
