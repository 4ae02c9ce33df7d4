"""Lessons with drills of several kinds, and learners who answer them."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.tables import Learner
from bot.study import drill
from bot.study.drill import Question
from lessons import Curriculum, Drill, Lesson, Option, Section
from lessons.answer import OneOf, Output, Refusal, Rubric
from lessons.number import Number

OPTIONS = (
    Option("Loss scaling", right=True, explanation="Small gradients become zero in fp16."),
    Option("A larger batch", explanation="Batch size does not change the range."),
    Option("More epochs", explanation="Time does not either."),
    Option("Dropout", explanation="That is about overfitting."),
)


def choice(lesson: str, name: str = "d1", *, placement: bool = False) -> Drill:
    """A question with four options, two hints."""
    return Drill(
        f"{lesson}/{name}", lesson, "choice", 2, "What does fp16 need?", OPTIONS, OneOf(OPTIONS),
        ("Think of small numbers.", "Think of gradients."), OPTIONS[0].explanation, placement, 1,
    )  # fmt: skip


def number(lesson: str, name: str = "d2") -> Drill:
    """A question for a number, without a hint."""
    return Drill(
        f"{lesson}/{name}", lesson, "number", 3, "How many steps?", (), Number(250, "steps"), (), "4,000 rows by 16.",
        False, 1,
    )  # fmt: skip


def short(lesson: str, name: str = "d3") -> Drill:
    """A question for a sentence."""
    refused = Refusal(("vanish*",), "They do not vanish: they pile up.")
    return Drill(
        f"{lesson}/{name}", lesson, "short", 3, "What does backward do with .grad?", (),
        Rubric("It adds to what is there.", (("add*",),), (refused,)), (), "Clear it each step.", False, 1,
    )  # fmt: skip


def output(lesson: str, name: str = "d4") -> Drill:
    """A question for what a program prints."""
    return Drill(
        f"{lesson}/{name}", lesson, "output", 2, "What does it print?", (), Output("8.0"), (), "4 + 4.", False, 1
    )


def lesson(slug: str, number_: str, needs: Sequence[str] = (), drills: Sequence[Drill] | None = None) -> Lesson:
    """A lesson of the topic that its number says."""
    topic = int(number_.split(".")[0])
    drills = (choice(slug), number(slug)) if drills is None else tuple(drills)
    return Lesson(
        number_, slug, topic, f"topic-{topic}", f"Topic {topic}", slug.title(), "beginner", 20, tuple(needs), (), False,
        {}, (), (Section("Why", "", 1),), None, drills, "",
    )  # fmt: skip


def only(*drills: Drill) -> Curriculum:
    """A curriculum of one lesson, `loop`, with these drills."""
    return Curriculum((lesson("loop", "1.1", drills=drills),))


LESSONS = Curriculum(
    (
        lesson("loop", "1.1"),
        lesson("metrics", "1.2"),
        lesson("tokens", "2.1"),
        lesson("batches", "2.2", ["tokens"]),
        lesson("peft", "3.1"),
    )
)


def without(curriculum: Curriculum, drill_id: str) -> Curriculum:
    """The same lessons less one drill."""
    lessons = (replace(each, drills=tuple(d for d in each.drills if d.id != drill_id)) for each in curriculum.lessons)
    return Curriculum(tuple(lessons))


class Student:
    """A learner with a curriculum, who takes new lessons in its order."""

    def __init__(self, session: AsyncSession, learner: Learner, curriculum: Curriculum = LESSONS) -> None:
        self.session, self.learner, self.curriculum = session, learner, curriculum

    @classmethod
    async def of(cls, session: AsyncSession, learner: Learner, curriculum: Curriculum = LESSONS) -> "Student":
        """The same learner, in this session."""
        return cls(session, await session.get_one(Learner, learner.id), curriculum)

    async def to_begin(self, known: Collection[str]) -> list[Lesson]:
        """What may begin: what is needed is known."""
        return [each for each in self.curriculum.lessons if each.slug not in known and set(each.needs) <= set(known)]

    async def ask(self, now: datetime, slug: str | None = None) -> Question | None:
        """Take the next question."""
        wanted = self.curriculum.lesson(slug) if slug else None
        return await drill.next_question(self.session, self.curriculum, self.learner, wanted, self.to_begin, now)

    async def answer(self, question: Question, given: str, now: datetime) -> drill.Answered:
        """Answer a question."""
        return await drill.answer(self.session, self.curriculum, self.learner, question.review.id, given, now)

    async def right(self, question: Question, now: datetime) -> drill.Answered:
        """Answer a question rightly."""
        return await self.answer(question, {"choice": "a", "number": "250"}[question.drill.kind], now)
