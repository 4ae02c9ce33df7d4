"""The learner's path through the lessons: what comes next, and why.

`order` is pure: prerequisites first, the learner's goal before the rest, and nothing that they know already. Finishing,
skipping, testing out, failing drills and a run's findings change what it is given, and so change the path.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.errors import UserError
from bot.store.database import insert_new
from bot.store.tables import Card, Learner, Progress, Review, Run
from bot.study import mastery, streak
from lessons import Curriculum, Lesson

# The topics that a goal asks for first, the dearest first. What they need comes before them whatever its topic.
PREFERRED: Mapping[str, tuple[int, ...]] = {
    "fine-tune": (3, 9, 6, 8),
    "understand": (1, 2, 3, 6),
    "ship": (4, 8, 5, 11),
    "research": (8, 13, 12, 7),
}
GOALS: Mapping[str, str] = {
    "fine-tune": "fine-tuning",
    "understand": "understanding training",
    "ship": "shipping",
    "research": "research",
}
BANDS: Mapping[str, int] = {"beginner": 0, "intermediate": 1, "advanced": 2}
STATUSES: Mapping[str, str] = {"read": "read", "tested_out": "tested out", "skipped": "skipped", "reading": "begun"}
DONE = ("read", "skipped", "tested_out")
REVIEWS_READ = 300
WEAK_OF_LAST, WEAK_WRONG = 3, 2  # drills of a lesson: so many of the last wrong, and it is worth reading again


@dataclass(frozen=True, slots=True)
class Wish:
    """A run's finding that asks for a lesson, and when the run ended."""

    run: int
    rule: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Drilled:
    """How the drills of a lesson went, the latest first, and when the latest was answered."""

    at: datetime
    rights: tuple[bool, ...]

    @property
    def went_wrong(self) -> bool:
        """Say whether the last answers were wrong often enough to read the lesson again."""
        return self.rights[:WEAK_OF_LAST].count(False) >= WEAK_WRONG


@dataclass(frozen=True, slots=True)
class Standing:
    """All that the order depends on. Lessons are named by slug.

    `placed` says that the level was measured and not only claimed: then what is below it counts as known.
    """

    level: str | None = None
    placed: bool = False
    goal: str | None = None
    progress: Mapping[str, Progress] = field(default_factory=dict)
    drilled: Mapping[str, Drilled] = field(default_factory=dict)
    mastered: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()
    wishes: Mapping[str, Wish] = field(default_factory=dict)

    def status(self, slug: str) -> str | None:
        """Return what the learner did with a lesson; None: nothing yet."""
        row = self.progress.get(slug)
        return row.status if row else None

    def read_since(self, slug: str, at: datetime) -> bool:
        """Say whether a lesson was read to its end after some moment."""
        row = self.progress.get(slug)
        return row is not None and row.status in ("read", "tested_out") and row.changed_at > at

    def below(self, lesson: Lesson) -> bool:
        """Say whether a lesson is of a lower level than the learner."""
        return BANDS[lesson.level] < BANDS[self.level or "beginner"]

    def done(self, lesson: Lesson) -> bool:
        """Say whether a lesson is behind the learner, or was mastered in drills alone."""
        if lesson.slug in self.weak:
            return False
        return self.status(lesson.slug) in DONE or lesson.slug in self.mastered or (self.placed and self.below(lesson))


@dataclass(frozen=True, slots=True)
class Step:
    """One lesson to come, with the reason for its place: words that end a sentence."""

    lesson: Lesson
    reason: str


@dataclass(frozen=True, slots=True)
class Path:
    """What is before a learner, in order, and where they stand."""

    steps: tuple[Step, ...]
    standing: Standing

    @property
    def next(self) -> Step | None:
        """What comes next; None at the end."""
        return self.steps[0] if self.steps else None

    def to_drill(self, curriculum: Curriculum, known: Container[str]) -> list[Lesson]:
        """Return the lessons whose drills may begin, in order; `known` are those whose drills have begun.

        What was read comes first, then the path, as far as what a lesson needs is done or being drilled.
        """
        read = [each for each in curriculum.lessons if self.standing.status(each.slug) == "read"]
        ahead = [step.lesson for step in self.steps if self._may_begin(curriculum, step.lesson, known)]
        ordered = {lesson.slug: lesson for lesson in (*read, *ahead)}
        return [lesson for slug, lesson in ordered.items() if slug not in known]

    def _may_begin(self, curriculum: Curriculum, lesson: Lesson, known: Container[str]) -> bool:
        needs = [each for each in curriculum.lessons if each.slug in lesson.needs]
        return all(need.slug in known or self.standing.done(need) or self.standing.below(need) for need in needs)


