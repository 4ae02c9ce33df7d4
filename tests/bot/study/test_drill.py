import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from drilled import LESSONS, Student, choice, lesson, number, only, output, short, without
from fsrs import Rating
from sqlmodel import select

from bot.errors import UserError
from bot.store.tables import Card, Member, Memory, Review
from bot.study import drill, forgetting
from bot.study.drill_policy import NEW_A_DAY, PORTION
from bot.study.memory import drill_day
from lessons import Curriculum


@pytest.fixture
async def session(store):
    async with store.write() as session:
        yield session


@pytest.fixture
async def ann(people, session) -> Student:
    return await Student.of(session, people[1][0])


async def card_of(student: Student, slug: str) -> Card:
    mine = select(Card).where(Card.learner_id == student.learner.id, Card.lesson == slug)
    return (await student.session.exec(mine)).one()


async def review_of(student: Student, question: drill.Question) -> Review:
    await student.session.refresh(question.review)
    return question.review


async def day_of(student: Student, now: datetime) -> list[drill.Question]:
    """Answer all there is on one day, rightly."""
    asked = []
    while question := await student.ask(now):
        asked.append(question)
        await student.right(question, now)
    return asked


async def test_a_learners_first_day_is_one_portion_of_new_lessons(ann, clock):
    asked = await day_of(ann, clock.now)
    assert [question.reason for question in asked] == ["new"] * PORTION
    assert {question.lesson.slug for question in asked} == {each.slug for each in LESSONS.lessons}


async def test_what_a_lesson_needs_comes_before_it(ann, clock):
    asked = [question.lesson.slug for question in await day_of(ann, clock.now)]
    assert asked.index("tokens") < asked.index("batches")


async def test_later_days_bring_two_new_lessons_and_practice(people, session, clock):
    many = Curriculum(tuple(lesson(f"l{n}", f"{n}.1") for n in range(1, 20)))
    ann = await Student.of(session, people[1][0], many)
    await day_of(ann, clock.now)
    reasons = [question.reason for question in await day_of(ann, clock.advance(days=1))]
    assert reasons.count("new") == NEW_A_DAY
    assert len(reasons) == PORTION


async def test_a_day_is_the_learners_own(ann, clock):
    ann.learner.timezone = "Pacific/Auckland"
    clock.now = datetime(2026, 3, 2, 10, 59, tzinfo=UTC)  # 23:59 there
    await day_of(ann, clock.now)
    assert await ann.ask(clock.now) is None
    assert (await ann.ask(clock.advance(minutes=2))).reason == "practice"


async def test_a_timezone_that_does_not_exist_counts_as_utc(ann, clock):
    ann.learner.timezone = "Mars/Olympus"
    assert drill_day(clock.now, ann.learner) == datetime(2026, 3, 2, 12, tzinfo=UTC)
    assert await ann.ask(clock.now)


async def test_a_question_is_asked_until_it_is_answered_and_answered_once(ann, clock):
    first = await ann.ask(clock.now)
    again = await ann.ask(clock.advance(hours=1))
    assert (again.review.id, again.reason) == (first.review.id, "open")
    answered = await ann.right(first, clock.now)
    assert answered.verdict.right
    assert answered.due_at > drill_day(clock.now, ann.learner)
    with pytest.raises(UserError, match="answered this one already, and it was right"):
        await ann.answer(first, "b", clock.now)


async def test_anothers_question_takes_no_answer(ann, people, clock):
    question = await ann.ask(clock.now)
    bo = await Student.of(ann.session, people[1][1])
    with pytest.raises(UserError, match="somebody else"):
        await bo.answer(question, "a", clock.now)


