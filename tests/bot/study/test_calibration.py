from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from placed import EVERYTHING, Candidate, rightly
from sqlmodel import select

from bot.errors import UserError
from bot.store.tables import Card, Item, Learner, Response, Review
from bot.study import calibration, placement
from bot.study import item_response as irt
from bot.study.item_bank import author_bank
from lessons import Curriculum

FEW = Curriculum(EVERYTHING.lessons[::7])  # ten lessons, thirty items


@pytest.fixture
async def session(store):
    async with store.write() as session:
        yield session


@pytest.fixture
async def ann(people, session) -> Learner:
    return await session.get_one(Learner, people[1][0].id)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(4)


async def drill(session, learner: Learner, at: datetime) -> None:
    card = Card(learner_id=learner.id, lesson=f"lesson-at-{at.timestamp()}", due_at=at)
    session.add(card)
    await session.flush()
    session.add(Review(learner_id=learner.id, card_id=card.id, drill="x/d1", right=True, answered_at=at))
    await session.flush()


def without_outputs(curriculum: Curriculum) -> Curriculum:
    """The same lessons, less what has to be typed."""
    kept = (replace(each, drills=tuple(d for d in each.drills if d.kind != "output")) for each in curriculum.lessons)
    return Curriculum(tuple(kept))


async def offer(session, learner, now, rng) -> calibration.RandomItem | None:
    return await calibration.calibration_item(session, EVERYTHING, learner, now, rng)


async def test_a_random_item_comes_once_a_day_to_who_has_drilled(session, ann, clock, rng):
    assert await offer(session, ann, clock.now, rng) is None
    await drill(session, ann, clock.now)
    item = await offer(session, ann, clock.now, rng)
    assert item.drill.placement
    assert item.response.at_random
    assert item.response.placement_id is None
    assert await offer(session, ann, clock.now, rng) is None
    await calibration.answer_item(session, EVERYTHING, ann, item.response.id, "not sure", clock.now)
    assert await offer(session, ann, clock.advance(hours=3), rng) is None


async def test_a_day_is_the_learners_own(session, ann, rng):
    ann.timezone = "Pacific/Auckland"  # 13 hours ahead in March
    evening = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
    await drill(session, ann, evening)
    assert await offer(session, ann, evening, rng)
    past_midnight = evening + timedelta(hours=1)
    assert await offer(session, ann, past_midnight, rng) is None  # not drilled on the new day yet
    await drill(session, ann, past_midnight)
    assert await offer(session, ann, past_midnight, rng)


async def test_an_item_that_was_left_is_taken_back_the_next_day(session, ann, clock, rng):
    await drill(session, ann, clock.now)
    left = await offer(session, ann, clock.now, rng)
    tomorrow = clock.advance(days=1)
    await drill(session, ann, tomorrow)
    assert await offer(session, ann, tomorrow, rng)
    with pytest.raises(UserError, match="no longer open"):
        await calibration.answer_item(session, EVERYTHING, ann, left.response.id, "a", tomorrow)


async def test_no_item_comes_twice_and_in_the_end_there_is_none(session, ann, clock, rng):
    few = Curriculum(EVERYTHING.lessons[:1])
    seen = []
    for _ in range(4):
        await drill(session, ann, clock.now)
        if item := await calibration.calibration_item(session, few, ann, clock.now, rng):
            seen.append(item.drill.id)
            await calibration.answer_item(session, few, ann, item.response.id, "not sure", clock.now)
        clock.advance(days=1)
    assert sorted(seen) == ["lesson-1-1/d1", "lesson-1-1/d2", "lesson-1-1/d3"]


async def test_an_answer_is_kept_once_and_an_unreadable_one_is_asked_again(session, ann, people, clock, rng):
    choices = without_outputs(EVERYTHING)
    await drill(session, ann, clock.now)
    item = await calibration.calibration_item(session, choices, ann, clock.now, rng)
    again = await calibration.answer_item(session, choices, ann, item.response.id, "bananas", clock.now)
    assert "letter" in again.note
    assert (await placement.latest_open(session, choices, ann)).response.id == item.response.id
    done = await calibration.answer_item(session, choices, ann, item.response.id, rightly(item.drill), clock.now)
    assert done.response.right
    with pytest.raises(UserError, match="already"):
        await calibration.answer_item(session, choices, ann, item.response.id, "a", clock.now)
    bo = await session.get_one(Learner, people[1][1].id)
    with pytest.raises(UserError, match="no longer open"):
        await calibration.answer_item(session, choices, bo, item.response.id, "a", clock.now)