def order(curriculum: Curriculum, standing: Standing) -> tuple[Step, ...]:
    """Return the lessons that are before a learner, each with its reason.

    First what a run asked for, then what is begun, then what went wrong in drills; then the goal's topics with all
    they need, and the rest, level by level.
    """
    lessons = {lesson.slug: lesson for lesson in curriculum.lessons}
    steps: dict[str, Step] = {}
    for lesson, reason in _urgent(lessons, standing):
        steps.setdefault(lesson.slug, Step(lesson, reason))
    for lesson in sorted(lessons.values(), key=lambda each: _rank(each, standing)):
        if not standing.done(lesson) and not standing.below(lesson):
            _add(lesson, lesson, lessons, standing, steps)
    return tuple(steps.values())


def _urgent(lessons: Mapping[str, Lesson], standing: Standing) -> Iterator[tuple[Lesson, str]]:
    """Yield what comes before everything else, even before what it needs: it is fresh in memory."""
    for slug, wish in standing.wishes.items():
        if slug in lessons and not (wish.at and standing.read_since(slug, wish.at)):
            yield lessons[slug], f"because of what run {wish.run} showed: {wish.rule.replace('_', ' ')}"
    begun = [row for row in standing.progress.values() if row.status == "reading" and row.lesson in lessons]
    for row in sorted(begun, key=lambda each: each.changed_at, reverse=True):
        yield lessons[row.lesson], f"you are on page {row.page + 1} of {len(lessons[row.lesson].sections)}"
    for slug, lesson in lessons.items():
        if slug in standing.weak:
            yield lesson, "your last answers on it went wrong"


def _rank(lesson: Lesson, standing: Standing) -> tuple[int, int, int, int]:
    """Return what the path is sorted by: the level, the goal's topics, and the curriculum's own order.

    A topic that the goal asks for comes one level early, but not before the learner's own.
    """
    topics = PREFERRED.get(standing.goal or "", ())
    band = BANDS[lesson.level]
    if lesson.topic not in topics:
        return band, len(topics), lesson.topic, _position(lesson)
    own = BANDS[standing.level or "beginner"]
    return min(band, max(own, band - 1)), topics.index(lesson.topic), lesson.topic, _position(lesson)


def _position(lesson: Lesson) -> int:
    return int(lesson.id.partition(".")[2])


def _add(
    lesson: Lesson, target: Lesson, lessons: Mapping[str, Lesson], standing: Standing, steps: dict[str, Step]
) -> None:
    """Put a lesson at the end of the path, after what it needs."""
    if lesson.slug in steps:
        return
    for need in (lessons[slug] for slug in lesson.needs if slug in lessons):
        # Of what is below the learner's level only the nearest is worth a look: the rest they would have missed by now.
        if not standing.done(need) and not standing.below(lesson):
            _add(need, target, lessons, standing, steps)
    steps[lesson.slug] = Step(lesson, _reason(lesson, target, standing))


def _reason(lesson: Lesson, target: Lesson, standing: Standing) -> str:
    if standing.below(lesson):
        return f"you need it for {target.title}; test out of it if you know it"
    if lesson is not target:
        return f"you need it for {target.title}"
    goal = standing.goal or ""
    for_goal = f", for your goal: {GOALS[goal]}" if lesson.topic in PREFERRED.get(goal, ()) else ""
    return f"next in {lesson.topic_title}{for_goal}"


async def path(
    session: AsyncSession, curriculum: Curriculum, learner: Learner, mastered: frozenset[str] | None = None
) -> Path:
    """Return a learner's path, from three queries, and two more where the lessons that are `mastered` are not given."""
    if mastered is None:
        mastered = mastery.mastered(await mastery.of(session, learner, curriculum))
    standing = Standing(
        level=learner.level,
        placed=learner.ability is not None,
        goal=learner.goal,
        progress=await _progress(session, learner),
        drilled=await _drilled(session, learner),
        mastered=mastered,
        wishes=await _wishes(session, learner),
    )
    standing = replace(standing, weak=_weak(standing))
    return Path(order(curriculum, standing), standing)


