"""Guides: what to look up while training, beside the lessons. Each of their sections is a page with an anchor."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from lessons.front_matter import Text, read_front_matter
from lessons.index import FOLDER
from lessons.lesson import Section
from lessons.page import Page, first_line, plain


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    number: Annotated[int, Field(ge=1, description="its place among the guides")]
    title: Text
    about: Text
    checked_with: dict[Text, Text]
    sources: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Guide:
    """One guide; `name` is its file's, and `about` says in a sentence what it is for."""

    name: str
    number: int
    title: str
    about: str
    checked_with: Mapping[str, str]
    sources: tuple[str, ...]
    sections: tuple[Section, ...]
    path: str

    def page_of(self, anchor: str) -> int | None:
        """Return the index of the section with this anchor; None when there is none."""
        return next((index for index, section in enumerate(self.sections) if section.anchor == anchor), None)


@cache
def guides() -> tuple[Guide, ...]:
    """Return the guides that come with the package, in order; raises LessonError when one is malformed."""
    return tuple(sorted(map(read_guide, guide_files(FOLDER)), key=lambda guide: guide.number))


def guide_files(folder: Path) -> list[Path]:
    """Return the files of the guides below `folder`, by name."""
    return sorted(folder.glob("guides/*.md"))


def read_guide(file: Path) -> Guide:
    """Return the guide in a file; raises LessonError with the line of what is malformed."""
    page = Page.read(file)
    facts = read_front_matter(page, _Facts)
    sections = tuple(
        Section(plain(heading), page.text(nodes), first_line(nodes[0] if nodes else heading))
        for heading, nodes in page.parts("a guide's first `##` heading")
    )
    return Guide(name=file.stem, **facts.model_dump(), sections=sections, path=page.path)
