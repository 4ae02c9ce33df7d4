"""Calibration: the difficulty of placement items from answers, in place of their author's judgement.

Only items given at random count: fitted to adaptively chosen answers, placement gets worse (LEARNING-FACTS). So a
learner who drills is given one random item a day. The fit is `girth`'s two-parameter model by marginal maximum
likelihood; what it finds is brought to our scale and shrunk towards what the author says, the more the fewer answers.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError
from bot.store.database import Store
from bot.store.tables import Item, Learner, Response, Review
from bot.study import item_response as irt
from bot.study import placement
from bot.study.item_bank import AUTHOR_SD, DISCRIMINATION, ItemBank, author_bank, item_bank
from bot.study.local_time import local_date, midnight, zone_of
from lessons import Curriculum, Drill

LEAST_ANSWERS, LEAST_OF_EACH = 30, 3  # an item; right and wrong ones
LEAST_ITEMS, LEAST_RESPONDENTS = 10, 50
LEAST_EACH = 5  # answers a respondent
# How far items differ in discrimination, as the standard deviation of its logarithm.
DISCRIMINATION_SD = 0.3
# Items whose difficulty is known this well, as a variance in logits², tie girth's scale to ours.
ANCHOR_VARIANCE = 0.15
QUADRATURE = 21  # points; 41, girth's own number, takes longer and moves difficulties by 0.005

Answers = npt.NDArray[np.int_]  # items by respondents: 1 right, 0 wrong or not sure, MISSING
MISSING = -1


@dataclass(frozen=True, slots=True)
class Change:
    """An item that was refitted: its parameters before and after."""

    drill: str
    answers: int
    author: float
    before: tuple[float, float]  # discrimination and difficulty
    after: tuple[float, float]


@dataclass(frozen=True, slots=True)
class RandomItem:
    """The day's random item, put to a learner; `note` says why it is put again."""

    response: Response
    drill: Drill
    note: str = ""


async def calibrate(store: Store, curriculum: Curriculum, now: datetime) -> list[Change]:
    """Refit every item that has enough answers; raises UserError when there are too few altogether.

    It takes about a minute for 200 items, in a thread and outside of any transaction.
    """
    async with store.read() as session:
        before = await item_bank(session, curriculum)
        answers = await random_answers(session, before)
    author = author_bank(curriculum)
    chosen = usable(answers)
    discrimination, difficulty = await asyncio.to_thread(fit, answers[chosen], author.difficulty[chosen])
    counts = (answers[chosen] != MISSING).sum(axis=1)
    changes = [
        Change(
            before.drills[item].id,
            int(count),
            float(author.difficulty[item]),
            (float(before.discrimination[item]), float(before.difficulty[item])),
            (float(a), float(b)),
        )
        for item, count, a, b in zip(chosen, counts, discrimination, difficulty, strict=True)
    ]
    async with store.write() as session:
        await _save(session, changes, now)
    return changes


def usable(answers: Answers) -> npt.NDArray[np.int_]:
    """Return which items have enough answers of both kinds; raises UserError when that is too little for a fit."""
    right, wrong = (answers == 1).sum(axis=1), (answers == 0).sum(axis=1)
    enough = (right + wrong >= LEAST_ANSWERS) & (right >= LEAST_OF_EACH) & (wrong >= LEAST_OF_EACH)
    if enough.sum() < LEAST_ITEMS or answers.shape[1] < LEAST_RESPONDENTS:
        raise UserError(
            f"Too few answers for a fit: {enough.sum()} items have {LEAST_ANSWERS} or more, from {answers.shape[1]} "
            f"months of learners with {LEAST_EACH} or more each.",
            f"It takes {LEAST_ITEMS} items and {LEAST_RESPONDENTS} such months; answers come with daily drills.",
        )
    return np.flatnonzero(enough)


def fit(answers: Answers, author: irt.Array) -> tuple[irt.Array, irt.Array]:
    """Return discrimination and difficulty of items, on the scale of their author's difficulties.

    Raises UserError when girth is not installed.
    """
    steepness, difficulty = _girth(answers)
    counts = (answers != MISSING).sum(axis=1)
    of_steepness, of_difficulty = _variances(steepness, difficulty, counts)
    scale, shift = _link(difficulty, of_difficulty, author)
    logarithm = _shrink(np.log(steepness / scale), of_steepness, np.log(DISCRIMINATION), DISCRIMINATION_SD)
    return np.exp(logarithm), _shrink(difficulty * scale + shift, of_difficulty * scale**2, author, AUTHOR_SD)


