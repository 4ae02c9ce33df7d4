"""What the lessons claim is true: configs are valid and keys of `output` drills are what Python prints."""

import contextlib
import io
import re

import pytest

from lessons import Drill, Lesson, curriculum
from lessons.page import blocks, is_fence
from runner.config import parse
from runner.exercise import exercises
from runner.sweep_source import read_sweep

LESSONS = curriculum().lessons
OUTPUTS = [drill for drill in curriculum().drills if drill.kind == "output"]


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.slug)
def test_every_config_of_a_lesson_is_valid(lesson: Lesson) -> None:
    yaml = [node.content for section in lesson.sections for node in blocks(section.body) if is_fence(node, "yaml")]
    configs = [text for text in yaml if re.search("^exercise:", text, re.MULTILINE)]  # others are accelerate's, say
    assert lesson.try_it in configs
    for config in configs:
        assert (read_sweep(config) or parse(config).config).exercise in exercises()


@pytest.mark.parametrize("drill", OUTPUTS, ids=lambda drill: drill.id)
def test_the_key_of_an_output_drill_is_what_python_prints(drill: Drill) -> None:
    code = next(node.content for node in blocks(drill.question) if is_fence(node, "python"))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, {})
    assert printed.getvalue().rstrip("\n") == str(drill.answer)


def test_right_answers_are_accepted_as_they_are_shown() -> None:
    for drill in curriculum().drills:
        shown = str(drill.answer).partition(":")[0] if drill.kind == "choice" else str(drill.answer)
        assert drill.check(shown).right, drill.id
