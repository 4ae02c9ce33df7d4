"""What a group is weak at: lessons whose drills its members get wrong, then those that their runs' findings name."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.tables import Card, Group, Member, Review, Run

LOOKS_BACK = timedelta(days=60)
FEWEST_ANSWERS = 3  # below, a wrong answer says little of a group
WEAK_FROM = 0.3  # share of wrong answers; learners aim at 0.15 to 0.2


@dataclass(frozen=True, slots=True)
class Weakness:
    """A lesson with the share of its drills that were answered wrong, of how many."""

    lesson: str
    wrong: float
    answers: int


async def mistakes(session: AsyncSession, group: Group, now: datetime) -> list[Weakness]:
    """Return the lessons that too many of a group's answers got wrong lately, the weakest first."""
    wrong = func.avg(case((col(Review.right).is_(True), 0.0), else_=1.0))
    answers = func.count()
    answered = (
        select(Card.lesson, wrong, answers)
        .join(Review, col(Review.card_id) == col(Card.id))
        .join(Member, col(Member.learner_id) == col(Card.learner_id))
        .where(Member.group_id == group.id, col(Review.right).is_not(None), col(Review.answered_at) > now - LOOKS_BACK)
        .group_by(col(Card.lesson))
        .having(answers >= FEWEST_ANSWERS, wrong >= WEAK_FROM)
        .order_by(wrong.desc(), answers.desc(), col(Card.lesson))
    )
    return [Weakness(lesson, float(share), count) for lesson, share, count in await session.exec(answered)]


async def findings(session: AsyncSession, group: Group, now: datetime) -> list[str]:
    """Return the lessons that the findings of a group's last runs name, the most frequent first."""
    ended = select(Run.findings).where(Run.group_id == group.id, col(Run.finished_at) > now - LOOKS_BACK)
    counts: dict[str, int] = {}
    for found in await session.exec(ended.order_by(col(Run.finished_at).desc()).limit(500)):
        for finding in found or []:
            counts[finding["lesson"]] = counts.get(finding["lesson"], 0) + 1
    return sorted(counts, key=lambda lesson: -counts[lesson])


async def ranked(session: AsyncSession, group: Group, now: datetime) -> list[str]:
    """Return the lessons that a group should look at again, the most urgent first."""
    weak = [each.lesson for each in await mistakes(session, group, now)]
    return list(dict.fromkeys([*weak, *await findings(session, group, now)]))