async def calibration_item(
    session: AsyncSession, curriculum: Curriculum, learner: Learner, now: datetime, rng: np.random.Generator
) -> RandomItem | None:
    """Put a random item to a learner who has answered a drill today, at most one a local day; else return None.

    One that was never answered is taken back when the next day's comes.
    """
    await placement.lock(session, learner)
    zone = zone_of(learner.timezone)
    today = midnight(local_date(now, zone), zone)
    items = (await session.exec(select(Response).where(Response.learner_id == learner.id))).all()
    if any(r.at_random and r.asked_at >= today for r in items) or not await _has_drilled(session, learner, today):
        return None
    for response in items:
        if response.at_random and response.answered_at is None:
            await session.delete(response)
    seen = {response.item for response in items if response.answered_at}
    left = [drill for drill in author_bank(curriculum).drills if drill.id not in seen]
    if not left:
        return None
    drill = left[int(rng.integers(len(left)))]
    response = Response(learner_id=learner.id, item=drill.id, at_random=True, asked_at=now)
    session.add(response)
    await session.flush()
    return RandomItem(response, drill)


async def answer_item(
    session: AsyncSession, curriculum: Curriculum, learner: Learner, response_id: int, given: str, now: datetime
) -> RandomItem:
    """Take the answer to a random item. Raises UserError when it is not open for this learner."""
    response = await session.get(Response, response_id)
    drill = curriculum.find_drill(response.item) if response else None
    if response is None or drill is None or response.learner_id != learner.id or not response.at_random:
        raise UserError("That question is no longer open.", "`/drill` has others.")
    return RandomItem(response, drill, await placement.record(session, response, drill, given, now))


async def _has_drilled(session: AsyncSession, learner: Learner, since: datetime) -> bool:
    drilled = select(Review.id).where(Review.learner_id == learner.id, col(Review.answered_at) >= since)
    return (await session.exec(drilled.limit(1))).first() is not None


async def random_answers(session: AsyncSession, bank: ItemBank) -> Answers:
    """Return the answers to random items. A respondent is a learner in one month: people learn.

    A respondent with very few answers says nothing of the items and is left out.
    """
    given = select(Response).where(col(Response.at_random), col(Response.answered_at).is_not(None))
    respondents: dict[tuple[int, int, int], dict[int, bool]] = defaultdict(dict)
    responses = (await session.exec(given)).all()
    places = bank.indices(response.item for response in responses)
    for response in responses:
        if response.item in places:
            month = (response.learner_id, response.asked_at.year, response.asked_at.month)
            respondents[month][places[response.item]] = bool(response.right)
    columns = [answers for answers in respondents.values() if len(answers) >= LEAST_EACH]
    table = np.full((len(bank.drills), len(columns)), MISSING)
    for column, answers in enumerate(columns):
        table[list(answers), column] = list(answers.values())
    return table


async def _save(session: AsyncSession, changes: Sequence[Change], now: datetime) -> None:
    for change in changes:
        steepness, difficulty = change.after
        await session.merge(
            Item(
                drill=change.drill,
                discrimination=steepness,
                difficulty=difficulty,
                answers=change.answers,
                fitted_at=now,
            )
        )


def _girth(answers: Answers) -> tuple[irt.Array, irt.Array]:
    """Return discrimination and difficulty as girth has them, where abilities have mean 0 and deviation 1."""
    try:
        import girth  # with scipy it is the extra `calibrate`, which a bot that only asks need not install
    except ImportError:
        raise UserError("Calibration needs the package girth.", "`pip install 'cohort[calibrate]'`.") from None
    found = girth.twopl_mml(girth.tag_missing_data(answers, [0, 1]), {"quadrature_n": QUADRATURE})
    return found["Discrimination"], found["Difficulty"]


def _variances(
    steepness: irt.Array, difficulty: irt.Array, counts: npt.NDArray[np.int_]
) -> tuple[irt.Array, irt.Array]:
    """Return the sampling variance of the logarithm of each discrimination, and of each difficulty."""
    abilities = irt.normal(0.0, 1.0)
    right = irt.probability_right(irt.GRID, steepness[:, None], difficulty[:, None], 0.0)
    weight = counts[:, None] * steepness[:, None] ** 2 * abilities * right * (1.0 - right)
    of_steepness: irt.Array = 1.0 / (weight * (irt.GRID - difficulty[:, None]) ** 2).sum(axis=1)
    of_difficulty: irt.Array = 1.0 / weight.sum(axis=1)
    return of_steepness, of_difficulty


def _link(difficulty: irt.Array, variance: irt.Array, author: irt.Array) -> tuple[float, float]:
    """Return scale and shift from girth's difficulties to ours: equal means and deviations over the items.

    Regression would take the author's errors for a smaller scale. Badly known difficulties get little weight.
    """
    anchors = variance < ANCHOR_VARIANCE
    if anchors.sum() < LEAST_ITEMS:
        anchors[np.argsort(variance)[:LEAST_ITEMS]] = True
    scale = float(author[anchors].std() / difficulty[anchors].std())
    weights = 1.0 / (variance * scale**2 + AUTHOR_SD**2)
    return scale, float(np.average(author - scale * difficulty, weights=weights))


def _shrink(found: irt.Array, variance: irt.Array, expected: irt.Array | float, sd: float) -> irt.Array:
    """Return the mean of what was found and what was expected, each weighted by its precision."""
    shrunk: irt.Array = (found / variance + expected / sd**2) / (1.0 / variance + 1.0 / sd**2)
    return shrunk
