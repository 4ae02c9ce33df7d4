"""Checks the curriculum as its authors must have it: form, size, links, and drills that test knowledge.

Each rule is a function from the lessons to the problems it finds; what the parsers refuse is a problem too.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import chain, pairwise
from pathlib import Path

from markdown_it.tree import SyntaxTreeNode

from lessons.answer import Option
from lessons.check_guides import Around, check_around, count_words
from lessons.index import REDIRECTS, lesson_files, redirects, topic_titles
from lessons.lesson import Lesson, Section
from lessons.lesson_parser import read_lesson
from lessons.links import dead_links
from lessons.page import LessonError, blocks, first_line, is_fence
from lessons.readability import hard_to_read
from lessons.spelling import available, misspelled

SECTIONS = ("Why", "Step by step", "Config", "When it goes wrong", "Faster", "Try it")
WORDS = range(600, 1201)
MIN_DRILLS, MIN_KINDS, MIN_DIFFICULTIES, PLACEMENT_DRILLS = 6, 3, 3, 3
PLACEMENT_KINDS = frozenset({"choice", "output"})
MIN_SYMPTOMS, MIN_SOURCES = 3, 2
# Always picking the longest or shortest option, or the same letter, must not get far above a guess's 25%.
MAX_LENGTH_SHARE, MAX_POSITION_SHARE = 0.35, 0.35


# A line of the lesson at hand, and what to mend there.
Finding = tuple[int, str]


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing to mend, with its place."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found, the lessons that could be read, and what stands around them."""

    lessons: tuple[Lesson, ...]
    around: Around
    problems: tuple[Problem, ...]

    def totals(self) -> str:
        """Sum up the lessons, the drill bank and what stands around them in three lines."""
        drills = [drill for lesson in self.lessons for drill in lesson.drills]
        kinds = ", ".join(f"{kind} {count}" for kind, count in Counter(d.kind for d in drills).most_common())
        words = sum(count_words(lesson.sections) for lesson in self.lessons)
        choices = [drill.options for drill in drills if drill.kind == "choice"]
        places = Counter(chr(ord("a") + _right_index(options)) for options in choices)
        return (
            f"{len(self.lessons)} lessons, {words:,} words, {len(drills)} drills ({kinds})\n"
            f"choice: of {len(choices)} right options {_count_right('longest', choices)} are the longest, "
            f"{_count_right('shortest', choices)} the shortest; they stand at "
            + ", ".join(f"{place} {count}" for place, count in sorted(places.items()))
            + f"\n{self.around.totals()}"
        )


def check(folder: Path) -> Report:
    """Read every lesson in `folder` and apply every rule."""
    lessons, problems = _read(folder)
    for lesson in lessons:
        findings = [*chain.from_iterable(rule(lesson) for rule in _RULES), *_check_links(lesson, folder)]
        problems += [Problem(lesson.path, line, message) for line, message in findings]
    problems += [*_check_names(lessons), *_check_needs(lessons), *_check_bank(lessons)]
    problems += _check_redirects(lessons, folder)
    around, found = check_around(folder, lessons)
    problems += [Problem(*place) for place in (*found, *(misspelled(folder) if available() else ()))]
    return Report(tuple(lessons), around, tuple(sorted(problems)))


def _read(folder: Path) -> tuple[list[Lesson], list[Problem]]:
    lessons: list[Lesson] = []
    problems: list[Problem] = []
    titles = topic_titles(folder)
    for file in lesson_files(folder):
        if file.parent.name not in titles:
            problems.append(Problem("lessons/topics.yaml", 1, f'no title for the topic "{file.parent.name}"'))
        try:
            lessons.append(read_lesson(file, titles.get(file.parent.name, "")))
        except LessonError as error:
            problems.append(Problem(error.path, error.line, error.message))
    return lessons, problems


def _check_sections(lesson: Lesson) -> Iterator[Finding]:
    titles = tuple(section.title for section in lesson.sections)
    if titles != SECTIONS:
        line = next((s.line for s, title in zip(lesson.sections, SECTIONS, strict=False) if s.title != title), 1)
        yield (line, f"sections are {', '.join(SECTIONS)}, Drills, in this order")
    for section in lesson.sections:
        if not section.body:
            yield (section.line, f"the section {section.title} is empty")


def _check_size(lesson: Lesson) -> Iterator[Finding]:
    words = count_words(lesson.sections)
    if words not in WORDS:
        yield (1, f"{words} words; a lesson has {WORDS.start} to {WORDS.stop - 1}, without code")
    if len(lesson.sources) < MIN_SOURCES:
        yield (1, f"{len(lesson.sources)} sources; name {MIN_SOURCES} primary ones or more")


def _check_code(lesson: Lesson) -> Iterator[Finding]:
    if not any(is_fence(node, "python") for node in _nodes(lesson, "Step by step")):
        yield (_line(lesson, "Step by step"), "Step by step has no `python` block")
    if not any(node.type == "fence" for node in _nodes(lesson, "Config")):
        yield (_line(lesson, "Config"), "Config shows no config and no command")
    for section in lesson.sections:
        nodes = [None, *blocks(section.body)]
        for before, node in pairwise(nodes):
            if node and is_fence(node, "output") and not (before and is_fence(before, "python")):
                line = section.line + first_line(node) - 1
                yield (line, "an `output` block stands directly under the `python` block it shows")


