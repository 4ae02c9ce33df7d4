"""What is wrong with a config, said so that it is safe to show: nothing a learner wrote is echoed raw."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

SHOWN_CHARACTERS = 60
_PLAIN_NAME = re.compile(r"[A-Za-z0-9]+(?:[_-][A-Za-z0-9]+)*", re.ASCII)
# Markdown, mentions, links, control and invisible characters; an underscore inside a word means nothing to a chat.
_UNSAFE = re.compile(r"[^\w .,:;!?+=/%()'-]|(?<=:)/|(?<![^\W_])_|_(?![^\W_])")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or suspicious: where, and what would be right. `key` is dotted: `training.seed`."""

    message: str
    line: int | None = None
    key: str = ""

    def __str__(self) -> str:
        """Write it as one line: `line 7: training.seed: …`."""
        where = f"line {self.line}: " if self.line is not None else ""
        return f"{where}{self.key}: {self.message}" if self.key else f"{where}{self.message}"


class ConfigError(Exception):
    """A config cannot be trained; `problems` has everything that is wrong with it, in order of line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = in_order(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        """Write all problems, one a line."""
        return "\n".join(str(problem) for problem in self.problems)


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Sort problems by line; those without one come first."""
    return tuple(sorted(problems, key=lambda problem: problem.line or 0))


def quoted(text: str) -> str:
    """Return at most 60 characters of a text in double quotes, with everything that a chat could act on escaped."""
    clipped = text[:SHOWN_CHARACTERS]
    more = "…" if len(text) > SHOWN_CHARACTERS else ""
    return f'"{_UNSAFE.sub(_escape, clipped)}{more}"'


def shown_key(key: str) -> str:
    """Return a key as it is when it is a plain name, otherwise quoted."""
    return key if len(key) <= SHOWN_CHARACTERS and _PLAIN_NAME.fullmatch(key) else quoted(key)


def dotted(path: Iterable[str]) -> str:
    """Return a path of keys as people write it: `training.seed`."""
    return ".".join(shown_key(key) for key in path)


def shown_value(value: Any) -> str:
    """Return a scalar as YAML writes it, clipped and safe to show."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            digits = str(value)
            return digits if len(digits) <= SHOWN_CHARACTERS else f"{digits[:SHOWN_CHARACTERS]}…"
        case _:
            return quoted(str(value))


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
