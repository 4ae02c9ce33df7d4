"""Finding lessons and drills."""

import subprocess
import sys

import pytest

from lessons import UnknownDrill, UnknownLesson, curriculum


@pytest.mark.parametrize("name", ["1.4", "basic-training-loop", "Basic Training Loop", " basic training LOOP "])
def test_a_lesson_is_found_by_id_slug_or_title(name: str) -> None:
    assert curriculum().lesson(name).slug == "basic-training-loop"


def test_an_unknown_lesson_names_the_nearest() -> None:
    with pytest.raises(UnknownLesson, match="Did you mean Basic Training Loop") as caught:
        curriculum().lesson("basic trainin loop")
    assert caught.value.nearest[0] == "Basic Training Loop"


def test_a_name_unlike_any_lesson_gets_no_guess() -> None:
    with pytest.raises(UnknownLesson) as caught:
        curriculum().lesson("???")
    assert str(caught.value) == "There is no lesson '???'."


def test_drills_are_found_by_id() -> None:
    for drill in curriculum().drills:
        assert curriculum().drill(drill.id) is drill
        assert drill.id.startswith(f"{drill.lesson}/d")


def test_an_unknown_drill_shows_what_an_id_looks_like() -> None:
    with pytest.raises(UnknownDrill, match="basic-training-loop/d1"):
        curriculum().drill("d1")


def test_lessons_stand_in_the_order_of_their_ids_under_their_topics() -> None:
    ids = [[int(part) for part in lesson.id.split(".")] for lesson in curriculum().lessons]
    assert ids == sorted(ids)
    assert tuple(lesson for topic in curriculum().topics for lesson in topic.lessons) == curriculum().lessons
    assert curriculum().topics[0].title == "Training Fundamentals"


def test_no_lesson_shows_its_answers_with_its_text() -> None:
    for lesson in curriculum().lessons:
        assert "Drills" not in [section.title for section in lesson.sections]
        assert all("[x]" not in section.body for section in lesson.sections)


def test_reading_the_curriculum_does_not_import_torch() -> None:
    code = "import lessons, sys; lessons.curriculum(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_lesson_is_found_by_its_own_slug_and_number_even_where_two_share_a_title() -> None:
    lessons = curriculum()
    for lesson in lessons.lessons:
        assert lessons.lesson(lesson.slug) is lesson
        assert lessons.lesson(lesson.id) is lesson
    assert lessons.lesson("Training Speed").id == "8.5"
