"""The group's question of the day: asked in a channel in the morning, answered in private, explained in the evening.

An answer may be changed until the evening, so nobody is told before whether it is right. It counts for the streak,
right or wrong; it does not move a learner's cards: it comes on the group's day and not when their memory wants it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError
from bot.store import outbox
from bot.store.database import insert_new
from bot.store.tables import Group, GroupAnswer, GroupDrill, Learner
from bot.study import streak, weakness
from bot.study.local_time import instant, local_date, next_instant, zone_of
from lessons import Curriculum, Drill, Lesson

NOT_AGAIN_WITHIN = timedelta(days=60)  # the same question
OTHER_LESSONS_FOR = timedelta(days=7)
OPEN_AT_LEAST = timedelta(hours=1)  # a question that comes too late for that is left out


@dataclass(frozen=True, slots=True)
class Shown:
    """A question of the day with its answers so far, counted by letter; no drill when it has left the lessons."""

    asked: GroupDrill
    group: Group
    drill: Drill | None
    lesson: Lesson | None
    counts: Mapping[str, int]
    right: int


async def set_up(
    session: AsyncSession,
    group: Group,
    admin: Learner,
    *,
    channel: str | None,
    at: time,
    reveal: time,
    timezone: str,
    now: datetime,
) -> None:
    """Ask a question a day in a channel (None: no longer), at local hours."""
    group.drill_channel, group.drill_time, group.reveal_time = channel, at, reveal
    group.timezone, group.set_up_by = timezone, admin.id
    asked = select(col(GroupDrill.day)).where(GroupDrill.group_id == group.id)
    day = (await session.exec(asked.order_by(col(GroupDrill.day).desc()))).first()
    first_day = day + timedelta(days=1) if day else None
    zone = zone_of(timezone)
    group.next_drill_at = next_instant(at, zone, now, first_day=first_day) if channel else None
    session.add(group)


async def ask_due(session: AsyncSession, now: datetime, curriculum: Curriculum, limit: int = 20) -> int:
    """Ask the groups whose hour has come, at most `limit`; return how many were due.

    A bot that was down for two days asks one question, today's, unless the evening is near.
    """
    due = select(Group).where(col(Group.next_drill_at) <= now).order_by(col(Group.next_drill_at)).limit(limit)
    groups = (await session.exec(due.with_for_update())).all()  # ix_group_next_drill_at
    for group in groups:
        zone = zone_of(group.timezone)
        today = local_date(now, zone)
        scheduled = instant(today, group.drill_time, zone)
        reveal_at = next_instant(group.reveal_time, zone, scheduled)
        group.next_drill_at = next_instant(group.drill_time, zone, now)
        session.add(group)
        if scheduled <= now <= reveal_at - OPEN_AT_LEAST:
            await _ask(session, curriculum, group, today, reveal_at, now)
    return len(groups)


async def _ask(
    session: AsyncSession, curriculum: Curriculum, group: Group, day: date, reveal_at: datetime, now: datetime
) -> None:
    drill = await choose(session, curriculum, group, day, now)
    if drill is None or group.drill_channel is None:
        return
    new = GroupDrill(group_id=group.id, day=day, drill=drill.id, channel=group.drill_channel, reveal_at=reveal_at)
    if not await insert_new(session, new):  # asked today already, before the hour was moved
        return
    asked = select(GroupDrill.id).where(GroupDrill.group_id == group.id, GroupDrill.day == day)
    await outbox.post(
        session,
        group,
        group.drill_channel,
        key=_key(group.id, day),
        kind="group_drill",
        subject=str((await session.exec(asked)).one()),
        at=now,
    )


async def choose(session: AsyncSession, curriculum: Curriculum, group: Group, day: date, now: datetime) -> Drill | None:
    """Choose a day's question: of what the group is weak at, then in the curriculum's order; None when all were asked.

    Only multiple choice, which a channel can answer by buttons, and nothing that placement tests need.
    """
    asked = await _asked_since(session, group, day - NOT_AGAIN_WITHIN)
    seen = {name.partition("/")[0]: last for name, last in asked.items()}  # by lesson, the latest day
    weak = await weakness.ranked(session, group, now)

    def urgency(lesson: Lesson) -> tuple[bool, int, date]:
        last = seen.get(lesson.slug, date.min)
        place = weak.index(lesson.slug) if lesson.slug in weak else len(weak)
        return last > day - OTHER_LESSONS_FOR, place, last

    for lesson in sorted(curriculum.lessons, key=urgency):
        fresh = [drill for drill in lesson.drills if _is_fit(drill) and drill.id not in asked]
        if fresh:
            return min(fresh, key=lambda drill: drill.difficulty)
    return None


def _is_fit(drill: Drill) -> bool:
    return drill.kind == "choice" and not drill.placement


async def _asked_since(session: AsyncSession, group: Group, day: date) -> dict[str, date]:
    """Return the drills that a group was asked after a day, the earliest first."""
    asked = select(col(GroupDrill.drill), col(GroupDrill.day)).where(
        GroupDrill.group_id == group.id, GroupDrill.day > day
    )
    return dict((await session.exec(asked.order_by(col(GroupDrill.day)))).all())


async def reveal_due(session: AsyncSession, now: datetime) -> int:
    """Open the answers whose evening has come, each once; return how many."""
    due = update(GroupDrill).where(~col(GroupDrill.revealed), col(GroupDrill.reveal_at) <= now).values(revealed=True)
    opened: Sequence[tuple[int, date]] = (  # ix_groupdrill_reveal_at
        await session.exec(due.returning(col(GroupDrill.group_id), col(GroupDrill.day)))
    ).all()
    for group_id, day in opened:
        await outbox.news(session, _key(group_id, day), now)
    return len(opened)


async def answer(
    session: AsyncSession,
    curriculum: Curriculum,
    learner: Learner,
    group: Group | None,
    asked_id: int,
    choice: str,
    now: datetime,
) -> Shown:
    """Take or change a learner's answer. Raises UserError when the question is another group's, over or gone."""
    asked = await session.get(GroupDrill, asked_id)
    if asked is None or group is None or asked.group_id != group.id:
        raise UserError("That question was put to another group.")
    if asked.revealed or asked.reveal_at <= now:
        raise UserError("Its answers are open already.", "The next question comes soon; `/drill` has more of them now.")
    drill = curriculum.find_drill(asked.drill)
    if drill is None:
        raise UserError("This question has been taken out of the lessons.", "Tomorrow there is another.")
    verdict = drill.check(choice)
    if not verdict.understood:
        raise UserError(verdict.explanation)
    await _keep(session, asked, learner, choice, verdict.right, now)
    await streak.note_activity(session, learner, now)
    return await show(session, curriculum, asked.id)


async def _keep(
    session: AsyncSession, asked: GroupDrill, learner: Learner, choice: str, right: bool, now: datetime
) -> None:
    new = GroupAnswer(
        group_drill_id=asked.id, learner_id=learner.id, answer=choice.lower(), right=right, answered_at=now
    )
    if await insert_new(session, new):
        await outbox.news(session, _key(asked.group_id, asked.day), now)  # one more has answered
    else:
        await session.merge(new)


async def show(session: AsyncSession, curriculum: Curriculum, asked_id: int) -> Shown:
    """Return a question of the day as it stands."""
    asked = await session.get_one(GroupDrill, asked_id)
    given = select(GroupAnswer.answer, GroupAnswer.right).where(GroupAnswer.group_drill_id == asked_id)
    answers = (await session.exec(given)).all()
    drill = curriculum.find_drill(asked.drill)
    return Shown(
        asked=asked,
        group=await session.get_one(Group, asked.group_id),
        drill=drill,
        lesson=curriculum.lesson(drill.lesson) if drill else None,
        counts=Counter(answer for answer, _ in answers),
        right=sum(right for _, right in answers),
    )


def _key(group_id: int, day: date) -> str:
    return f"group-drill:{group_id}:{day}"
