"""Lessons and topics, as the rest of the program sees them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from lessons.drill import Drill
from lessons.page import slug

Level = Literal["beginner", "intermediate", "advanced"]


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a lesson; `body` is CommonMark, as it stands in the file from `line` on."""

    title: str
    body: str
    line: int

    @property
    def anchor(self) -> str:
        """The title as a link names it."""
        return slug(self.title)


@dataclass(frozen=True, slots=True)
class Lesson:
    """One lesson. The drills are apart from `sections`, so that no answer is shown with the text."""

    id: str
    slug: str
    topic: int
    topic_slug: str
    topic_title: str
    title: str
    level: Level
    minutes: int
    needs: tuple[str, ...]
    terms: tuple[str, ...]
    gpu: bool
    checked_with: Mapping[str, str]
    sources: tuple[str, ...]
    sections: tuple[Section, ...]
    try_it: str | None
    drills: tuple[Drill, ...]
    path: str


@dataclass(frozen=True, slots=True)
class Topic:
    """A folder of lessons."""

    number: int
    slug: str
    title: str
    lessons: tuple[Lesson, ...]
