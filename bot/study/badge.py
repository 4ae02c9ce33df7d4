"""Badges: few, each for something that took work, awarded in the transaction of its cause and told once, quietly."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store import outbox
from bot.store.database import insert_new
from bot.store.tables import Badge, Card, Learner, Review, Run
from bot.study.catalog import exercise_of
from bot.study.coach import Finding
from runner.run_dir import Result


@dataclass(frozen=True, slots=True)
class Kind:
    """What a badge is called, and what it is for: words that follow "for"."""

    name: str
    title: str
    earned_for: str


KINDS: tuple[Kind, ...] = (
    Kind("first-run", "First run", "a first run that trained to its end"),
    Kind("first-record", "First record", "beating a best score, your own or the group's"),
    Kind("seven-days", "Seven days", "seven days in a row"),
    Kind("mended", "Mended", "a diagnosis, its lesson drilled, and a better run without the fault"),
    Kind("intermediate", "Intermediate", "being placed at the intermediate level"),
    Kind("advanced", "Advanced", "being placed at the advanced level"),
)
_BY_NAME = {kind.name: kind for kind in KINDS}


async def award(session: AsyncSession, learner: Learner, name: str, now: datetime) -> bool:
    """Give a learner a badge and tell them, unless they have it; return whether it is new."""
    if not await insert_new(session, Badge(learner_id=learner.id, name=name, earned_at=now)):
        return False
    subject = f"{learner.id}:{name}"
    await outbox.tell(session, learner, key=f"badge:{subject}", kind="badge", subject=subject, at=now)
    return True


async def has(session: AsyncSession, learner: Learner, name: str) -> bool:
    """Say whether a learner has a badge."""
    return await session.get(Badge, (learner.id, name)) is not None


async def badges_of(session: AsyncSession, learner: Learner) -> list[tuple[Kind, datetime]]:
    """Return a learner's badges and when each was earned, oldest first."""
    earned = select(Badge).where(Badge.learner_id == learner.id).order_by(col(Badge.earned_at), col(Badge.name))
    return [(_BY_NAME[row.name], row.earned_at) for row in await session.exec(earned) if row.name in _BY_NAME]


def kind(name: str) -> Kind:
    """Return a badge by its name."""
    return _BY_NAME[name]


async def award_level(session: AsyncSession, learner: Learner, now: datetime) -> None:
    """Award the level that a placement test has found; a beginner has it still before them."""
    if learner.level in ("intermediate", "advanced"):
        await award(session, learner, learner.level, now)


async def award_run(
    session: AsyncSession, run: Run, result: Result, record: str | None, findings: list[Finding], now: datetime
) -> None:
    """Award what a run has earned, as it ends."""
    if result.status != "succeeded":
        return
    learner = await session.get_one(Learner, run.learner_id)
    await award(session, learner, "first-run", now)
    if record:
        await award(session, learner, "first-record", now)
    if not await has(session, learner, "mended") and await _mended(session, run, result, findings):
        await award(session, learner, "mended", now)


async def _mended(session: AsyncSession, run: Run, result: Result, findings: list[Finding]) -> bool:
    """Say whether a run is better than one before it with a fault that it has no more, its lesson drilled between."""
    rules = {finding.rule for finding in findings}
    for earlier in await _runs_before(session, run):
        for fault in earlier.findings or []:
            if (
                fault["rule"] not in rules
                and _is_better(run, result, earlier)
                and await _drilled(session, run, fault["lesson"], earlier)
            ):
                return True
    return False


async def _runs_before(session: AsyncSession, run: Run) -> list[Run]:
    mine = select(Run).where(Run.learner_id == run.learner_id, Run.exercise == run.exercise)
    ended = mine.where(col(Run.finished_at) <= run.queued_at)
    return list(await session.exec(ended.order_by(col(Run.finished_at).desc())))


def _is_better(run: Run, result: Result, earlier: Run) -> bool:
    """Compare scores on the same data; a run that came to no score is worse than one that did."""
    if result.test is None or (earlier.data_hash and earlier.data_hash != result.data_hash):
        return False
    return earlier.score is None or exercise_of(run).metric.better(result.test, earlier.score)


async def _drilled(session: AsyncSession, run: Run, lesson: str, earlier: Run) -> bool:
    """Say whether a lesson was drilled right after one run had ended and before another was submitted."""
    right = select(Review.id).join(Card, col(Card.id) == col(Review.card_id))
    between = col(Review.answered_at).between(earlier.finished_at, run.queued_at)
    query = right.where(
        Review.learner_id == run.learner_id, Card.lesson == lesson, col(Review.right).is_(True), between
    )
    return (await session.exec(query)).first() is not None
