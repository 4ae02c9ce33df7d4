"""All that tutor and coach may know of a learner, as one typed object. They read this and nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.tables import Learner, Run
from bot.study import background, drill, interview, mastery, plan
from bot.study import run as runs
from bot.study.background import Background
from lessons import Curriculum, Topic

LAST_RUNS = 5
NEXT_STEPS = 3
WEAK_FROM, WEAK_BELOW = 3, 0.7  # of so many answers on a topic, the share that is right


@dataclass(frozen=True, slots=True)
class TopicState:
    """How a learner stands with one topic: lessons behind them, the last drill answers, and mastery.

    `mastery` is the mean over its lessons of the probability that each is known.
    """

    number: int
    title: str
    lessons: int
    done: int
    answered: int
    right: int
    mastery: float

    @property
    def weak(self) -> bool:
        """Say whether enough answers were wrong."""
        return self.answered >= WEAK_FROM and self.right < WEAK_BELOW * self.answered


@dataclass(frozen=True, slots=True)
class RunState:
    """One of the last runs: its score on the hidden test and what its curve showed, gravest first."""

    number: int
    exercise: str
    status: str
    score: float | None
    findings: tuple[Mapping[str, Any], ...]
    queued_at: datetime


@dataclass(frozen=True, slots=True)
class LearnerState:
    """A learner at one moment. `ability` is in logits, on the scale of drill difficulties."""

    name: str
    level: str | None
    ability: float | None
    ability_sd: float | None
    goal: str | None
    background: Background
    topics: tuple[TopicState, ...]
    weak_lessons: tuple[str, ...]
    due: int
    runs: tuple[RunState, ...]
    next: tuple[plan.Step, ...]

    @property
    def weak_topics(self) -> tuple[TopicState, ...]:
        """The topics in which enough answers were wrong, the weakest first."""
        weak = (topic for topic in self.topics if topic.weak)
        return tuple(sorted(weak, key=lambda topic: topic.right / topic.answered))


async def load(session: AsyncSession, curriculum: Curriculum, learner: Learner, now: datetime) -> LearnerState:
    """Return what is known of a learner now."""
    known = await mastery.of(session, learner, curriculum)
    path = await plan.path(session, curriculum, learner, mastery.mastered(known))
    by_topic = mastery.by_topic(known, curriculum)
    return LearnerState(
        name=learner.name,
        level=learner.level,
        ability=learner.ability,
        ability_sd=learner.ability_sd,
        goal=learner.goal,
        background=background.of(await interview.answers(session, learner)),
        topics=tuple(_topic(topic, path.standing, by_topic[topic.number]) for topic in curriculum.topics),
        weak_lessons=tuple(lesson.slug for lesson in curriculum.lessons if lesson.slug in path.standing.weak),
        due=await drill.due_count(session, curriculum, learner, now),
        runs=_runs(await runs.runs_of(session, learner, LAST_RUNS)),
        next=path.steps[:NEXT_STEPS],
    )


def _topic(topic: Topic, standing: plan.Standing, known: float) -> TopicState:
    drilled = [standing.drilled[lesson.slug].rights for lesson in topic.lessons if lesson.slug in standing.drilled]
    return TopicState(
        number=topic.number,
        title=topic.title,
        lessons=len(topic.lessons),
        done=sum(standing.done(lesson) for lesson in topic.lessons),
        answered=sum(map(len, drilled)),
        right=sum(map(sum, drilled)),
        mastery=known,
    )


def _runs(found: Sequence[Run]) -> tuple[RunState, ...]:
    return tuple(
        RunState(run.number, run.exercise, run.status, run.score, tuple(run.findings or ()), run.queued_at)
        for run in found
    )
