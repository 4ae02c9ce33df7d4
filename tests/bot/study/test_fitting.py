"""FSRS's weights, really fitted by the package's optimizer in a process of its own."""

import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import fsrs
import pytest
from sqlmodel import select

from bot.store.tables import Card, Memory, Review
from bot.study import fitting, forgetting
from bot.study.memory import drill_day


async def remember(store, people, clock, reviews: int, *, half_life: float) -> None:
    """Let the group's members answer every two to nine days, who forget by half in so many days."""
    rng = random.Random(3)
    async with store.write() as session:
        for number in range(reviews // 6):
            learner = people[1][number % 3]
            card = Card(learner_id=learner.id, lesson=f"lesson-{number}", due_at=clock.now)
            session.add(card)
            await session.flush()
            at, gap = clock.now, 0
            for _ in range(6):
                right = rng.random() < 0.5 ** (gap / half_life)
                rating = fsrs.Rating.Good if right else fsrs.Rating.Again
                session.add(
                    Review(
                        learner_id=learner.id, card_id=card.id, drill=f"lesson-{number}/d1", asked_at=at,
                        answered_at=at, right=right, rating=int(rating),
                    )
                )  # fmt: skip
                gap = rng.randint(2, 9)
                at += timedelta(days=gap)


@pytest.mark.timeout(600)
async def test_a_group_that_forgets_faster_than_most_gets_weights_of_its_own(store, people, clock):
    await remember(store, people, clock, 900, half_life=6)
    (fit,) = await fitting.fit_groups(store, clock.now)
    assert fit.kept
    async with store.read() as session:
        memory = (await session.exec(select(Memory))).one()
    assert (memory.group_id, memory.reviews) == (people[0].id, 750)
    scheduler = fsrs.Scheduler(memory.parameters)  # refuses weights out of bounds
    card, _ = scheduler.review_card(fsrs.Card(1), fsrs.Rating.Good, drill_day(clock.now, people[1][0]))
    assert card.stability < forgetting.DEFAULT[2]
    assert await fitting.fit_groups(store, clock.now) == []  # nothing new since


async def test_a_group_with_few_reviews_is_not_fitted(store, people, clock):
    await remember(store, people, clock, 600, half_life=6)
    assert await fitting.fit_groups(store, clock.now) == []


def test_the_loss_of_a_prediction_is_small_where_it_holds():
    days = (datetime(2026, 3, day, 12, tzinfo=UTC) for day in (2, 3))
    logs = [fsrs.ReviewLog(card, fsrs.Rating.Good, day, None) for day in days for card in range(5)]
    assert fitting.log_loss(forgetting.DEFAULT, logs) < 0.1
    wrong = [fsrs.ReviewLog(log.card_id, fsrs.Rating.Again, log.review_datetime, None) for log in logs]
    assert fitting.log_loss(forgetting.DEFAULT, wrong) > 1


def test_the_bot_never_imports_torch_for_it():
    code = "import bot.study.fitting, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
