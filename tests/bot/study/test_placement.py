import asyncio

import numpy as np
import pytest
from drilled import without
from placed import EVERYTHING, Candidate, able, rightly, unsure, wrongly
from sqlmodel import select

from bot.errors import UserError
from bot.store.tables import Answer, Badge, Item, Learner, Placement, Progress, Response
from bot.study import placement
from bot.study.item_bank import DISCRIMINATION, author_difficulty, item_bank, topic_place

TOPIC = EVERYTHING.topics[4]


@pytest.fixture
async def session(store):
    async with store.write() as session:
        yield session


@pytest.fixture
async def ann(people, session, clock) -> Candidate:
    return Candidate(session, await session.get_one(Learner, people[1][0].id), clock.now)


@pytest.fixture
async def bo(people, session, clock) -> Candidate:
    return Candidate(session, await session.get_one(Learner, people[1][1].id), clock.now)


async def responses_of(candidate: Candidate) -> list[Response]:
    mine = select(Response).where(Response.learner_id == candidate.learner.id).order_by(Response.id)
    return list(await candidate.session.exec(mine))


@pytest.mark.parametrize(("answering", "level"), [(unsure, "beginner"), (wrongly, "beginner"), (rightly, "advanced")])
async def test_who_knows_nothing_or_everything_is_placed_so(ann, answering, level):
    found = await ann.take(answering)
    assert found.level == ann.learner.level == found.placement.level == level
    assert found.placement.finished_at == ann.now
    assert ann.learner.ability == found.placement.ability
    assert 0 < ann.learner.ability_sd < 1.15
    assert found.probability >= 0.8
    assert found.choice == ()


async def test_an_intermediate_learner_gets_a_level_or_a_choice_of_two_that_has_it(ann):
    found = await ann.take(able(-0.15, np.random.default_rng(1)))
    assert "intermediate" in (found.level, *found.choice)


async def test_a_test_has_sixteen_questions_at_most_none_twice_and_two_a_topic(ann):
    rng = np.random.default_rng(3)
    found = await ann.take(lambda drill: rightly(drill) if rng.random() < 0.5 else unsure(drill))
    assert found.asked == len(ann.asked) <= 16
    assert len({drill.id for drill in ann.asked}) == len(ann.asked)
    topics = [EVERYTHING.lesson(drill.lesson).topic for drill in ann.asked]
    assert max(map(topics.count, topics)) <= 2


async def test_not_sure_is_stored_as_answered_but_neither_right_nor_wrong(ann):
    question = await ann.start()
    await ann.answer(question, "I don't know.")
    stored = (await responses_of(ann))[0]
    assert (stored.answer, stored.right, stored.answered_at) == ("I don't know.", None, ann.now)
    assert not stored.at_random


async def test_what_is_no_answer_is_asked_again_with_what_would_be_one(ann):
    question = await ann.start()
    while question.drill.kind != "choice":
        question = await ann.answer(question, "not sure")
    again = await ann.answer(question, "🤷" * 10_000)
    assert again.response.id == question.response.id
    assert "one letter" in again.note
    assert (await responses_of(ann))[-1].answered_at is None


async def test_a_test_that_was_stopped_goes_on_with_its_answers_kept(ann):
    question = await ann.start()
    for _ in range(3):
        question = await ann.answer(question, rightly(question.drill))
    await placement.stop(ann.session, ann.learner)
    assert await placement.latest_open(ann.session, EVERYTHING, ann.learner) is None
    assert (await ann.start()).number == 4


async def test_beginning_twice_shows_the_same_question(ann):
    first, second = await ann.start(), await ann.start()
    assert first.response.id == second.response.id
    assert len((await ann.session.exec(select(Placement))).all()) == 1


async def test_a_test_left_for_weeks_begins_anew(ann, clock):
    question = await ann.start()
    await ann.answer(question, "not sure")
    ann.now = clock.advance(days=15)
    assert (await ann.start()).number == 1