def _check_symptoms(lesson: Lesson) -> Iterator[Finding]:
    rows = sum(len(node.children[1].children) for node in _nodes(lesson, "When it goes wrong") if node.type == "table")
    if rows < MIN_SYMPTOMS:
        line = _line(lesson, "When it goes wrong")
        yield (line, f"{rows} rows of symptom, cause and fix; write {MIN_SYMPTOMS} or more")


def _check_drills(lesson: Lesson) -> Iterator[Finding]:
    drills = lesson.drills
    kinds, difficulties = {drill.kind for drill in drills}, {drill.difficulty for drill in drills}
    placement = [drill for drill in drills if drill.placement]
    line = min((drill.line for drill in drills), default=1)
    if len(drills) < MIN_DRILLS or len(kinds) < MIN_KINDS:
        yield (line, f"{len(drills)} drills of {len(kinds)} kinds; write 6 or more of 3 or more")
    if len(difficulties) < MIN_DIFFICULTIES:
        yield (line, f"drills of {len(difficulties)} difficulties; spread them over 3 or more")
    if not kinds & {"number", "spot"}:
        yield (line, "no drill has a number to compute or a line to find")
    if len(placement) != PLACEMENT_DRILLS:
        yield (line, f"{len(placement)} drills are kept for placement; mark {PLACEMENT_DRILLS}")
    for drill in placement:
        if drill.kind not in PLACEMENT_KINDS:
            yield (drill.line, f"placement takes `choice` and `output`, not `{drill.kind}`")
    for name, count in Counter(drill.id for drill in drills).items():
        if count > 1:
            yield (line, f"{count} drills are called {name}")


def _check_readability(lesson: Lesson) -> Iterator[Finding]:
    return hard_to_read(lesson.sections, lesson.level)


def _check_links(lesson: Lesson, folder: Path) -> Iterator[Finding]:
    base = folder / Path(lesson.path).parent.name
    for section in lesson.sections:
        for line, target in dead_links(section.body, base):
            yield (section.line + line - 1, f"the link to {target} leads nowhere")


def _check_names(lessons: list[Lesson]) -> Iterator[Problem]:
    first: dict[str, Lesson] = {}
    for lesson in lessons:
        for name in (lesson.id, lesson.slug):
            if first.setdefault(name, lesson) is not lesson:
                yield Problem(lesson.path, 1, f'"{name}" is taken by {first[name].path}')


def _check_needs(lessons: list[Lesson]) -> Iterator[Problem]:
    by_slug = {lesson.slug: lesson for lesson in lessons}
    for lesson in lessons:
        for slug in lesson.needs:
            if slug not in by_slug:
                yield Problem(lesson.path, 1, f'needs: there is no lesson "{slug}"; write slugs of other lessons')
    try:
        TopologicalSorter({lesson.slug: lesson.needs for lesson in lessons}).prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1]
        yield Problem(by_slug[cycle[0]].path, 1, f"needs go round in a circle: {' → '.join(cycle)}")


def _check_redirects(lessons: list[Lesson], folder: Path) -> Iterator[Problem]:
    """A former slug must lead straight to a lesson, and no lesson may have it again: its cards would be mixed up."""
    file = folder / REDIRECTS
    if not file.exists():
        return
    lines = file.read_text(encoding="utf-8").splitlines()
    slugs = {lesson.slug for lesson in lessons}
    for old, new in redirects(folder).items():
        line = next((number for number, text in enumerate(lines, 1) if text.strip(" \"'").startswith(old)), 1)
        if new not in slugs:
            yield Problem(f"lessons/{REDIRECTS}", line, f'"{old}" leads to "{new}", and there is no such lesson')
        if old in slugs:
            yield Problem(f"lessons/{REDIRECTS}", line, f'"{old}" is a slug of today, so it cannot lead elsewhere')


def _check_bank(lessons: list[Lesson]) -> Iterator[Problem]:
    choices = [drill.options for lesson in lessons for drill in lesson.drills if drill.kind == "choice"]
    for extreme in ("longest", "shortest"):
        count = _count_right(extreme, choices)
        if count > MAX_LENGTH_SHARE * len(choices):
            message = f"the {extreme} option is right in {count} of {len(choices)} choice drills"
            yield Problem("lessons", 1, message)
    for place, count in Counter(map(_right_index, choices)).items():
        # With few drills one position more or less says nothing.
        if count > MAX_POSITION_SHARE * len(choices) + 1:
            yield Problem("lessons", 1, f"option {place + 1} is right in {count} of {len(choices)} choice drills")


def _count_right(extreme: str, choices: list[tuple[Option, ...]]) -> int:
    """Count the drills whose longest or shortest option is right; one of two equally long counts, too."""
    pick = max if extreme == "longest" else min
    lengths = ((options, pick(len(option.text) for option in options)) for options in choices)
    return sum(len(options[_right_index(options)].text) == length for options, length in lengths)


def _right_index(options: tuple[Option, ...]) -> int:
    return next(index for index, option in enumerate(options) if option.right)


def _section(lesson: Lesson, title: str) -> Section | None:
    return next((section for section in lesson.sections if section.title == title), None)


def _nodes(lesson: Lesson, title: str) -> tuple[SyntaxTreeNode, ...]:
    section = _section(lesson, title)
    return blocks(section.body) if section else ()


def _line(lesson: Lesson, title: str) -> int:
    section = _section(lesson, title)
    return section.line if section else 1


_RULES: tuple[Callable[[Lesson], Iterator[Finding]], ...] = (
    _check_sections,
    _check_size,
    _check_code,
    _check_symptoms,
    _check_drills,
    _check_readability,
)