async def test_two_devices_that_answer_at_once_count_once(store, people, clock):
    async with store.write() as session:
        question = await (await Student.of(session, people[1][0])).ask(clock.now)

    async def press(given: str) -> str:
        try:
            async with store.write() as session:
                answered = await (await Student.of(session, people[1][0])).answer(question, given, clock.now)
                return "right" if answered.verdict.right else "wrong"
        except UserError:
            return "refused"

    outcomes = await asyncio.gather(press("a"), press("b"))
    async with store.read() as session:
        (review,) = (await session.exec(select(Review))).all()
        (card,) = (await session.exec(select(Card))).all()
    assert "refused" in outcomes
    assert ("right" in outcomes) == review.right
    assert card.stability == pytest.approx(forgetting.DEFAULT[review.rating - 1])


async def test_two_devices_that_ask_at_once_get_the_same_question(store, people, clock):
    async def ask() -> int:
        async with store.write() as session:
            return (await (await Student.of(session, people[1][0])).ask(clock.now)).review.id

    assert len(set(await asyncio.gather(ask(), ask(), ask()))) == 1


@pytest.mark.parametrize(
    ("kind", "given", "says"),
    [
        (choice, "🤷", "one letter"),
        (number, "many", "I need a number in steps"),
        (short, "🤷🤷", "your own words"),
        (short, "梯度会累加到以前的值上", "only in English"),
        (short, "Градиенты складываются", "only in English"),
        (output, " ", "what the program prints"),
        (short, "x" * 10_000, "10,000 characters long"),
        (choice, "b" * 10_000, "10,000 characters long"),
    ],
)
async def test_what_cannot_be_marked_is_said_so_and_costs_nothing(people, session, clock, kind, given, says):
    ann = await Student.of(session, people[1][0], only(kind("loop")))
    question = await ann.ask(clock.now)
    answered = await ann.answer(question, given, clock.now)
    assert not answered.verdict.understood
    assert says in answered.verdict.explanation
    assert (await ann.ask(clock.now)).review.id == question.review.id


async def test_hints_come_one_by_one_and_cost_the_rating(ann, clock):
    question = await ann.ask(clock.now, "loop")
    for shown in (1, 2, 2):
        question = await drill.hint(ann.session, LESSONS, ann.learner, question.review.id)
        assert question.review.hints == shown
    await ann.answer(question, "a", clock.now)
    assert (await review_of(ann, question)).rating == Rating.Hard


async def test_the_answer_shown_counts_as_not_known(ann, clock):
    question = await ann.ask(clock.now, "loop")
    answered = await drill.give_up(ann.session, LESSONS, ann.learner, question.review.id, clock.now)
    assert answered.verdict.expected == "a: Loss scaling"
    review = await review_of(ann, question)
    assert (review.right, review.rating, review.answer) == (False, Rating.Again, "")


async def test_a_fast_right_answer_is_easy_from_the_second_on(people, session, clock):
    ann = await Student.of(session, people[1][0], only(choice("loop"), choice("loop", "d5"), choice("loop", "d6")))
    for _ in range(6):
        question = await ann.ask(clock.advance(days=1), "loop")
        await ann.answer(question, "a", clock.advance(seconds=40))
    question = await ann.ask(clock.advance(days=1), "loop")
    await ann.answer(question, "a", clock.advance(seconds=5))
    assert (await review_of(ann, question)).rating == Rating.Easy


async def test_surprises_teach_the_forgetting_speed(ann, clock):
    await ann.right(await ann.ask(clock.now, "loop"), clock.now)
    assert ann.learner.forgetting_speed == 1.0  # the first answer is no memory
    question = await ann.ask(clock.advance(days=3), "loop")
    await ann.answer(question, "7" if question.drill.kind == "number" else "b", clock.now)
    assert ann.learner.forgetting_speed > 1.05
    before = ann.learner.forgetting_speed
    await ann.right(await ann.ask(clock.advance(days=1), "loop"), clock.now)
    assert ann.learner.forgetting_speed < before