def _weak(standing: Standing) -> frozenset[str]:
    """Return the lessons whose drills went wrong, unless they were read again or mastered since."""
    wrong = (
        slug for slug, each in standing.drilled.items() if each.went_wrong and not standing.read_since(slug, each.at)
    )
    return frozenset(wrong) - standing.mastered


async def _progress(session: AsyncSession, learner: Learner) -> dict[str, Progress]:
    rows = await session.exec(select(Progress).where(Progress.learner_id == learner.id))
    return {row.lesson: row for row in rows}


async def _wishes(session: AsyncSession, learner: Learner) -> dict[str, Wish]:
    wanted = select(Card.lesson, Run.number, Run.findings, Run.finished_at).join(
        Run, col(Run.id) == col(Card.wanted_by)
    )
    rows = await session.exec(wanted.where(Card.learner_id == learner.id).order_by(col(Run.number).desc()))
    return {lesson: Wish(number, _rule(findings or [], lesson), at) for lesson, number, findings, at in rows}


def _rule(findings: Sequence[Mapping[str, str]], lesson: str) -> str:
    return next((finding["rule"] for finding in findings if finding["lesson"] == lesson), "worth a second look")


async def _drilled(session: AsyncSession, learner: Learner) -> dict[str, Drilled]:
    answered = select(Card.lesson, Review.right, Review.answered_at).join(Card, col(Card.id) == col(Review.card_id))
    mine = answered.where(Review.learner_id == learner.id, col(Review.right).is_not(None))
    found: dict[str, Drilled] = {}
    for lesson, right, at in await session.exec(mine.order_by(col(Review.answered_at).desc()).limit(REVIEWS_READ)):
        if at:
            before = found.get(lesson, Drilled(at, ()))
            found[lesson] = Drilled(before.at, (*before.rights, bool(right)))
    return found


async def opened(session: AsyncSession, learner: Learner, lesson: Lesson, page: int, now: datetime) -> None:
    """Note that a learner opened a page: the lesson is being read, and read from its last page on.

    What was read or tested out stays so when it is looked up again; what was skipped is taken up.
    """
    row = await _row(session, learner, lesson.slug, now)
    if page == len(lesson.sections) - 1 and row.status != "tested_out":
        row.status = "read"
    elif row.status == "skipped":
        row.status = "reading"
    row.page, row.changed_at = page, now
    session.add(row)
    await streak.note_activity(session, learner, now)


async def page_of(session: AsyncSession, learner: Learner, lesson: Lesson) -> int:
    """Return the page on which a learner left a lesson; 0 for one that is not being read or has changed since."""
    row = await session.get(Progress, (learner.id, lesson.slug))
    return row.page if row and row.status == "reading" and row.page < len(lesson.sections) else 0


async def skip(session: AsyncSession, learner: Learner, lesson: Lesson, now: datetime) -> None:
    """Leave a lesson out. Raises UserError when there is nothing to leave out."""
    row = await _row(session, learner, lesson.slug, now)
    if row.status in DONE:
        raise UserError(f"{lesson.title} is behind you already: {row.status.replace('_', ' ')}.", "`/plan` has more.")
    row.status, row.changed_at = "skipped", now
    session.add(row)


async def unskip(session: AsyncSession, learner: Learner, lesson: Lesson, now: datetime) -> None:
    """Take a skipped lesson up again, on the page where it was left. Raises UserError when it was not skipped."""
    row = await session.get(Progress, (learner.id, lesson.slug))
    if row is None or row.status != "skipped":
        raise UserError(f"{lesson.title} is not skipped.", "`/plan` shows what is.")
    if row.page:
        row.status, row.changed_at = "reading", now
        session.add(row)
    else:
        await session.delete(row)
    await session.flush()


async def _row(session: AsyncSession, learner: Learner, slug: str, now: datetime) -> Progress:
    """Return a learner's row for a lesson, made on first sight; two devices make it once."""
    await insert_new(session, Progress(learner_id=learner.id, lesson=slug, status="reading", changed_at=now))
    return await session.get_one(Progress, (learner.id, slug))


def set_goal(session: AsyncSession, learner: Learner, goal: str) -> None:
    """Order the path by another goal."""
    learner.goal = goal
    session.add(learner)
