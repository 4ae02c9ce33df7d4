"""Placement: an adaptive test that finds a learner's level in a dozen questions, or whether they know one topic.

The answers are the state: what is asked next follows from the `Response` rows, so a test can be left and resumed
anywhere. What it measured with simulated learners is in tests/bench/placement.py.
"""

import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import CursorResult, delete, update
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError
from bot.store.database import insert_new
from bot.store.tables import Learner, Placement, Progress, Response
from bot.study import background, badge, interview
from bot.study import item_response as irt
from bot.study.adaptive_test import LEVELS, AdaptiveTest, prior
from bot.study.item_bank import item_bank, topic_place
from lessons import Curriculum, Drill, Topic

CLEAR = 0.7  # P(level) below which the learner chooses between two; from which a topic counts as known
RESUMABLE = timedelta(days=14)

_NOT_SURE = re.compile(
    r"(i'?m |i am )?(not|un) ?-?sure|\?+|(i )?(don'?t|do not) know|dunno|idk|no (idea|clue)|pass|skip", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Question:
    """One item put to a learner; `topic` is the one tested, and `note` says why the item is put again."""

    response: Response
    drill: Drill
    topic: Topic | None
    number: int
    limit: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class TopicAbility:
    """How much a learner knows of a topic: an ability and its standard error in logits, and where the topic lies."""

    topic: Topic
    ability: float
    sd: float

    @property
    def place(self) -> float:
        """Where the topic's own questions lie."""
        return topic_place(self.topic.number)

    @property
    def is_known(self) -> bool:
        """Whether the ability reaches the topic's average question."""
        return self.ability >= self.place


@dataclass(frozen=True, slots=True)
class Result:
    """What a test of everything found; `choice` are the two levels to choose between when it is not clear."""

    placement: Placement
    level: str
    probability: float
    choice: tuple[str, ...]
    topics: tuple[TopicAbility, ...]
    asked: int


@dataclass(frozen=True, slots=True)
class TopicResult:
    """What a test of one topic found."""

    placement: Placement
    topic: Topic
    passed: bool
    asked: int


Step = Question | Result | TopicResult


async def start(
    session: AsyncSession,
    curriculum: Curriculum,
    learner: Learner,
    topic: Topic | None,
    now: datetime,
    rng: np.random.Generator,
) -> Step:
    """Begin a test of everything or of one topic, or go on with the one that was left."""
    await lock(session, learner)
    number = topic.number if topic else None
    placement = await _unfinished(session, learner, number, now)
    if placement is None:
        placement = Placement(learner_id=learner.id, topic=number, started_at=now)
        session.add(placement)
        await session.flush()
    return await _next(session, curriculum, learner, placement, now, rng)


async def answer(
    session: AsyncSession,
    curriculum: Curriculum,
    learner: Learner,
    response_id: int,
    given: str,
    now: datetime,
    rng: np.random.Generator,
) -> Step:
    """Take an answer, pressed or typed, and go on. Raises UserError when the question is not open for this learner."""
    await lock(session, learner)
    response = await session.get(Response, response_id, populate_existing=True)
    if response is None or response.learner_id != learner.id or response.placement_id is None:
        raise UserError("That question is no longer open.", "`/placement` goes on with your test.")
    if response.answered_at is not None:
        raise UserError("You have answered that one already.", "`/placement` goes on where you are.")
    placement = await session.get_one(Placement, response.placement_id)
    drill = curriculum.find_drill(response.item)
    if drill and (note := await record(session, response, drill, given, now)):
        return replace(await _question(session, curriculum, learner, placement, response), note=note)
    return await _next(session, curriculum, learner, placement, now, rng)


async def record(session: AsyncSession, response: Response, drill: Drill, given: str, now: datetime) -> str:
    """Store an answer; return what was expected instead when it was not understood, and nothing is stored."""
    verdict = drill.check(given)
    unsure = not verdict.right and _NOT_SURE.fullmatch(given.strip(" .!")) is not None
    if not unsure and not verdict.understood:
        return verdict.explanation
    closed = (
        update(Response)
        .where(col(Response.id) == response.id, col(Response.answered_at).is_(None))
        .values(answer=given[:500], right=None if unsure else verdict.right, answered_at=now)
    )
    first: CursorResult[int] = await session.exec(closed)
    if first.rowcount == 0:  # pressed twice at once
        raise UserError("You have answered that one already.")
    await session.refresh(response)
    return ""


async def latest_open(session: AsyncSession, curriculum: Curriculum, learner: Learner) -> Question | None:
    """Return the item a learner has before them, of a test or as the day's item: a typed answer belongs to it."""
    asked = select(Response).where(Response.learner_id == learner.id, col(Response.answered_at).is_(None))
    for response in await session.exec(asked.order_by(col(Response.asked_at).desc(), col(Response.id).desc())):
        drill = curriculum.find_drill(response.item)
        if drill and response.placement_id is None:
            return Question(response, drill, None, 1, 1)
        if drill and response.placement_id:
            placement = await session.get_one(Placement, response.placement_id)
            return await _question(session, curriculum, learner, placement, response)
    return None


async def stop(session: AsyncSession, learner: Learner) -> None:
    """Leave the tests for now: what was answered stays, and the open question is taken back."""
    await session.exec(
        delete(Response).where(
            col(Response.learner_id) == learner.id,
            col(Response.placement_id).is_not(None),
            col(Response.answered_at).is_(None),
        )
    )


async def choose_level(
    session: AsyncSession, curriculum: Curriculum, learner: Learner, placement_id: int, level: str
) -> Result:
    """Take the learner's own choice between two levels that the test could not tell apart."""
    placement = await session.get(Placement, placement_id)
    if placement is None or placement.learner_id != learner.id or placement.finished_at is None or placement.topic:
        raise UserError("That choice is not yours to make.", "`/placement` finds your own level.")
    found = await result(session, curriculum, learner, placement)
    if level not in found.choice:
        raise UserError("The test was clear about your level.", "`/placement` tests it again.")
    placement.level = learner.level = level
    session.add_all([placement, learner])
    await badge.award_level(session, learner, placement.finished_at)
    return replace(found, level=level)


async def result(session: AsyncSession, curriculum: Curriculum, learner: Learner, placement: Placement) -> Result:
    """Return what a test of everything has found so far."""
    test = await _load(session, curriculum, learner, placement)
    bands = test.bands()
    best = int(bands.argmax())
    two = sorted(np.argsort(bands)[-2:])
    means, sds = irt.estimate(irt.topic_posteriors(test.prior, test.by_topic()))
    return Result(
        placement,
        level=placement.level or LEVELS[best],
        probability=float(bands[best]),
        choice=tuple(LEVELS[i] for i in two) if bands[best] < CLEAR else (),
        topics=tuple(
            TopicAbility(topic, float(means[topic.number - 1]), float(sds[topic.number - 1]))
            for topic in curriculum.topics
        ),
        asked=len(test.asked),
    )


async def lock(session: AsyncSession, learner: Learner) -> None:
    """Let nobody else ask this learner anything until the transaction ends: they may have two devices."""
    await session.exec(select(Learner.id).where(Learner.id == learner.id).with_for_update())


async def _next(
    session: AsyncSession,
    curriculum: Curriculum,
    learner: Learner,
    placement: Placement,
    now: datetime,
    rng: np.random.Generator,
) -> Step:
    """Put the open question again, or the next one, or end the test."""
    if response := await _open(session, curriculum, placement):
        return await _question(session, curriculum, learner, placement, response)
    test = await _load(session, curriculum, learner, placement)
    item = None if test.is_over() else test.choose(rng)
    if item is not None:
        response = Response(
            learner_id=learner.id, placement_id=placement.id, item=test.bank.drills[item].id, asked_at=now
        )
        session.add(response)
        await session.flush()
        return _draw_up(curriculum, test, response)
    if not test.asked:
        raise UserError("There are no questions for that test yet.", "`/lesson` lists what there is.")
    return await _finish(session, curriculum, learner, placement, test, now)


async def _finish(
    session: AsyncSession,
    curriculum: Curriculum,
    learner: Learner,
    placement: Placement,
    test: AdaptiveTest,
    now: datetime,
) -> Result | TopicResult:
    mean, sd = irt.estimate(test.ability())
    placement.finished_at, placement.ability, placement.ability_sd = now, float(mean), float(sd)
    session.add(placement)
    if topic := _topic(curriculum, placement.topic):
        return await _finish_topic(session, topic, learner, placement, test, now)
    found = await result(session, curriculum, learner, placement)
    placement.level = learner.level = found.level
    learner.ability, learner.ability_sd = placement.ability, placement.ability_sd
    session.add(learner)
    if not found.choice:
        await badge.award_level(session, learner, now)
    return found


async def _finish_topic(
    session: AsyncSession,
    topic: Topic,
    learner: Learner,
    placement: Placement,
    test: AdaptiveTest,
    now: datetime,
) -> TopicResult:
    passed = bool(test.bands()[-1] >= CLEAR)
    if passed:
        for lesson in topic.lessons:
            await _test_out(session, learner, lesson.slug, now)
    return TopicResult(placement, topic, passed, len(test.asked))


async def _test_out(session: AsyncSession, learner: Learner, slug: str, now: datetime) -> None:
    known = Progress(learner_id=learner.id, lesson=slug, status="tested_out", changed_at=now)
    if not await insert_new(session, known):
        row = (col(Progress.learner_id) == learner.id, col(Progress.lesson) == slug)
        await session.exec(update(Progress).where(*row).values(status="tested_out", changed_at=now))


async def _unfinished(session: AsyncSession, learner: Learner, topic: int | None, now: datetime) -> Placement | None:
    """Return the test to go on with; one that was left weeks ago no longer says what the learner knows."""
    left = (
        select(Placement)
        .where(Placement.learner_id == learner.id, col(Placement.finished_at).is_(None))
        .where(col(Placement.topic).is_not_distinct_from(topic), col(Placement.started_at) > now - RESUMABLE)
        .order_by(col(Placement.started_at).desc())
    )
    return (await session.exec(left)).first()


async def _open(session: AsyncSession, curriculum: Curriculum, placement: Placement) -> Response | None:
    """Return the question that is open; one that was deleted from the content since is taken back."""
    asked = select(Response).where(Response.placement_id == placement.id, col(Response.answered_at).is_(None))
    response = (await session.exec(asked)).first()
    if response and curriculum.find_drill(response.item) is None:
        await session.delete(response)
        await session.flush()
        return None
    return response


async def _question(
    session: AsyncSession, curriculum: Curriculum, learner: Learner, placement: Placement, response: Response
) -> Question:
    test = await _load(session, curriculum, learner, placement)
    return _draw_up(curriculum, test, response)


def _draw_up(curriculum: Curriculum, test: AdaptiveTest, response: Response) -> Question:
    drill = curriculum.drill(response.item)
    return Question(response, drill, _topic(curriculum, test.topic), len(test.asked) + 1, test.limit)


def _topic(curriculum: Curriculum, number: int | None) -> Topic | None:
    return next((topic for topic in curriculum.topics if topic.number == number), None)


async def _load(session: AsyncSession, curriculum: Curriculum, learner: Learner, placement: Placement) -> AdaptiveTest:
    bank = await item_bank(session, curriculum)
    responses = (
        await session.exec(select(Response).where(Response.learner_id == learner.id).order_by(col(Response.id)))
    ).all()
    places = bank.indices(response.item for response in responses)
    given = [r for r in responses if r.placement_id == placement.id and r.answered_at and r.item in places]
    return AdaptiveTest(
        bank,
        await _prior(session, learner, placement),
        placement.topic,
        asked=tuple(places[r.item] for r in given),
        right=tuple(bool(r.right) for r in given),
        unsure=tuple(r.right is None for r in given),
        seen=frozenset(places[r.item] for r in responses if r.item in places and r.placement_id != placement.id),
    )


async def _prior(session: AsyncSession, learner: Learner, placement: Placement) -> irt.Array:
    """Return what is known of the overall ability: from the last test of everything, or from the interview."""
    if placement.topic is not None and learner.ability is not None and learner.ability_sd is not None:
        return irt.normal(learner.ability, learner.ability_sd)
    said = background.of(await interview.answers(session, learner))
    return prior(said.level if said.deep_learning else None)
