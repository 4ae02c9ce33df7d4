"""The curriculum: lessons, their drills, and how an answer is marked. Knows no chat and no bot."""

from lessons.answer import Answer, Option
from lessons.drill import Drill, Kind, Verdict
from lessons.glossary import Term, glossary, terms_of
from lessons.guide import Guide, guides
from lessons.index import Curriculum, UnknownDrill, UnknownLesson, curriculum
from lessons.lesson import Lesson, Level, Section, Topic
from lessons.page import LessonError
from lessons.project import Milestone, Project, Question, projects
from lessons.template import Profile, Template, profiles, render, templates

__all__ = [
    "Answer",
    "Curriculum",
    "Drill",
    "Guide",
    "Kind",
    "Lesson",
    "LessonError",
    "Level",
    "Milestone",
    "Option",
    "Profile",
    "Project",
    "Question",
    "Section",
    "Template",
    "Term",
    "Topic",
    "UnknownDrill",
    "UnknownLesson",
    "Verdict",
    "curriculum",
    "glossary",
    "guides",
    "profiles",
    "projects",
    "render",
    "templates",
    "terms_of",
]
