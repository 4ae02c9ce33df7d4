"""What stands between the `---` lines of a file. Every value is a string until its field says otherwise."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from lessons.lesson import Level
from lessons.page import Page, last_line

Text = Annotated[str, Field(min_length=1)]


class FrontMatter(BaseModel):
    """A lesson's own facts; what can be read off the file's name is not repeated, but for the id."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[1-9]\d?\.[1-9]$")]
    title: Text
    level: Level
    minutes: Annotated[int, Field(ge=5, le=120)]
    needs: tuple[Text, ...]
    terms: tuple[Text, ...]
    gpu: bool
    checked_with: dict[Text, Text]
    sources: tuple[Text, ...]


Facts = TypeVar("Facts", bound=BaseModel)


def read_front_matter(page: Page, form: type[Facts]) -> Facts:
    """Return the page's front matter; raises LessonError with the line of the first field that is wrong."""
    if not page.blocks or page.blocks[0].type != "front_matter":
        raise page.error(1, "a file starts with `---` and its front matter")
    # The base loader makes strings only: to the usual one `05.10` is 5.1 and `on:` is True.
    yaml = YAML(typ="base", pure=True)
    try:
        return form.model_validate(yaml.load(page.blocks[0].content))
    except MarkedYAMLError as problem:
        line = problem.problem_mark.line + 2 if problem.problem_mark else 1
        raise page.error(line, f"front matter: {problem.problem}") from None
    except YAMLError as problem:
        raise page.error(1, f"front matter: {problem}") from None
    except ValidationError as problem:
        first = problem.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "front matter"
        raise page.error(_line_of(page, name), f"{name}: {first['msg']}") from None


def _line_of(page: Page, name: str) -> int:
    lines = page.lines[: last_line(page.blocks[0])]
    return next((number for number, line in enumerate(lines, 1) if line.startswith(f"{name}:")), 1)