async def test_a_question_is_answered_once_and_by_whom_it_was_put_to(ann, bo):
    question = await ann.start()
    await ann.answer(question, "not sure")
    with pytest.raises(UserError, match="answered that one already"):
        await ann.answer(question, "a")
    open_one = await ann.start()
    with pytest.raises(UserError, match="no longer open"):
        await bo.answer(open_one, "a")


async def test_two_devices_at_once_store_one_answer(store, people, clock):
    learner = people[1][0]
    async with store.write() as session:
        question = await Candidate(session, await session.get_one(Learner, learner.id), clock.now).start()

    async def press(given: str) -> bool:
        async with store.write() as session:
            device = Candidate(session, await session.get_one(Learner, learner.id), clock.now)
            try:
                await device.answer(question, given)
            except UserError:
                return False
        return True

    assert sorted(await asyncio.gather(press("not sure"), press("?"))) == [False, True]
    async with store.read() as session:
        stored = (await session.exec(select(Response))).all()
    assert [response.answered_at is not None for response in stored] == [True, False]


async def test_two_devices_that_begin_at_once_begin_one_test(store, people, clock):
    async def begin() -> int:
        async with store.write() as session:
            device = Candidate(session, await session.get_one(Learner, people[1][0].id), clock.now)
            return (await device.start()).response.id

    first, second = await asyncio.gather(begin(), begin())
    assert first == second


async def test_an_item_that_was_deleted_while_open_is_replaced_and_one_answered_is_passed_over(ann):
    question = await ann.start()
    ann.curriculum = without(EVERYTHING, question.drill.id)
    replaced = await ann.start()
    assert replaced.drill.id != question.drill.id
    following = await ann.answer(replaced, "not sure")
    ann.curriculum = without(ann.curriculum, replaced.drill.id)
    assert (await ann.start()).response.id == following.response.id
    assert (await ann.start()).number == 1


async def test_a_second_test_has_new_questions(ann):
    await ann.take(rightly)
    first = {drill.id for drill in ann.asked}
    ann.asked.clear()
    await ann.take(rightly)
    assert not first & {drill.id for drill in ann.asked}


async def test_without_any_items_there_is_no_test(ann):
    ann.curriculum = type(EVERYTHING)(())
    with pytest.raises(UserError, match="no questions"):
        await ann.start()


async def say_of_oneself(candidate: Candidate, value: str) -> None:
    for question in ("deep_learning", "gpu", "workflows"):
        candidate.session.add(Answer(learner_id=candidate.learner.id, question=question, text=value, value=value))
    await candidate.session.flush()


async def test_self_report_is_where_the_test_starts_and_no_more(ann, bo):
    await say_of_oneself(ann, "daily")
    await say_of_oneself(bo, "none")
    await ann.start()
    await bo.start()
    rows = (await ann.session.exec(select(Placement).order_by(Placement.learner_id))).all()
    proud = await placement.result(ann.session, EVERYTHING, ann.learner, rows[0])
    modest = await placement.result(bo.session, EVERYTHING, bo.learner, rows[1])
    assert proud.topics[0].ability > modest.topics[0].ability
    found = await ann.take(unsure)
    assert found.level == "beginner"


async def unclear(candidate: Candidate) -> placement.Result:
    """Take tests until one ends between two levels."""
    for seed in range(30):
        rng = np.random.default_rng(seed)
        found = await candidate.take(able(0.5, rng))
        if found.choice:
            return found
    raise AssertionError("thirty tests at a cut, and all were clear")


