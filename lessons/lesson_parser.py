"""Reads one lesson: front matter, sections and drills."""

import re
from pathlib import Path

from lessons.drill_parser import read_drills
from lessons.front_matter import FrontMatter, read_front_matter
from lessons.lesson import Lesson, Section
from lessons.page import Page, Part, first_line, is_fence, plain

_FOLDER = re.compile(r"(?P<number>\d\d)-(?P<slug>[a-z0-9-]+)")
_FILE = re.compile(r"(?P<number>[1-9])-(?P<slug>[a-z0-9-]+)\.md")


def read_lesson(file: Path, topic_title: str) -> Lesson:
    """Return the lesson in `NN-topic/N-lesson.md`; raises LessonError with the line of what is malformed."""
    page = Page.read(file)
    folder, name = _FOLDER.fullmatch(file.parent.name), _FILE.fullmatch(file.name)
    if folder is None or name is None:
        raise page.error(1, "a lesson's file is named like `01-training-fundamentals/4-basic-training-loop.md`")
    facts = read_front_matter(page, FrontMatter)
    if facts.id != (expected := f"{int(folder['number'])}.{name['number']}"):
        raise page.error(2, f'id: the folder and the file say "{expected}", not "{facts.id}"')
    *sections, (last, drills) = page.parts("a lesson's `## Why`")
    if plain(last) != "Drills":
        raise page.error(first_line(last), "a lesson ends with `## Drills`")
    return Lesson(
        **facts.model_dump(),
        slug=name["slug"],
        topic=int(folder["number"]),
        topic_slug=folder["slug"],
        topic_title=topic_title,
        sections=tuple(
            Section(plain(heading), page.text(nodes), first_line(nodes[0] if nodes else heading))
            for heading, nodes in sections
        ),
        try_it=_first_yaml(sections, "Try it"),
        drills=read_drills(page, drills, name["slug"]),
        path=page.path,
    )


def _first_yaml(parts: list[Part], title: str) -> str | None:
    blocks = (node for heading, nodes in parts if plain(heading) == title for node in nodes)
    return next((node.content for node in blocks if is_fence(node, "yaml")), None)
