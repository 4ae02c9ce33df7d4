from datetime import UTC, datetime, timedelta

import pytest
from drilled import LESSONS, Student, choice, lesson, number, only, short

from bot.store.tables import Progress
from bot.study import appeal, drill, mastery
from bot.study.mastery import MASTERED, Evidence, trace
from lessons import Curriculum

DAY = datetime(2026, 3, 2, 12, tzinfo=UTC)


def answers(*rights: bool, guess: float = 0.25, apart: int = 1) -> list[Evidence]:
    return [Evidence(DAY + timedelta(days=apart * n), right, guess) for n, right in enumerate(rights)]


@pytest.mark.parametrize(("guess", "needed"), [(0.25, 4), (0.05, 2)])
def test_mastery_takes_four_right_in_a_row_on_multiple_choice_and_two_where_guessing_is_hard(guess, needed):
    assert trace(answers(*[True] * needed, guess=guess)) >= MASTERED
    assert trace(answers(*[True] * (needed - 1), guess=guess)) < MASTERED


def test_right_answers_of_one_day_count_once():
    assert trace(answers(*[True] * 10, apart=0)) == trace(answers(True))


def test_a_wrong_answer_takes_mastery_away_and_it_can_be_won_back():
    lost = answers(*[True] * 4, False, guess=0.25)
    assert trace(lost) < MASTERED <= trace([*lost, *answers(True, True)[1:], Evidence(DAY + timedelta(9), True, 0.25)])


def test_guessing_is_hard_unless_there_are_few_options():
    assert mastery.guess_chance(choice("loop")) == 0.25
    assert mastery.guess_chance(number("loop")) == mastery.guess_chance(short("loop")) == 0.05


async def test_answers_in_the_store_make_mastery_by_lesson_and_topic(store, people, clock):
    curriculum = Curriculum((lesson("loop", "1.1", drills=[number("loop")]), lesson("metrics", "1.2")))
    async with store.write() as session:
        ann = await Student.of(session, people[1][0], curriculum)
        assert await mastery.of(session, ann.learner, curriculum) == {}
        for _ in range(2):
            await ann.right(await ann.ask(clock.now, "loop"), clock.now)
            known = await mastery.of(session, ann.learner, curriculum)
            clock.advance(days=1)
    assert mastery.mastered(known) == {"loop"}
    assert mastery.by_topic(known, curriculum) == {1: known["loop"] / 2}


async def test_hinted_and_appealed_answers_count_neither_way(store, people, clock):
    curriculum = only(choice("loop"), short("loop"))
    async with store.write() as session:
        ann = await Student.of(session, people[1][0], curriculum)
        question = await ann.ask(clock.now, "loop")
        await drill.hint(session, curriculum, ann.learner, question.review.id)
        await ann.answer(question, "a", clock.now)
        question = await ann.ask(clock.advance(days=1), "loop")
        await ann.answer(question, "I am sure it piles up", clock.now)
        before = await mastery.of(session, ann.learner, curriculum)
        await appeal.appeal(session, curriculum, ann.learner, question.review.id, clock.now)
        assert before["loop"] < mastery.PRIOR
        assert await mastery.of(session, ann.learner, curriculum) == {}


async def test_a_lesson_tested_out_of_is_mastered_until_answers_say_otherwise(store, people, clock):
    async with store.write() as session:
        ann = await Student.of(session, people[1][0])
        session.add(Progress(learner_id=ann.learner.id, lesson="peft", status="tested_out", changed_at=clock.now))
        assert mastery.mastered(await mastery.of(session, ann.learner, LESSONS)) == {"peft"}
        await ann.answer(await ann.ask(clock.now, "peft"), "b", clock.now)
        assert mastery.mastered(await mastery.of(session, ann.learner, LESSONS)) == set()
