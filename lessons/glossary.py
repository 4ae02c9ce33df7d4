"""The glossary: every term that a lesson introduces, in a sentence or two, with the lesson that explains it.

An entry is a paragraph of `glossary.md`: the term in bold, a colon, what it means, and in brackets links to its
lessons.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lessons.index import FOLDER
from lessons.lesson import Lesson
from lessons.links import lessons_named, without_links
from lessons.page import Page, first_line, plain, slug

FILE = "glossary.md"
_ENTRY = re.compile(r"\*\*(?P<term>[^*]+)\*\*: (?P<meaning>.+?) \((?P<lessons>\[.+\))\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Term:
    """One entry; `lessons` are the slugs of those that introduce it, `line` is where it stands in the file."""

    term: str
    meaning: str
    lessons: tuple[str, ...]
    line: int

    @property
    def order(self) -> str:
        """What the glossary is sorted by: letters and digits, whatever their case."""
        return slug(self.term)


@cache
def glossary() -> tuple[Term, ...]:
    """Return the entries of the glossary that comes with the package; raises LessonError when one is malformed."""
    return read_glossary(FOLDER / FILE)


def terms_of(lesson: Lesson) -> tuple[Term, ...]:
    """Return the entries of a lesson's terms, in the lesson's order."""
    entries = {entry.term: entry for entry in glossary()}
    return tuple(entries[term] for term in lesson.terms if term in entries)


def read_glossary(file: Path) -> tuple[Term, ...]:
    """Return the entries of a glossary's file; raises LessonError with the line of the first that is malformed."""
    page = Page.read(file, f"lessons/{FILE}")
    first = next((index for index, node in enumerate(page.blocks) if node.tag == "h2"), len(page.blocks))
    entries = []
    for node in page.blocks[first:]:
        if node.tag == "h2":
            continue
        match = _ENTRY.fullmatch(plain(node))
        if match is None:
            raise page.error(
                first_line(node), "an entry is `**term**: what it means ([1.4 Title](a link to its lesson))`"
            )
        named = lessons_named(match["lessons"])
        if not named:
            raise page.error(first_line(node), f'"{match["term"]}" links to no lesson')
        entries.append(Term(match["term"], without_links(match["meaning"]).replace("\n", " "), named, first_line(node)))
    return tuple(entries)