async def test_the_answer_to_a_question_of_a_test_is_no_answer_to_a_random_item(session, ann, clock):
    question = await Candidate(session, ann, clock.now).start()
    with pytest.raises(UserError, match="no longer open"):
        await calibration.answer_item(session, EVERYTHING, ann, question.response.id, "a", clock.now)


def simulate(people: int, each: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return answers of random items of FEW, the items' true difficulties, and their authors'."""
    author = author_bank(FEW).difficulty
    true = author + rng.normal(0, 0.6, len(author))
    answers = np.full((len(author), people), calibration.MISSING)
    for column, ability in enumerate(rng.normal(0, 1.15, people)):
        items = rng.choice(len(author), each, replace=False)
        answers[items, column] = rng.random(each) < irt.probability_right(ability, 1.3, true[items], 0.05)
    return answers, true, author


def rmse(found: np.ndarray, true: np.ndarray) -> float:
    return float(np.sqrt(np.mean((found - true) ** 2)))


def test_a_fit_to_random_answers_comes_closer_than_the_author(rng):
    answers, true, author = simulate(400, 12, rng)
    steepness, difficulty = calibration.fit(answers, author)
    assert rmse(difficulty, true) < 0.75 * rmse(author, true)
    assert 0.8 < np.median(steepness) < 1.8


def test_the_fewer_the_answers_the_closer_the_author_is_kept_to(rng):
    answers, _, author = simulate(400, 12, rng)
    few = answers[:, :100]
    near, far = (rmse(calibration.fit(table, author)[1], author) for table in (few, answers))
    assert near < far


def test_items_with_few_answers_or_of_one_kind_are_left_to_their_author(rng):
    answers, _, _ = simulate(400, 12, rng)
    answers[0] = calibration.MISSING
    answers[1][answers[1] == 0] = 1
    assert calibration.usable(answers).tolist() == list(range(2, 30))


def test_too_few_answers_are_refused_with_what_it_would_take(rng):
    answers, _, _ = simulate(40, 12, rng)
    with pytest.raises(UserError, match="0 items have 30 or more, from 40 months") as refused:
        calibration.usable(answers)
    assert "daily drills" in refused.value.hint


async def test_calibration_reads_random_answers_and_writes_items(store, people, clock, rng):
    answers, _, author = simulate(200, 12, rng)
    bank = author_bank(FEW)
    learner = people[1][0]
    async with store.write() as session:
        others = [Learner(chat="local", external_id=f"l{n}", name="L") for n in range(answers.shape[1])]
        session.add_all(others)
        await session.flush()
        for item, column in np.argwhere(answers != calibration.MISSING):
            session.add(answered(others[column], bank.drills[item].id, bool(answers[item, column]), clock.now))
        adaptive = answered(learner, bank.drills[0].id, True, clock.now)
        adaptive.at_random = False
        session.add(adaptive)
    changes = await calibration.calibrate(store, FEW, clock.now)
    assert len(changes) == 30
    assert [change.author for change in changes] == author.tolist()
    assert sum(change.answers for change in changes) == 200 * 12
    async with store.read() as session:
        items = {item.drill: item for item in await session.exec(select(Item))}
    first = changes[0]
    stored = items[first.drill]
    assert (stored.discrimination, stored.difficulty) == pytest.approx(first.after)
    assert (stored.answers, stored.fitted_at) == (first.answers, clock.now)
    again = await calibration.calibrate(store, FEW, clock.now)
    assert again[0].before == pytest.approx(first.after)


def answered(learner: Learner, item: str, right: bool, at: datetime) -> Response:
    return Response(
        learner_id=learner.id, item=item, at_random=True, asked_at=at, answer="a", right=right, answered_at=at
    )


async def test_a_learners_months_count_apart_because_people_learn(session, ann, clock):
    items = [drill.id for drill in author_bank(EVERYTHING).drills[:12]]
    for number, name in enumerate(items):
        month = clock.now + timedelta(days=35 * (number % 2))
        session.add(answered(ann, name, True, month))
    await session.flush()
    table = await calibration.random_answers(session, author_bank(EVERYTHING))
    assert (table != calibration.MISSING).sum(axis=0).tolist() == [6, 6]
