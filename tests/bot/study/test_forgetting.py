import random
from datetime import UTC, datetime, timedelta

import fsrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.study import forgetting
from bot.study.forgetting import DEFAULT

DAY = datetime(2026, 1, 1, 12, tzinfo=UTC)
SCHEDULER = fsrs.Scheduler(learning_steps=(), relearning_steps=(), enable_fuzzing=False)


@given(st.floats(0.1, 500), st.floats(1, 10), st.integers(1, 400))
def test_the_formulas_are_the_packages(stability, difficulty, elapsed):
    card = fsrs.Card(1, fsrs.State.Review, None, stability, difficulty, DAY, DAY)
    now = DAY + timedelta(days=elapsed)
    recall = forgetting.recall(DEFAULT, elapsed, stability)
    assert recall == pytest.approx(SCHEDULER.get_card_retrievability(card, now))
    good, _ = SCHEDULER.review_card(card, fsrs.Rating.Good, now)
    assert forgetting.remembered(DEFAULT, stability, difficulty, recall) == pytest.approx(good.stability)
    again, _ = SCHEDULER.review_card(card, fsrs.Rating.Again, now)
    assert forgetting.forgotten(DEFAULT, stability, difficulty, recall) == pytest.approx(again.stability)


@given(st.floats(0.1, 1000), st.floats(0.3, 0.99))
def test_the_day_of_a_recall_is_the_recall_of_that_day(stability, probability):
    days = forgetting.days_to(DEFAULT, probability, stability)
    assert forgetting.recall(DEFAULT, days, stability) == pytest.approx(probability)


@pytest.mark.parametrize("true_speed", [0.5, 1.0, 3.0])
def test_the_speed_comes_to_rest_near_the_learners_own(true_speed):
    rng, speed, seen = random.Random(1), 1.0, []
    for _ in range(1500):
        elapsed, stability = rng.choice([1, 3, 8, 20]), rng.choice([2.3, 8.0, 20.0])
        right = rng.random() < forgetting.recall(DEFAULT, elapsed * true_speed, stability)
        speed = forgetting.learn_speed(speed, forgetting.recall(DEFAULT, elapsed * speed, stability), right)
        seen.append(speed)
    later = sorted(seen[500:])
    assert later[len(later) // 2] == pytest.approx(true_speed, rel=0.5)
    assert abs(later[len(later) // 2] - true_speed) < min(
        abs(later[len(later) // 2] - other) for other in (0.5, 1.0, 3.0) if other != true_speed
    )


def test_no_run_of_luck_or_bad_luck_takes_the_speed_out_of_its_range():
    slow = fast = 1.0
    for _ in range(200):
        slow, fast = forgetting.learn_speed(slow, 0.0, True), forgetting.learn_speed(fast, 1.0, False)
    assert (slow, fast) == forgetting.SPEED_RANGE
