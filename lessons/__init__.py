"""The curriculum: lessons, their drills, and how an answer is marked. Knows no chat and no bot."""

from lessons.answer import Answer, Option
from lessons.drill import Drill, Kind, Verdict
from lessons.index import Curriculum, UnknownDrill, UnknownLesson, curriculum
from lessons.lesson import Lesson, Level, Section, Topic
from lessons.page import LessonError

__all__ = [
    "Answer",
    "Curriculum",
    "Drill",
    "Kind",
    "Lesson",
    "LessonError",
    "Level",
    "Option",
    "Section",
    "Topic",
    "UnknownDrill",
    "UnknownLesson",
    "Verdict",
    "curriculum",
]
