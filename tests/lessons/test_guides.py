"""Guides, projects and the glossary: what the loaders read and refuse, and what the checks name."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.study import coach
from lessons import LessonError, glossary, guides, projects
from lessons.check import check
from lessons.glossary import read_glossary
from lessons.guide import Guide, read_guide
from lessons.index import FOLDER
from lessons.links import lessons_named, without_links
from lessons.project import Project, read_project
from runner.config import parse
from runner.exercise import exercises

PROJECT = FOLDER / "projects" / "text-classification.md"
GUIDE = FOLDER / "guides" / "debugging.md"
RULES = {rule.__name__ for rule in coach.RULES}

Change = Callable[[Path, str, str], Path]


@pytest.fixture
def change(tmp_path: Path) -> Change:
    """Write a copy of a file with something in it replaced."""

    def write(file: Path, old: str, new: str) -> Path:
        text = file.read_text()
        assert old in text
        copy = tmp_path / file.parent.name / file.name
        copy.parent.mkdir(exist_ok=True)
        copy.write_text(text.replace(old, new, 1))
        return copy

    return write


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of topic 1 with a project and a guide that need no others."""
    for name in ("01-training-fundamentals", "guides", "projects"):
        shutil.copytree(FOLDER / name, tmp_path / name)
    shutil.copy(FOLDER / "topics.yaml", tmp_path)
    return tmp_path


def problems(folder: Path) -> list[str]:
    return [f"{problem.path} {problem.message}" for problem in check(folder).problems]


@pytest.mark.parametrize("rule", sorted(RULES))
def test_every_rule_of_the_coach_has_its_place_in_the_debugging_guide(rule: str) -> None:
    debugging = next(guide for guide in guides() if guide.name == "debugging")
    page = debugging.page_of(rule.replace("_", "-"))
    assert page is not None
    assert "**Fix:**" in debugging.sections[page].body


@pytest.mark.parametrize("guide", guides(), ids=lambda guide: guide.name)
def test_a_guides_pages_are_found_by_their_anchors(guide: Guide) -> None:
    assert [guide.page_of(section.anchor) for section in guide.sections] == list(range(len(guide.sections)))
    assert guide.page_of("nowhere") is None


@pytest.mark.parametrize("project", projects(), ids=lambda project: project.name)
def test_every_config_of_a_project_is_valid_and_its_reference_is_of_its_exercise(project: Project) -> None:
    for config in (step for milestone in project.milestones for step in milestone.configs):
        assert parse(config).config.exercise in exercises()
    assert parse(project.config).config.exercise == project.exercise


@pytest.mark.parametrize("project", projects(), ids=lambda project: project.name)
def test_a_projects_questions_accept_their_own_answers_and_no_others(project: Project) -> None:
    for question in (step.question for step in project.milestones if step.question):
        assert question.check(str(question.answer)).right
        assert not question.check(f"{question.answer.value * 1.5}").right
        assert not question.check("many").understood


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("## Data preparation", "## Data", "## Data", '"Data preparation" comes here, not "Data"'),
        ("## Reference run", "## Results", "## Results", '"Reference run" comes here'),
        ("### Task", "### Exercise", "## Data preparation", "a milestone ends with `### Task`"),
        (
            "Hint: Rows times mean length gives the tokens of an epoch.\n",
            "",
            "### Task",
            "3 paragraphs `Hint: …`, not 2",
        ),
        ("Answer: 5 epochs ± 0.1", "So: 5 epochs", "### Task", "configs to run, or an `Answer:`"),
        ("Answer: 5 epochs ± 0.1", "Answer: five", "Answer: five", "is no number"),
        ("> 4,000 × 24.5", "4,000 × 24.5", "Answer: 5", "explanation quoted under it"),
        ('exercise: "match"', 'exercises: "match"', "---", "exercise: Field required"),
        ("## The task", "The task\n\n## The task", "The task", "`## The task` comes first"),
    ],
)
def test_a_malformed_project_is_refused_with_its_line(
    change: Change, old: str, new: str, place: str, message: str
) -> None:
    file = change(PROJECT, old, new)
    with pytest.raises(LessonError) as caught:
        read_project(file)
    assert message in caught.value.message
    assert file.read_text().splitlines()[caught.value.line - 1].startswith(place)
    assert caught.value.path == "lessons/projects/text-classification.md"


def test_a_project_that_ends_too_early_is_refused(change: Change) -> None:
    text = PROJECT.read_text()
    with pytest.raises(LessonError, match='"Reference run" is missing'):
        read_project(change(PROJECT, text[text.index("## Reference run") :], ""))