async def test_between_two_levels_the_learner_chooses_and_only_between_those(ann, bo):
    found = await unclear(ann)
    assert found.choice == ("intermediate", "advanced")
    assert found.level in found.choice
    with pytest.raises(UserError, match="not yours"):
        await placement.choose_level(bo.session, EVERYTHING, bo.learner, found.placement.id, "advanced")
    with pytest.raises(UserError, match="clear"):
        await placement.choose_level(ann.session, EVERYTHING, ann.learner, found.placement.id, "beginner")
    for level in found.choice:
        await placement.choose_level(ann.session, EVERYTHING, ann.learner, found.placement.id, level)
        assert ann.learner.level == found.placement.level == level


async def test_a_clear_test_earns_its_level_at_once(ann):
    await ann.take(rightly)
    badges = await ann.session.exec(select(Badge.name).where(Badge.learner_id == ann.learner.id))
    assert badges.all() == ["advanced"]


async def test_who_knows_a_topic_tests_out_of_its_lessons(ann):
    ann.session.add(Progress(learner_id=ann.learner.id, lesson="lesson-5-1", status="reading"))
    await ann.session.flush()
    found = await ann.take(rightly, TOPIC)
    assert found.passed
    assert {EVERYTHING.lesson(drill.lesson).topic for drill in ann.asked} == {5}
    rows = (await ann.session.exec(select(Progress).execution_options(populate_existing=True))).all()
    assert {(row.lesson, row.status) for row in rows} == {(each.slug, "tested_out") for each in TOPIC.lessons}
    assert ann.learner.level is None  # one topic says nothing of the level


async def test_testing_out_asks_about_every_lesson_before_it_asks_about_one_again(ann):
    await ann.take(rightly, TOPIC)
    assert {drill.lesson for drill in ann.asked[:5]} == {each.slug for each in TOPIC.lessons}


@pytest.mark.parametrize("answering", [unsure, wrongly])
async def test_who_does_not_know_a_topic_keeps_its_lessons(ann, answering):
    found = await ann.take(answering, TOPIC)
    assert not found.passed
    assert (await ann.session.exec(select(Progress))).all() == []


async def test_guessing_seldom_tests_out(ann):
    rng = np.random.default_rng(5)
    passed = []
    for topic in EVERYTHING.topics:
        for _ in range(3):
            found = await ann.take(lambda drill: rightly(drill) if rng.random() < 0.25 else wrongly(drill), topic)
            passed.append(found.passed)
    assert sum(passed) <= 1


async def test_a_test_of_one_topic_does_not_disturb_that_of_everything(ann):
    everything = await ann.start()
    topic = await ann.start(TOPIC)
    assert topic.topic == TOPIC
    assert (await ann.start()).response.id == everything.response.id


async def test_the_latest_question_is_the_one_that_typed_words_answer(ann):
    await ann.start()
    topic = await ann.start(TOPIC)
    found = await placement.latest_open(ann.session, EVERYTHING, ann.learner)
    assert found.response.id == topic.response.id


async def test_the_result_has_every_topic_with_its_place_and_uncertainty(ann):
    found = await ann.take(able(0.0, np.random.default_rng(2)))
    assert [each.topic.number for each in found.topics] == list(range(1, 14))
    assert [each.place for each in found.topics] == [topic_place(number) for number in range(1, 14)]
    assert all(0.3 < each.sd < 1.3 for each in found.topics)
    assert found.topics[0].is_known
    assert not found.topics[-1].is_known


async def test_fitted_parameters_replace_the_authors(ann):
    name = "lesson-3-2/d1"
    ann.session.add(Item(drill=name, discrimination=2.0, difficulty=0.7, answers=120, fitted_at=ann.now))
    await ann.session.flush()
    bank = await item_bank(ann.session, EVERYTHING)
    at, other = (bank.indices([each])[each] for each in (name, "lesson-3-2/d2"))
    assert (bank.discrimination[at], bank.difficulty[at], bank.guess[at]) == (2.0, 0.7, 0.25)
    assert (bank.discrimination[other], bank.difficulty[other]) == (DISCRIMINATION, author_difficulty(3, 3))
    assert bank.guess[other] == 0.0  # what has to be typed is not guessed
