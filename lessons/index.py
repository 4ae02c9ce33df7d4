"""All lessons, in order, and how to find one."""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache, cached_property
from itertools import groupby
from pathlib import Path
from types import MappingProxyType

from ruamel.yaml import YAML

from lessons.drill import Drill
from lessons.lesson import Lesson, Topic
from lessons.lesson_parser import read_lesson
from lessons.page import slug

FOLDER = Path(__file__).parent
REDIRECTS = "redirects.yaml"


class UnknownLesson(LookupError):  # noqa: N818
    """No lesson has this slug, id or title; `nearest` are the titles that come close."""

    def __init__(self, name: str, nearest: tuple[str, ...]) -> None:
        meant = f" Did you mean {' or '.join(nearest)}?" if nearest else ""
        super().__init__(f"There is no lesson {name!r}.{meant}")
        self.name, self.nearest = name, nearest


class UnknownDrill(LookupError):  # noqa: N818
    """No lesson has a drill with this id."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no drill {name!r}; a drill's id looks like 'basic-training-loop/d1'.")


class Curriculum:
    """The lessons in the order of their ids; `redirects` leads from a lesson's former slugs to the one it has now."""

    def __init__(self, lessons: tuple[Lesson, ...], redirects: Mapping[str, str] = MappingProxyType({})) -> None:
        self.lessons = lessons
        self.redirects = redirects
        self._by_name = {slug(each.title): each for each in reversed(lessons)}  # of two with one title, the earlier
        self._by_name |= {name: each for each in lessons for name in (each.id, each.slug)}
        self._drills = {drill.id: drill for lesson in lessons for drill in lesson.drills}

    @cached_property
    def topics(self) -> tuple[Topic, ...]:
        """The topics that have lessons, in order."""
        grouped = groupby(self.lessons, key=lambda each: (each.topic, each.topic_slug, each.topic_title))
        return tuple(Topic(*facts, lessons=tuple(lessons)) for facts, lessons in grouped)

    @property
    def drills(self) -> tuple[Drill, ...]:
        """Every drill, in the order of the lessons."""
        return tuple(self._drills.values())

    def lesson(self, name: str) -> Lesson:
        """Return the lesson with this slug, past or present, id or title; raises UnknownLesson with the nearest."""
        now = self.redirects.get(slug(name), "")
        found = self._by_name.get(name.strip()) or self._by_name.get(slug(name)) or self._by_name.get(now)
        if found is None:
            close = get_close_matches(slug(name), [each.slug for each in self.lessons], n=2)
            raise UnknownLesson(name, tuple(self._by_name[slug].title for slug in close))
        return found

    def find_drill(self, name: str) -> Drill | None:
        """Return the drill with this id; None when it is no longer in the content."""
        lesson, _, number = name.partition("/")
        return self._drills.get(name) or self._drills.get(f"{self.redirects.get(lesson, lesson)}/{number}")

    def drill(self, name: str) -> Drill:
        """Return the drill with this id, such as `basic-training-loop/d1`; raises UnknownDrill."""
        if found := self.find_drill(name):
            return found
        raise UnknownDrill(name)


@cache
def curriculum() -> Curriculum:
    """Return the lessons that come with the package; raises LessonError when one is malformed."""
    titles = topic_titles(FOLDER)
    lessons = tuple(read_lesson(file, titles[file.parent.name]) for file in lesson_files(FOLDER))
    return Curriculum(lessons, redirects(FOLDER))


def lesson_files(folder: Path) -> list[Path]:
    """Return the files of the lessons in `folder`, in order."""
    return sorted(folder.glob("[0-9][0-9]-*/*.md"))


def topic_titles(folder: Path) -> dict[str, str]:
    """Return the topics' titles by folder name."""
    titles: dict[str, str] = YAML(typ="base", pure=True).load(folder / "topics.yaml")
    return titles


def redirects(folder: Path) -> dict[str, str]:
    """Return the slugs that lessons had before, and the ones they have now."""
    table: dict[str, str] | None = YAML(typ="base", pure=True).load(folder / REDIRECTS)
    return table or {}
