"""The table of renamed lessons."""

import shutil
from pathlib import Path

import pytest

from lessons import Curriculum, UnknownDrill, UnknownLesson, curriculum
from lessons.check import check
from lessons.index import FOLDER, redirects

NOW = "basic-training-loop"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(FOLDER / "01-training-fundamentals", tmp_path / "01-training-fundamentals")
    shutil.copy(FOLDER / "topics.yaml", tmp_path)
    return tmp_path


def problems(folder: Path, table: str) -> list[str]:
    (folder / "redirects.yaml").write_text(table)
    return [str(problem) for problem in check(folder).problems if "redirects" in problem.path]


def test_the_packaged_table_is_read() -> None:
    assert curriculum().redirects == redirects(FOLDER)


def test_a_former_slug_finds_the_lesson_and_its_drills() -> None:
    renamed = Curriculum(curriculum().lessons, {"the-loop": NOW})
    assert renamed.lesson("the-loop").slug == renamed.lesson("The Loop").slug == NOW
    assert renamed.drill("the-loop/d1") is renamed.drill(f"{NOW}/d1")
    with pytest.raises(UnknownDrill):
        renamed.drill("the-loop/d99")
    with pytest.raises(UnknownLesson):
        renamed.lesson("the-hoop")


def test_a_table_that_leads_to_lessons_has_no_problem(copy: Path) -> None:
    assert problems(copy, f'"the-loop": "{NOW}"\n') == []
    assert problems(copy, "# none yet\n") == []


def test_a_former_slug_that_leads_nowhere_is_named_with_its_line(copy: Path) -> None:
    (problem,) = problems(copy, f'# a comment\n"the-loop": "{NOW}"\n"other": "the-loop"\n')
    assert problem == 'lessons/redirects.yaml:3: "other" leads to "the-loop", and there is no such lesson'


def test_a_slug_of_today_cannot_lead_elsewhere(copy: Path) -> None:
    (problem,) = problems(copy, f'"evaluation-metrics": "{NOW}"\n')
    assert '"evaluation-metrics" is a slug of today' in problem
