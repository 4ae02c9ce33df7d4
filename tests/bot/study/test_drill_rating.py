from datetime import UTC, datetime, timedelta

import pytest
from drilled import LESSONS
from fsrs import Rating

from bot.store.tables import Review
from bot.study.drill_rating import pace, rate

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
CHOICE, NUMBER = LESSONS.drill("loop/d1"), LESSONS.drill("loop/d2")


def took(seconds: float, drill: str = "loop/d1") -> Review:
    return Review(learner_id=1, card_id=1, drill=drill, asked_at=NOW, answered_at=NOW + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("right", "hints", "pace", "first", "rating"),
    [
        (False, 0, 0.1, False, Rating.Again),
        (False, 2, None, True, Rating.Again),
        (True, 0, None, False, Rating.Good),
        (True, 0, 1.0, False, Rating.Good),
        (True, 0, 0.3, False, Rating.Easy),
        (True, 0, 0.3, True, Rating.Good),  # a first answer may be a lucky one
        (True, 1, 0.3, False, Rating.Hard),
        (True, 0, 4.0, False, Rating.Hard),
    ],
)
def test_a_rating_comes_from_correctness_hints_and_pace(right, hints, pace, first, rating):
    assert rate(right, hints, pace, first=first) == rating


def test_the_pace_is_measured_by_the_learners_own_median_for_the_kind():
    earlier = [took(seconds) for seconds in (10, 20, 20, 20, 90)] + [took(500, "loop/d2")] * 9
    assert pace(timedelta(seconds=10), CHOICE, earlier, LESSONS) == 0.5
    assert pace(timedelta(seconds=10), NUMBER, earlier, LESSONS) == pytest.approx(0.02)


def test_few_answers_and_drills_that_are_gone_make_no_usual_time():
    assert pace(timedelta(seconds=10), CHOICE, [took(20)] * 4, LESSONS) is None
    assert pace(timedelta(seconds=10), CHOICE, [took(20, "gone/d1")] * 9, LESSONS) is None


@pytest.mark.parametrize("taken", [timedelta(minutes=11), timedelta(), timedelta(seconds=-5)])
def test_an_implausible_time_says_nothing(taken):
    assert pace(taken, CHOICE, [took(20)] * 9, LESSONS) is None
    assert pace(timedelta(seconds=10), CHOICE, [took(taken.total_seconds())] * 9, LESSONS) is None