async def test_a_runs_finding_comes_first_and_once(ann, clock):
    await drill.want(ann.session, ann.learner.id, "peft", "run-1", clock.now)
    await ann.ask(clock.now, "loop")
    question = await ann.ask(clock.now)
    assert (question.lesson.slug, question.reason) == ("peft", "run")
    await ann.right(question, clock.now)
    assert (await ann.ask(clock.now)).lesson.slug == "loop"


async def test_placements_drills_stay_out_and_a_lesson_without_others_is_passed_over(people, session, clock):
    lessons = (
        lesson("kept", "1.1", drills=[choice("kept", placement=True)]),
        lesson("loop", "1.2", drills=[choice("loop", "d1", placement=True), number("loop")]),
    )
    ann = await Student.of(session, people[1][0], Curriculum(lessons))
    await drill.want(session, ann.learner.id, "kept", "run-1", clock.now)
    assert (await ann.ask(clock.now)).drill.id == "loop/d2"
    with pytest.raises(UserError, match="Kept has no drills"):
        await ann.ask(clock.now, "kept")


async def test_a_drill_deleted_from_the_content_is_left_behind_without_a_word(ann, clock):
    question = await ann.ask(clock.now, "loop")
    ann.curriculum = without(LESSONS, question.drill.id)
    with pytest.raises(UserError, match="no longer in the lessons"):
        await ann.right(question, clock.now)
    other = await ann.ask(clock.now, "loop")
    assert other.drill.id != question.drill.id
    assert (await ann.right(other, clock.now)).verdict.right
    assert await drill.latest_open(ann.session, ann.curriculum, ann.learner) is None


async def test_a_lesson_deleted_from_the_content_takes_nothing_else_with_it(ann, clock):
    await day_of(ann, clock.now)
    ann.curriculum = Curriculum(tuple(each for each in LESSONS.lessons if each.slug != "loop"))
    asked = await day_of(ann, clock.advance(days=20))
    assert len(asked) == 4
    assert await drill.due_count(ann.session, ann.curriculum, ann.learner, clock.now) == 0
    assert await drill.next_due_at(ann.session, ann.curriculum, ann.learner, clock.now) > clock.now


async def test_due_counts_what_is_about_to_be_forgotten_and_the_next_day_is_told(ann, clock):
    assert await drill.next_due_at(ann.session, LESSONS, ann.learner, clock.now) is None
    await day_of(ann, clock.now)
    assert await drill.due_count(ann.session, LESSONS, ann.learner, clock.now) == 0
    due_at = await drill.next_due_at(ann.session, LESSONS, ann.learner, clock.now)
    clock.now = due_at - timedelta(days=1)
    assert await drill.due_count(ann.session, LESSONS, ann.learner, clock.now) == 0
    assert await drill.due_count(ann.session, LESSONS, ann.learner, due_at) == 5


async def test_the_groups_weights_are_used_once_they_are_fitted(ann, people, clock):
    weights = list(forgetting.DEFAULT)
    weights[2] = 20.0  # the first stability after Good
    ann.session.add(Memory(group_id=people[0].id, parameters=weights, reviews=600, fitted_at=clock.now))
    await ann.session.flush()
    await ann.right(await ann.ask(clock.now, "loop"), clock.now)
    assert (await card_of(ann, "loop")).stability == 20.0
    await ann.session.delete(await ann.session.get_one(Member, (people[0].id, ann.learner.id)))
    await ann.right(await ann.ask(clock.now, "peft"), clock.now)
    assert (await card_of(ann, "peft")).stability == forgetting.DEFAULT[2]


async def test_nothing_is_counted_twice_when_a_lesson_is_drilled_again_on_one_day(ann, clock):
    await ann.right(await ann.ask(clock.now, "loop"), clock.now)
    again = await ann.ask(clock.now, "loop")
    assert again.reason == "practice"
    await ann.answer(again, "250" if again.drill.kind == "number" else "a", clock.now)
    assert ann.learner.forgetting_speed == 1.0
    assert (await card_of(ann, "loop")).last_review_at == drill_day(clock.now, ann.learner)
