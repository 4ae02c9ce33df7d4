"""FSRS weights fitted to what a group's learners answered, taken only where they predict better than the package's.

The optimizer needs torch, which the bot never imports: `python -m bot.study.fitting` fits in a process of its own,
reviews in on its input, weights out on its output. Cards are split in two; weights fitted to one part are kept when
they predict the other part better than the defaults do. Only repeats count: a first review predicts nothing.
"""

import asyncio
import json
import math
import sys
from asyncio.subprocess import PIPE
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import fsrs
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.database import Store
from bot.store.tables import Group, Learner, Member, Memory, Review
from bot.study import forgetting
from bot.study.memory import drill_day

TEST_EVERY = 5  # of five cards one is for the test
ENOUGH = 512 * TEST_EVERY // (TEST_EVERY - 1)  # repeats; fitted to fewer than 512 the optimizer returns its defaults
AGAIN_AT = 1.5  # times the repeats of the last fit: then it is worth another
TIMEOUT = 1_800.0  # seconds

Log = tuple[int, int, str]  # card, rating, day as ISO


@dataclass(frozen=True, slots=True)
class Fit:
    """What came of a fit to so many repeats: the mean log loss on the cards left out, by default and as fitted."""

    group: str
    repeats: int
    default_loss: float
    loss: float

    @property
    def kept(self) -> bool:
        """Whether the fitted weights predict better."""
        return self.loss < self.default_loss


async def fit_groups(store: Store, now: datetime) -> list[Fit]:
    """Fit every group that has enough new reviews; the store is free while it is at it."""
    async with store.read() as session:
        waiting = [(group, await _logs(session, group)) for group in await _groups_to_fit(session)]
    return [await _fit_group(store, group, logs, now) for group, logs in waiting]


async def _groups_to_fit(session: AsyncSession) -> list[Group]:
    repeats = func.count() - func.count(func.distinct(col(Review.card_id)))
    counted = select(Group, Memory.reviews, repeats).join(Member, col(Member.group_id) == col(Group.id))
    counted = counted.join(Review, col(Review.learner_id) == col(Member.learner_id))
    counted = counted.outerjoin(Memory, col(Memory.group_id) == col(Group.id)).where(col(Review.rating).is_not(None))
    rows = await session.exec(counted.group_by(col(Group.id), col(Memory.reviews)))
    return [group for group, fitted_to, found in rows if found >= max(ENOUGH, AGAIN_AT * (fitted_to or 0))]


async def _logs(session: AsyncSession, group: Group) -> list[Log]:
    pooled = select(Review, Learner).join(Learner, col(Learner.id) == col(Review.learner_id))
    pooled = pooled.join(Member, col(Member.learner_id) == col(Learner.id)).where(Member.group_id == group.id)
    rated = pooled.where(col(Review.rating).is_not(None)).order_by(col(Review.answered_at), col(Review.id))
    return [
        (review.card_id, review.rating, drill_day(review.answered_at, learner).isoformat())
        for review, learner in await session.exec(rated)
        if review.rating and review.answered_at
    ]


async def _fit_group(store: Store, group: Group, logs: list[Log], now: datetime) -> Fit:
    found = await _in_a_process(logs)
    repeats = len(logs) - len({card for card, _, _ in logs})
    fit = Fit(group.name, repeats, found["default_loss"], found["loss"])
    weights = found["weights"] if fit.kept else list(forgetting.DEFAULT)
    async with store.write() as session:
        await session.merge(Memory(group_id=group.id, parameters=weights, reviews=repeats, fitted_at=now))
    return fit


async def _in_a_process(logs: list[Log]) -> dict[str, Any]:
    """Fit apart from the bot. Raises RuntimeError with the last line of what went wrong, such as a missing torch."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.study.fitting", stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    try:
        async with asyncio.timeout(TIMEOUT):
            out, errors = await process.communicate(json.dumps(logs).encode())
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        raise RuntimeError(errors.decode(errors="replace").strip().rpartition("\n")[2])
    result: dict[str, Any] = json.loads(out)
    return result


def main() -> None:
    """Read reviews, fit, and write the weights with what they are worth."""
    logs = [_log(*each) for each in json.load(sys.stdin)]
    cards = sorted({log.card_id for log in logs})
    tested = {card for place, card in enumerate(cards) if place % TEST_EVERY == 0}
    weights = fsrs.Optimizer([log for log in logs if log.card_id not in tested]).compute_optimal_parameters()
    test = [log for log in logs if log.card_id in tested]
    losses = {"default_loss": log_loss(forgetting.DEFAULT, test), "loss": log_loss(weights, test)}
    json.dump({"weights": list(map(float, weights)), **losses}, sys.stdout)


def log_loss(weights: Any, logs: list[fsrs.ReviewLog]) -> float:
    """Return the mean log loss of the predicted recall over reviews that came a day or more after another."""
    scheduler = fsrs.Scheduler(tuple(weights), learning_steps=(), relearning_steps=(), enable_fuzzing=False)
    memories: dict[int, fsrs.Card] = {}
    losses: list[float] = []
    for log in logs:
        card = memories.get(log.card_id) or fsrs.Card(card_id=log.card_id)
        if card.last_review and log.review_datetime > card.last_review:
            recall = min(max(scheduler.get_card_retrievability(card, log.review_datetime), 1e-4), 1 - 1e-4)
            losses.append(-math.log(1 - recall if log.rating == fsrs.Rating.Again else recall))
        memories[log.card_id], _ = scheduler.review_card(card, log.rating, log.review_datetime)
    return sum(losses) / max(len(losses), 1)


def _log(card: int, rating: int, day: str) -> fsrs.ReviewLog:
    return fsrs.ReviewLog(card, fsrs.Rating(rating), datetime.fromisoformat(day).astimezone(UTC), None)


if __name__ == "__main__":
    main()
