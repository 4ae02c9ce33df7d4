"""Checks what stands around the lessons: guides, projects and the glossary.

Each rule is a function from one of them to the problems it finds; what the loaders refuse is a problem too.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

from lessons.glossary import FILE, Term, read_glossary
from lessons.guide import Guide, guide_files, read_guide
from lessons.lesson import Lesson, Section
from lessons.links import dead_links
from lessons.page import LessonError, blocks
from lessons.project import Project, project_files, read_project
from lessons.readability import hard_to_read

GUIDE_WORDS, PROJECT_WORDS = range(900, 1801), range(900, 2401)
MIN_SOURCES, MIN_CHALLENGES = 2, 4

# A line of the file at hand, and what to mend there; the same with the file's path before it.
Finding = tuple[int, str]
Found = tuple[str, int, str]
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around the lessons, as far as it could be read."""

    guides: tuple[Guide, ...]
    projects: tuple[Project, ...]
    terms: tuple[Term, ...]

    @property
    def pages(self) -> tuple[Guide | Project, ...]:
        """What has sections to read."""
        return (*self.guides, *self.projects)

    def totals(self) -> str:
        """Sum up what there is in a line."""
        words = sum(count_words(each.sections) for each in self.pages)
        tasks = [step for project in self.projects for step in project.milestones]
        runs = sum(bool(step.configs) for step in tasks)
        return (
            f"{len(self.guides)} guides and {len(self.projects)} projects, {words:,} words, {len(tasks)} milestones "
            f"({runs} of runs, {len(tasks) - runs} with a question); {len(self.terms)} terms in the glossary"
        )


def check_around(folder: Path, lessons: Sequence[Lesson]) -> tuple[Around, list[Found]]:
    """Read the guides, projects and glossary below `folder` and apply every rule."""
    problems: list[Found] = []
    around = Around(
        guides=tuple(_read(read_guide, guide_files(folder), problems)),
        projects=tuple(_read(read_project, project_files(folder), problems)),
        terms=next(iter(_read(read_glossary, [file for file in [folder / FILE] if file.exists()], problems)), ()),
    )
    for guide in around.guides:
        problems += [(guide.path, *finding) for rule in _GUIDE_RULES for finding in rule(guide)]
    for project in around.projects:
        problems += [(project.path, *finding) for rule in _PROJECT_RULES for finding in rule(project)]
        problems += [(project.path, *finding) for finding in _check_needs(project, lessons)]
    for page in around.pages:
        problems += [(page.path, *finding) for finding in hard_to_read(page.sections, "beginner")]  # all read them
        problems += [
            (page.path, *finding) for finding in _check_links(page.sections, folder / Path(page.path).parent.name)
        ]
    problems += [(f"lessons/{FILE}", *finding) for finding in _check_terms(around.terms, lessons, folder)]
    problems += _check_numbers(around.guides)
    problems += _check_numbers(around.projects)
    return around, problems


def count_words(sections: Iterable[Section]) -> int:
    """Count the words of some sections, without code blocks."""
    prose = (re.sub(r"^```.*?^```$", "", each.body, flags=re.DOTALL | re.MULTILINE) for each in sections)
    return sum(len(re.findall(r"\w[\w'’.-]*", text)) for text in prose)


def _read(read: Callable[[Path], R], files: Iterable[Path], problems: list[Found]) -> Iterator[R]:
    for file in files:
        try:
            yield read(file)
        except LessonError as error:
            problems.append((error.path, error.line, error.message))


def _check_guide_size(guide: Guide) -> Iterator[Finding]:
    words = count_words(guide.sections)
    if words not in GUIDE_WORDS:
        yield (1, f"{words} words; a guide has {GUIDE_WORDS.start} to {GUIDE_WORDS.stop - 1}, without code")
    for section in guide.sections:
        if not section.body:
            yield (section.line, f"the section {section.title} is empty")


def _check_anchors(guide: Guide) -> Iterator[Finding]:
    for index, section in enumerate(guide.sections):
        if guide.page_of(section.anchor) != index:
            yield (section.line, f'another heading has the anchor "{section.anchor}" already')


def _check_project_size(project: Project) -> Iterator[Finding]:
    words = count_words(project.sections)
    if words not in PROJECT_WORDS:
        yield (1, f"{words} words; a project has {PROJECT_WORDS.start} to {PROJECT_WORDS.stop - 1}, without code")


def _check_challenges(project: Project) -> Iterator[Finding]:
    tables = [node for node in blocks(project.challenges.body) if node.type == "table"]
    rows = sum(len(node.children[1].children) for node in tables)
    if rows < MIN_CHALLENGES:
        yield (project.challenges.line, f"{rows} rows of common challenges; write {MIN_CHALLENGES} or more")


def _check_needs(project: Project, lessons: Sequence[Lesson]) -> Iterator[Finding]:
    for slug in project.needs:
        if slug not in {lesson.slug for lesson in lessons}:
            yield (1, f'needs: there is no lesson "{slug}"; write slugs of lessons')


def _check_sources(page: Guide | Project) -> Iterator[Finding]:
    if len(page.sources) < MIN_SOURCES:
        yield (1, f"{len(page.sources)} sources; name {MIN_SOURCES} primary ones or more")


def _check_links(sections: Iterable[Section], base: Path) -> Iterator[Finding]:
    for section in sections:
        for line, target in dead_links(section.body, base):
            yield (section.line + line - 1, f"the link to {target} leads nowhere")


def _check_numbers(pages: Sequence[Guide] | Sequence[Project]) -> Iterator[Found]:
    first: dict[int, str] = {}
    for page in pages:
        if first.setdefault(page.number, page.path) != page.path:
            yield (page.path, 1, f"number {page.number} is taken by {first[page.number]}")


def _check_terms(terms: Sequence[Term], lessons: Sequence[Lesson], folder: Path) -> Iterator[Finding]:
    """Every term of a lesson has an entry that leads to it, in order, and no entry is about anything else."""
    by_slug = {lesson.slug: lesson for lesson in lessons}
    known = {term.term: term for term in terms}
    for before, term in pairwise(terms):
        if term.order <= before.order:
            yield (term.line, f'"{term.term}" comes before "{before.term}": the glossary is alphabetical')
    for term in terms:
        for slug in term.lessons:
            if slug not in by_slug:
                yield (term.line, f'"{term.term}" leads to "{slug}", and there is no such lesson')
            elif term.term not in by_slug[slug].terms:
                yield (term.line, f'"{term.term}" is not among the terms of {by_slug[slug].path}')
    for lesson in lessons if terms else ():
        for name in lesson.terms:
            if name not in known:
                yield (1, f'"{name}" of {lesson.path} has no entry')
            elif lesson.slug not in known[name].lessons:
                yield (known[name].line, f'"{name}" does not lead to {lesson.path}, which introduces it')


_GUIDE_RULES: tuple[Callable[[Guide], Iterator[Finding]], ...] = (_check_guide_size, _check_anchors, _check_sources)
_PROJECT_RULES: tuple[Callable[[Project], Iterator[Finding]], ...] = (
    _check_project_size,
    _check_challenges,
    _check_sources,
)
