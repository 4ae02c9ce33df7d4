"""What the parsers refuse, and where they say it is."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lessons import LessonError
from lessons.lesson_parser import read_lesson

Write = Callable[..., Path]

LESSON = """---
id: "1.1"
title: "A Lesson: with a colon"
level: "beginner"
minutes: "25"
needs: []
terms: ["05.10"]
gpu: "no"
checked_with: {torch: "2.13.0"}
sources: ["One", "Two"]
---

## Why

Because.

```python
print("[x] is kept")
```

## Try it

```yaml
exercise: match
```

## Drills

### d1 · choice · difficulty 2 · placement

Which?

- [x] This
  > Yes.
- [ ] That
  > No.

Hint: Not that.

Hint: This.

### d2 · spot · difficulty 3

Which line?

```python
a = 1
b = a
```

Answer: line 2
> It is.

### d3 · order · difficulty 1

Sort.

- two
- one

Answer: b a
> As numbers go.

### d4 · short · difficulty 4

Why?

Answer: Because of it.

- needs: because, since
- refuse: despite, in spite
  > Not so.

> That is why.

### d5 · output · difficulty 1

What is printed?

```python
print(1)
```

Answer:

```output
1
```

> One.
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str, name: str = "01-topic/1-a-lesson.md") -> Path:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return file

    return write


def test_a_lesson_is_read_with_everything_in_it(write: Write) -> None:
    lesson = read_lesson(write(LESSON), "Topic")
    assert (lesson.id, lesson.slug, lesson.topic, lesson.topic_slug) == ("1.1", "a-lesson", 1, "topic")
    assert (lesson.title, lesson.minutes, lesson.gpu) == ("A Lesson: with a colon", 25, False)
    assert lesson.terms == ("05.10",)
    assert lesson.try_it == "exercise: match\n"
    assert lesson.sections[0].body == 'Because.\n\n```python\nprint("[x] is kept")\n```'
    assert [drill.kind for drill in lesson.drills] == ["choice", "spot", "order", "short", "output"]
    assert [drill.placement for drill in lesson.drills] == [True, False, False, False, False]
    assert lesson.drills[0].hints == ("Not that.", "This.")
    assert [str(drill.answer) for drill in lesson.drills] == [
        "a: This",
        "line 2",
        "b a",
        "Because of it.",
        "1",
    ]


def test_the_code_of_a_spot_drill_is_numbered(write: Write) -> None:
    drill = read_lesson(write(LESSON), "Topic").drills[1]
    assert drill.question == "Which line?\n\n```python\n 1  a = 1\n 2  b = a\n```"


HEAD = "### d1 · choice · difficulty 2"


@pytest.mark.parametrize(
    ("old", "new", "place", "message"),
    [
        ("---\nid", "id", "id:", "starts with `---`"),
        ('id: "1.1"', 'id: "1.2"', "id:", 'say "1.1", not "1.2"'),
        ('level: "beginner"', 'level: "easy"', "level:", "'beginner', 'intermediate' or 'advanced'"),
        ("terms:", "#", "---", "terms: Field required"),
        ("needs: []", 'needs: []\nwords: "x"', "words:", "words: Extra inputs"),
        ("needs: []", "needs: ]", "needs:", "front matter"),
        ('title: "A Lesson: with a colon"', "title: A Lesson: with", "title:", "not allowed here"),
        ("## Why\n", "", "Because.", "`## Why`"),
        ("## Drills", "## Questions", "## Questions", "ends with `## Drills`"),
        (HEAD, HEAD.replace("choice", "choise"), "### d1", "KIND one of choice"),
        (HEAD, HEAD.replace("2", "6"), "### d1", "difficulty 1"),
        ("- [x] This", "- [ ] This", "### d1", "exactly one option marked `[x]`, not 0"),
        ("- [ ] That\n  > No.", "- [ ] That", "- [ ] That", "explanation quoted under it"),
        ("- [ ] That", "- That", "- That", "starts with `[x]`"),
        ("- [ ] That\n  > No.\n", "", "- [x] This", "2 to 8 options, not 1"),
        ("Which?\n", "", "### d1", "d1 asks nothing"),
        ("Hint: Not that.", "Not that.", "Not that.", "follow an answer"),
        ("Answer: line 2", "Answer: line 3", "Answer:", "a line of the code above, which has 2"),
        ("Answer: line 2", "It is line 2.", "### d2", "needs an `Answer:`"),
        ("Answer: b a", "Answer: b c", "Answer: b c", "every letter once"),
        ("Answer: b a", "So:\n\nAnswer: b a", "So:", "directly under the options"),
        ("> As numbers go.", "", "### d3", "needs an explanation"),
        ("- needs: because, since\n", "", "Answer: Because", "every sentence would be right"),
        ("- needs: because", "- wants: because", "- wants:", "`needs: a, b`"),
        ("Answer:\n\n```output\n1\n```", "Answer: 1", "Answer: 1", "fenced as `output`"),
    ],
)
def test_what_is_malformed_is_refused_with_its_line(write: Write, old: str, new: str, place: str, message: str) -> None:
    assert LESSON.count(old) == 1
    text = LESSON.replace(old, new)
    with pytest.raises(LessonError) as caught:
        read_lesson(write(text), "Topic")
    assert message in caught.value.message
    assert text.splitlines()[caught.value.line - 1].startswith(place)
    assert str(caught.value).startswith(f"lessons/01-topic/1-a-lesson.md:{caught.value.line}: ")


def test_a_file_with_a_strange_name_is_refused(write: Write) -> None:
    with pytest.raises(LessonError, match="is named like"):
        read_lesson(write(LESSON, "01-topic/lesson.md"), "Topic")
