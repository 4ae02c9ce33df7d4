"""All topics with their placement items, and learners who take the test as somebody of an ability would."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import numpy as np
from drilled import choice, lesson, output
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.tables import Learner
from bot.study import item_response as irt
from bot.study import placement
from bot.study.item_bank import DISCRIMINATION, author_difficulty
from lessons import Curriculum, Drill, Lesson, Topic

DIFFICULTIES = (1, 3, 5)


def _lesson(topic: int, number: int) -> Lesson:
    """A lesson with three placement items, one of them to be typed, and a drill for every day."""
    slug = f"lesson-{topic}-{number}"
    kinds = (choice(slug, "d1"), output(slug, "d2"), choice(slug, "d3"))
    items = [replace(d, placement=True, difficulty=n) for d, n in zip(kinds, DIFFICULTIES, strict=True)]
    return lesson(slug, f"{topic}.{number}", drills=[*items, choice(slug, "d4")])


EVERYTHING = Curriculum(tuple(_lesson(topic, number) for topic in range(1, 14) for number in range(1, 6)))

RIGHT, WRONG, NOT_SURE = {"choice": "a", "output": "8.0"}, {"choice": "b", "output": "7"}, "not sure"
Answering = Callable[[Drill], str]


def rightly(drill: Drill) -> str:
    """Answer as who knows everything."""
    return RIGHT[drill.kind]


def wrongly(drill: Drill) -> str:
    """Answer as who is sure of the wrong things."""
    return WRONG[drill.kind]


def unsure(drill: Drill) -> str:
    """Answer as who knows nothing and says so."""
    return NOT_SURE


def able(ability: float, rng: np.random.Generator) -> Answering:
    """Answer as somebody of an ability who does not guess."""

    def answer(drill: Drill) -> str:
        topic = EVERYTHING.lesson(drill.lesson).topic
        difficulty = author_difficulty(topic, drill.difficulty)
        return (
            RIGHT[drill.kind]
            if rng.random() < irt.probability_right(ability, DISCRIMINATION, difficulty, 0)
            else NOT_SURE
        )

    return answer


class Candidate:
    """A learner who takes tests."""

    def __init__(self, session: AsyncSession, learner: Learner, now: datetime, curriculum: Curriculum = EVERYTHING):
        self.session, self.learner, self.now, self.curriculum = session, learner, now, curriculum
        self.rng = np.random.default_rng(7)
        self.asked: list[Drill] = []

    async def start(self, topic: Topic | None = None) -> placement.Step:
        """Begin or go on."""
        return await placement.start(self.session, self.curriculum, self.learner, topic, self.now, self.rng)

    async def answer(self, question: placement.Question, given: str) -> placement.Step:
        """Answer one question."""
        response = question.response.id
        return await placement.answer(self.session, self.curriculum, self.learner, response, given, self.now, self.rng)

    async def take(self, answering: Answering, topic: Topic | None = None) -> placement.Result | placement.TopicResult:
        """Take a test to its end."""
        step = await self.start(topic)
        while isinstance(step, placement.Question):
            self.asked.append(step.drill)
            step = await self.answer(step, answering(step.drill))
        return step