def test_a_reference_run_without_its_config_is_refused(change: Change) -> None:
    config = "```yaml\nexercise: match\nmodel: minilm\nmethod: full"
    with pytest.raises(LessonError, match="shows its config"):
        read_project(change(PROJECT, config, config.replace("yaml", "text")))


def test_a_guide_without_headings_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "empty.md"
    file.write_text(GUIDE.read_text().partition("\n## ")[0])
    with pytest.raises(LessonError, match="a guide's first `##` heading comes first"):
        read_guide(file)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("**loss** is small", "an entry is"),
        ("**loss**: the number that falls (see lesson 1)", "an entry is"),
        ("**loss**: the number that falls ([1.1 Overview](https://example.org))", '"loss" links to no lesson'),
    ],
)
def test_a_malformed_entry_of_the_glossary_is_refused(tmp_path: Path, entry: str, message: str) -> None:
    file = tmp_path / "glossary.md"
    file.write_text(f"# Glossary\n\nWords.\n\n## L\n\n{entry}\n")
    with pytest.raises(LessonError) as caught:
        read_glossary(file)
    assert message in caught.value.message
    assert (caught.value.path, caught.value.line) == ("lessons/glossary.md", 7)


def test_the_glossary_says_what_a_term_means_and_where_it_is_explained() -> None:
    terms = {term.term: term for term in glossary()}
    assert terms["checkpoint"].lessons == ("training-pipeline-overview", "checkpointing")
    assert "loaded or continued" in terms["checkpoint"].meaning


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("guides/debugging.md", "## Leak", "## NaN", 'another heading has the anchor "nan" already'),
        ("guides/debugging.md", "01-training-fundamentals/1-", "1-training/1-", "leads nowhere"),
        ("guides/debugging.md", "\n## Five minutes", "\n## First\n\n## Five minutes", "the section First is empty"),
        ("guides/training-setup.md", 'number: "1"', 'number: "2"', "number 2 is taken by"),
        ("guides/training-setup.md", "## Package", "word " * 900 + "\n\n## Package", "a guide has 900 to 1800"),
        ("projects/multi-task.md", '"custom-models", ', '"custom-modules", ', 'there is no lesson "custom-modules"'),
        ("projects/multi-task.md", "## Data preparation\n", "## Data\n", '"Data preparation" comes here'),
        ("projects/multi-task.md", "The score is the mean", "word " * 1500, "a project has 900 to 2400"),
        ("projects/multi-task.md", "independent", "independant", '"independant" is misspelled; write independent'),
    ],
)
def test_each_fault_around_the_lessons_is_named(copy: Path, name: str, old: str, new: str, message: str) -> None:
    file = copy / name
    text = file.read_text()
    assert old in text
    before = set(problems(copy))
    file.write_text(text.replace(old, new))
    assert any(message in each and f"lessons/{name} " in each for each in set(problems(copy)) - before)


LINK = "[1.4 Basic Training Loop](01-training-fundamentals/4-basic-training-loop.md)"


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (f"**warmup**: a rise ({LINK})\n\n**gradient**: a slope ({LINK})", '"gradient" comes before "warmup"'),
        (f"**gradient**: a slope ({LINK.replace('4-basic', '4-no')})", 'leads to "no-training-loop"'),
        (f"**gradients**: slopes ({LINK})", '"gradients" is not among the terms of'),
        (f"**gradient**: a slope ({LINK})", '"optimizer" of lessons/01-training-fundamentals/4-basic'),
        (f"**loss**: a number ({LINK})", '"loss" does not lead to lessons/01-training-fundamentals/1-training'),
    ],
)
def test_a_glossary_that_does_not_fit_the_lessons_is_named(copy: Path, entries: str, message: str) -> None:
    (copy / "glossary.md").write_text(f"# Glossary\n\n## A\n\n{entries}\n")
    assert any(message in each for each in problems(copy))


def test_links_into_the_lessons_become_words_and_code_stays_as_it_is() -> None:
    text = (
        "See [Batching](../02-data-processing/3-batching.md#faster), [the guide](debugging.md) and "
        "[torch](https://pytorch.org): `rows[0](x)`.\n\n```python\nkernel[grid](x)\n```"
    )
    assert without_links(text) == (
        "See 2.3 *Batching*, the guide and [torch](https://pytorch.org): `rows[0](x)`.\n\n"
        "```python\nkernel[grid](x)\n```"
    )
    assert lessons_named(text) == ("batching",)


def test_the_totals_count_what_stands_around_the_lessons() -> None:
    line = check(FOLDER).totals().splitlines()[-1]
    assert line.startswith(f"{len(guides())} guides and {len(projects())} projects")
    assert line.endswith(f"{len(glossary())} terms in the glossary")
