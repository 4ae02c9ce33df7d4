"""Projects: an exercise of the runner, taken in five milestones, each with a task to submit.

A project's file has the section *The task*, a section for each milestone, *Common challenges* and *Reference run*.
A milestone ends in its task:

    ### Task

    What to submit, any Markdown. Either the configs that a run must have succeeded with, each fenced as `yaml` (a run
    counts when it has these keys, whatever else it has), or a number to work out:

    Answer: 250 steps
    > Why.

    Hint: Three of them, from a nudge to nearly there, each its own paragraph.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from markdown_it.tree import SyntaxTreeNode
from pydantic import BaseModel, ConfigDict, Field

from lessons.drill import Verdict, mark
from lessons.front_matter import Text, read_front_matter
from lessons.index import FOLDER
from lessons.lesson import Section
from lessons.number import Number
from lessons.page import Page, Part, first_line, is_fence, plain

MILESTONES = ("Data preparation", "Model architecture", "Training strategy", "Evaluation methods", "Result analysis")
TITLES = ("The task", *MILESTONES, "Common challenges", "Reference run")
HINTS = 3


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    number: Annotated[int, Field(ge=1, description="its place among the projects")]
    title: Text
    about: Text
    exercise: Text
    needs: tuple[Text, ...]
    checked_with: dict[Text, Text]
    sources: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A number to work out, with the reason for it."""

    answer: Number
    explanation: str

    def check(self, given: str) -> Verdict:
        """Mark what a learner typed; never raises."""
        return mark(self.answer, self.explanation, given)


@dataclass(frozen=True, slots=True)
class Milestone:
    """One step of a project: what to know, then a task, which is either runs or a question.

    `task` is CommonMark and shows the configs; each of `configs` is what a run needs to have, as YAML.
    """

    number: int
    title: str
    body: str
    task: str
    configs: tuple[str, ...]
    question: Question | None
    hints: tuple[str, ...]
    line: int


@dataclass(frozen=True, slots=True)
class Project:
    """One project; `name` is its file's, `needs` are slugs of lessons to have read, `config` is the reference's."""

    name: str
    number: int
    title: str
    about: str
    exercise: str
    needs: tuple[str, ...]
    checked_with: Mapping[str, str]
    sources: tuple[str, ...]
    task: Section
    milestones: tuple[Milestone, ...]
    challenges: Section
    reference: Section
    config: str
    path: str

    @property
    def sections(self) -> tuple[Section, ...]:
        """All that is to read, in order."""
        steps = (Section(step.title, f"{step.body}\n\n{step.task}", step.line) for step in self.milestones)
        return (self.task, *steps, self.challenges, self.reference)


@cache
def projects() -> tuple[Project, ...]:
    """Return the projects that come with the package, in order; raises LessonError when one is malformed."""
    return tuple(sorted(map(read_project, project_files(FOLDER)), key=lambda project: project.number))


def project_files(folder: Path) -> list[Path]:
    """Return the files of the projects below `folder`, by name."""
    return sorted(folder.glob("projects/*.md"))


def read_project(file: Path) -> Project:
    """Return the project in a file; raises LessonError with the line of what is malformed."""
    page = Page.read(file)
    facts = read_front_matter(page, _Facts)
    parts = page.parts("a project's `## The task`")
    _check_titles(page, parts)
    first, *steps, challenges, reference = parts
    config = next((node.content for node in reference[1] if is_fence(node, "yaml")), None)
    if config is None:
        raise page.error(first_line(reference[0]), "the reference run shows its config, fenced as `yaml`")
    return Project(
        name=file.stem,
        **facts.model_dump(),
        task=_section(page, first),
        milestones=tuple(_milestone(page, number, part) for number, part in enumerate(steps, 1)),
        challenges=_section(page, challenges),
        reference=_section(page, reference),
        config=config,
        path=page.path,
    )


def _check_titles(page: Page, parts: Sequence[Part]) -> None:
    for index, (heading, _) in enumerate(parts):
        if plain(heading) != (wanted := TITLES[index] if index < len(TITLES) else "nothing"):
            raise page.error(first_line(heading), f'"{wanted}" comes here, not "{plain(heading)}"')
    if len(parts) < len(TITLES):
        raise page.error(len(page.lines), f'"{TITLES[len(parts)]}" is missing')


def _section(page: Page, part: Part) -> Section:
    heading, nodes = part
    return Section(plain(heading), page.text(nodes), first_line(nodes[0] if nodes else heading))


def _milestone(page: Page, number: int, part: Part) -> Milestone:
    heading, nodes = part
    start = next((index for index, node in enumerate(nodes) if node.tag == "h3" and plain(node) == "Task"), None)
    if start is None:
        raise page.error(first_line(heading), "a milestone ends with `### Task`")
    body, task = nodes[:start], nodes[start + 1 :]
    hints = tuple(plain(node).removeprefix("Hint:").strip() for node in task if _starts(node, "Hint:"))
    if len(hints) != HINTS:
        raise page.error(first_line(nodes[start]), f"a task has {HINTS} paragraphs `Hint: …`, not {len(hints)}")
    answer = next((index for index, node in enumerate(task) if _starts(node, "Answer:")), None)
    said = task[:answer] if answer is not None else tuple(node for node in task if not _starts(node, "Hint:"))
    configs = tuple(node.content for node in said if is_fence(node, "yaml"))
    question = _question(page, task[answer:]) if answer is not None else None
    if bool(configs) == bool(question):
        raise page.error(first_line(nodes[start]), "a task has configs to run, or an `Answer:` with a number")
    return Milestone(
        number=number,
        title=plain(heading),
        body=page.text(body),
        task=page.text(said),
        configs=configs,
        question=question,
        hints=hints,
        line=first_line(nodes[0]),
    )


def _question(page: Page, nodes: Sequence[SyntaxTreeNode]) -> Question:
    """Read an `Answer:` with the explanation quoted under it."""
    key, *rest = nodes
    if not rest or rest[0].type != "blockquote":
        raise page.error(first_line(key), "an answer has its explanation quoted under it with `>`")
    try:
        return Question(Number.parse(plain(key).removeprefix("Answer:")), plain(rest[0]))
    except ValueError as problem:
        raise page.error(first_line(key), str(problem)) from None


def _starts(node: SyntaxTreeNode, word: str) -> bool:
    return node.type == "paragraph" and plain(node).startswith(word)
