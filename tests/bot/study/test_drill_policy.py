from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.study.drill_policy import (
    PORTION,
    Choice,
    Known,
    New,
    Situation,
    choose,
    days_until_due,
    gate_is_open,
    is_due,
    missed_share,
)

WELL = Situation(recent=[True] * 15)
BADLY = Situation(recent=[True] * 11 + [False] * 4)


def known(lesson: str, elapsed: float, stability: float = 5.0, topic: int = 1) -> Known:
    return Known(lesson, topic, elapsed, stability, 5.0)


def test_something_new_comes_first_while_answers_go_well():
    assert choose([known("loop", 30)], [New("peft", 2)], WELL) == Choice("peft", 2, "new")


def test_nothing_new_comes_while_more_than_a_fifth_of_the_last_fifteen_were_wrong():
    assert choose([known("loop", 30)], [New("peft", 2)], BADLY) == Choice("loop", 1, "due")


def test_a_few_answers_say_nothing_yet():
    assert gate_is_open(Situation(recent=[False] * 4))
    assert not gate_is_open(Situation(recent=[False] * 5))


def test_answers_before_the_last_fifteen_are_forgotten():
    assert gate_is_open(Situation(recent=[True] * 15 + [False] * 100))


def test_two_new_lessons_a_day_are_enough_while_there_is_something_to_review():
    assert choose([known("loop", 30)], [New("peft", 2)], replace(WELL, new_today=2)) == Choice("loop", 1, "due")


def test_a_portion_with_nothing_to_review_is_filled_with_new_lessons():
    room = replace(WELL, new_today=2, answered_today=2)
    assert choose([known("loop", 0)], [New("peft", 2)], room) == Choice("peft", 2, "new")
    assert choose([known("loop", 0)], [New("peft", 2)], replace(room, answered_today=PORTION)) is None


def test_who_missed_days_meets_an_easier_gate_and_gets_one_more_new_lesson():
    missed = replace(BADLY, missed=0.5)
    assert gate_is_open(missed)
    assert gate_is_open(replace(missed, new_today=2))
    assert not gate_is_open(replace(missed, new_today=3))


def test_among_the_known_what_is_half_forgotten_goes_before_what_is_safe():
    assert choose([known("safe", 30, 200), known("shaky", 9, 5)], [], WELL).lesson == "shaky"


def test_among_equals_what_sticks_goes_before_what_never_did():
    stuck = known("hard", 9)._replace(difficulty=9.5)
    assert choose([stuck, known("easy", 9)], [], WELL).lesson == "easy"


def test_what_was_reviewed_today_does_not_come_again():
    assert choose([known("loop", 0, 0.1)], [], WELL) is None


def test_a_day_with_little_due_is_filled_with_practice_up_to_the_portion():
    fresh = [known("loop", 1, 50)]
    assert choose(fresh, [], replace(WELL, answered_today=PORTION - 1)) == Choice("loop", 1, "practice")
    assert choose(fresh, [], replace(WELL, answered_today=PORTION)) is None


def test_beyond_the_portion_what_is_due_still_comes():
    assert choose([known("loop", 30)], [], replace(WELL, answered_today=PORTION)).reason == "due"


def test_the_next_question_is_of_another_topic_where_one_is_near():
    cards = [known("a", 9, 5, topic=1), known("b", 9, 5.1, topic=1), known("c", 9, 5.2, topic=2)]
    first = choose(cards, [], WELL)
    second = choose([c for c in cards if c.lesson != first.lesson], [], replace(WELL, last_topic=first.topic))
    assert second.topic != first.topic
    assert choose([known("a", 9)], [], replace(WELL, last_topic=1)).lesson == "a"


def test_who_forgets_fast_has_a_lesson_due_sooner():
    fast = replace(WELL, speed=4.0)
    assert days_until_due(5.0, fast) < days_until_due(5.0, WELL)
    assert is_due(4, 5.0, fast)
    assert not is_due(4, 5.0, WELL)


@given(st.floats(0.001, 3000), st.floats(0.25, 8))
def test_a_lesson_is_due_on_the_day_said_and_not_before(stability, speed):
    situation = Situation(speed=speed)
    days = days_until_due(stability, situation)
    assert is_due(days, stability, situation)
    assert days == 1 or not is_due(days - 1.0001, stability, situation)


@pytest.mark.parametrize(
    ("days", "share"),
    [
        ((), 0.0),
        ((100,), 0.0),
        ((99,), 0.0),
        ((98, 98, 98), 0.5),
        (range(86, 100), 0.0),
        (range(86, 100, 2), 0.5),
        ((1,), 1.0),
    ],
)
def test_missed_days_count_from_the_first_drill_and_two_weeks_back(days, share):
    assert missed_share(days, today=100) == share
