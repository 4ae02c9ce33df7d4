"""`python -m lessons check`, on the real lessons and on lessons made worse."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from lessons.check import Report, check
from lessons.index import FOLDER

LOOP, METRICS = "4-basic-training-loop.md", "5-evaluation-metrics.md"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(FOLDER / "01-training-fundamentals", tmp_path / "01-training-fundamentals")
    shutil.copy(FOLDER / "topics.yaml", tmp_path)
    return tmp_path


def worsen(folder: Path, old: str, new: str, name: str = LOOP) -> Report:
    file = folder / "01-training-fundamentals" / name
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    return check(folder)


def test_the_packaged_lessons_have_no_problem() -> None:
    assert [str(problem) for problem in check(FOLDER).problems] == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("## Faster", "## Speed", "sections are Why, Step by step"),
        ("## Why\n", "## Why\n" + "word " * 1200, "a lesson has 600 to 1200"),
        ("```output\nrate", "word\n\n```output\nrate", "directly under the `python` block"),
        (" · placement", "", "0 drills are kept for placement"),
        ("spot · difficulty 3", "spot · difficulty 3 · placement", "placement takes `choice` and `output`"),
        ("### d2 ·", "### d1 ·", "2 drills are called basic-training-loop/d1"),
        ("This lesson shows", "[This](nowhere.md) lesson shows", "the link to nowhere.md leads nowhere"),
        (
            '["training-pipeline-overview"]',
            '["training-pipelines"]',
            'there is no lesson "training-pipelines"',
        ),
        ('["training-pipeline-overview"]', '["evaluation-metrics"]', "needs go round in a circle"),
        ("- [ ]", "- [?]", "an option starts with"),
        (
            "## Faster\n",
            "## Faster\n\nGo" + " on and" * 18 + " on.\n",
            'a sentence of 38 words, at most 36: "Go on and',
        ),
        (
            "## Faster\n",
            "## Faster\n\n" + "Regularization necessitates considerable experimentation, unfortunately. " * 40,
            "the hardest: line",
        ),
    ],
)
def test_each_fault_is_named(copy: Path, old: str, new: str, message: str) -> None:
    problems = worsen(copy, old, new).problems
    assert any(message in problem.message for problem in problems), problems


@pytest.mark.parametrize(
    ("title", "message"),
    [
        ("Why", "the section Why is empty"),
        ("Step by step", "Step by step has no `python` block"),
        ("Config", "Config shows no config and no command"),
        ("When it goes wrong", "0 rows of symptom, cause and fix"),
    ],
)
def test_a_section_without_its_content_is_named(copy: Path, title: str, message: str) -> None:
    text = (copy / "01-training-fundamentals" / LOOP).read_text()
    body = text.partition(f"## {title}\n")[2].partition("\n## ")[0]
    assert message in [problem.message.partition(";")[0] for problem in worsen(copy, body, "").problems]


def test_a_link_between_lessons_and_into_the_web_resolves(copy: Path) -> None:
    links = f"[here]({METRICS}#faster), [there](https://pytorch.org)"
    assert worsen(copy, "This lesson shows", f"{links}: this lesson shows").problems == ()


def test_a_problem_points_at_its_line(copy: Path) -> None:
    (problem,) = worsen(copy, "Both failures can", "[Both](gone.md) failures can").problems
    text = (copy / "01-training-fundamentals" / LOOP).read_text().splitlines()
    assert text[problem.line - 1].startswith("[Both](gone.md)")


def test_a_bank_answerable_by_the_longest_option_is_refused(copy: Path) -> None:
    for name in (LOOP, METRICS):
        report = worsen(copy, "- [x] ", "- [x] Most certainly and in every respect that one could think of: ", name)
    assert any("the longest option is right" in problem.message for problem in report.problems)


def test_the_slug_of_another_lesson_is_taken(copy: Path) -> None:
    folder = copy / "01-training-fundamentals"
    text = (folder / LOOP).read_text().replace('id: "1.4"', 'id: "1.6"')
    (folder / "6-basic-training-loop.md").write_text(text)
    assert any('"basic-training-loop" is taken by' in problem.message for problem in check(copy).problems)


def test_a_topic_without_a_title_is_named(copy: Path) -> None:
    (copy / "topics.yaml").write_text('"02-other": "Other"\n')
    assert any('no title for the topic "01-' in problem.message for problem in check(copy).problems)


def test_the_command_prints_places_and_totals_and_fails(copy: Path) -> None:
    worsen(copy, "## Faster", "## Speed")
    command = [sys.executable, "-m", "lessons", "check", str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert f"lessons/01-training-fundamentals/{LOOP}:" in done.stdout
    assert done.stdout.endswith("1 problems\n")
    assert f"{len(list(copy.glob('[0-9]*/*.md')))} lessons" in done.stdout
