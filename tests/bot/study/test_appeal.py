import pytest
from drilled import Student, choice, only, short
from fsrs import Rating
from sqlmodel import select

from bot.errors import UserError
from bot.store.tables import Card, Group
from bot.study import appeal, drill

SENTENCES = only(short("loop"), short("loop", "d5"))
RIGHT, UNHEARD = "It adds to it", "The old values and the new ones pile up"


@pytest.fixture
async def ann(store, people):
    async with store.write() as session:
        yield await Student.of(session, people[1][0], SENTENCES)


async def card_of(student: Student) -> Card:
    return (await student.session.exec(select(Card).where(Card.learner_id == student.learner.id))).one()


async def history(student: Student, clock, *given: str, appealed: bool) -> Card:
    """Answer on days four apart; the second answer is appealed, at the end."""
    questions = []
    for each in given:
        questions.append(await student.ask(clock.now, "loop"))
        await student.answer(questions[-1], each, clock.now)
        clock.advance(days=4)
    if appealed:
        await appeal.appeal(student.session, student.curriculum, student.learner, questions[1].review.id, clock.now)
        await student.session.refresh(questions[1].review)
        assert questions[1].review.appealed_at == clock.now
        assert questions[1].review.rating == Rating.Hard
        assert questions[1].review.right is False
    return await card_of(student)


async def test_an_appealed_answer_counts_as_hard_in_all_that_came_after(store, people, clock):
    stabilities = {}
    for learner, appealed in zip(people[1], (True, False), strict=False):
        async with store.write() as session:
            student = await Student.of(session, learner, SENTENCES)
            card = await history(student, clock, RIGHT, UNHEARD, RIGHT, appealed=appealed)
            stabilities[appealed] = card.stability
            if appealed:
                assert student.learner.forgetting_speed < 1.0
    assert stabilities[True] > 3 * stabilities[False]


async def test_an_appeal_leaves_the_speed_as_if_the_answer_had_been_right(ann, clock):
    question = await ann.ask(clock.now, "loop")
    await ann.answer(question, RIGHT, clock.now)
    first = await ann.ask(clock.advance(days=4), "loop")
    await ann.answer(first, UNHEARD, clock.now)
    assert ann.learner.forgetting_speed > 1.0
    await appeal.appeal(ann.session, SENTENCES, ann.learner, first.review.id, clock.now)
    assert ann.learner.forgetting_speed < 1.0


async def test_an_answer_is_appealed_once_and_only_when_it_was_wrong_and_ones_own(ann, people, clock):
    question = await ann.ask(clock.now, "loop")
    with pytest.raises(UserError, match="nothing to appeal"):
        await appeal.appeal(ann.session, SENTENCES, ann.learner, question.review.id, clock.now)
    await ann.answer(question, UNHEARD, clock.now)
    bo = await Student.of(ann.session, people[1][1], SENTENCES)
    with pytest.raises(UserError, match="somebody else's"):
        await appeal.appeal(ann.session, SENTENCES, bo.learner, question.review.id, clock.now)
    await appeal.appeal(ann.session, SENTENCES, ann.learner, question.review.id, clock.now)
    with pytest.raises(UserError, match="counts as passed already"):
        await appeal.appeal(ann.session, SENTENCES, ann.learner, question.review.id, clock.now)


async def test_a_letter_pressed_and_an_answer_shown_are_not_appealed(ann, clock):
    ann.curriculum = only(choice("loop"))
    question = await ann.ask(clock.now, "loop")
    answered = await ann.answer(question, "b", clock.now)
    assert not appeal.may_appeal(question, answered.verdict, "b")
    ann.curriculum = SENTENCES
    question = await ann.ask(clock.now, "loop")
    await drill.give_up(ann.session, SENTENCES, ann.learner, question.review.id, clock.now)
    with pytest.raises(UserError, match="nothing to appeal"):
        await appeal.appeal(ann.session, SENTENCES, ann.learner, question.review.id, clock.now)


async def test_admins_see_the_appeals_of_their_group_alone_even_of_drills_that_are_gone(ann, people, clock):
    question = await ann.ask(clock.now, "loop")
    answered = await ann.answer(question, UNHEARD, clock.now)
    assert appeal.may_appeal(question, answered.verdict, UNHEARD)
    await appeal.appeal(ann.session, SENTENCES, ann.learner, question.review.id, clock.now)
    (found,) = await appeal.appeals(ann.session, SENTENCES, people[0])
    assert (found.learner.name, found.review.answer, found.drill.id) == ("Ann", UNHEARD, question.drill.id)
    (found,) = await appeal.appeals(ann.session, only(choice("loop")), people[0])
    assert found.drill is None
    other = Group(chat="local", external_id="#other", name="other")
    ann.session.add(other)
    await ann.session.flush()
    assert await appeal.appeals(ann.session, SENTENCES, other) == []
