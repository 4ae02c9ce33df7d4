"""The right answers of drills, one class a kind, and how a typed answer is read against each.

`judge` says whether an answer is right and, where there is something to say about this very answer,
a remark. It raises `UnreadableAnswerError` for what cannot be an answer at all: that never counts as wrong.
"""

import re
from dataclasses import dataclass, field
from typing import Protocol

_FILLERS = frozenset({"and", "then", "option", "options", "answer"})


class UnreadableAnswerError(ValueError):
    """The text is no answer to this kind of question; the message says what is expected."""


class Answer(Protocol):
    """What a drill is marked against; `str()` writes it as a learner reads it."""

    def judge(self, given: str) -> tuple[bool, str | None]:
        """Return whether `given` is right and a remark on it; raises UnreadableAnswerError."""


@dataclass(frozen=True, slots=True)
class Option:
    """One of a drill's choices; in an `order` drill only the text is used."""

    text: str
    right: bool = False
    explanation: str = ""


def letter(index: int) -> str:
    """Return the letter that stands before the option at `index`."""
    return chr(ord("a") + index)


def tokens(text: str) -> list[str]:
    """Split text into words and marks, so that spacing, case and backticks do not matter."""
    return re.findall(r"[\w.]+|[^\w\s]", text.casefold().replace("`", ""))


def _read_letters(given: str, count: int, expected: str) -> list[int]:
    """Return the options named in "b", "a, c" or "ac", in the order written."""
    words = [word for word in re.findall(r"[^\W_]+", given.casefold()) if word not in _FILLERS]
    letters = list(words[0]) if len(words) == 1 else words
    known = {letter(index): index for index in range(count)}
    if not letters or len(set(letters)) < len(letters) or not known.keys() >= set(letters):
        raise UnreadableAnswerError(f"I need {expected}, from a to {letter(count - 1)}.")
    return [known[each] for each in letters]


@dataclass(frozen=True, slots=True)
class OneOf:
    """Exactly one option is right."""

    options: tuple[Option, ...]

    def __str__(self) -> str:
        index = next(index for index, option in enumerate(self.options) if option.right)
        return f"{letter(index)}: {self.options[index].text}"

    def judge(self, given: str) -> tuple[bool, str | None]:
        """Read a letter, or an option's own words."""
        for option in self.options:
            if tokens(option.text) == tokens(given):
                return option.right, option.explanation
        chosen = _read_letters(given, len(self.options), "one letter")
        if len(chosen) > 1:
            raise UnreadableAnswerError("Only one option is right: I need one letter.")
        option = self.options[chosen[0]]
        return option.right, option.explanation


@dataclass(frozen=True, slots=True)
class AllOf:
    """One option or more are right, and all of them must be named."""

    options: tuple[Option, ...]

    def __str__(self) -> str:
        return ", ".join(letter(index) for index in sorted(self._right()))

    def judge(self, given: str) -> tuple[bool, str | None]:
        """Read letters such as "a, c"; the remark explains what was named wrongly."""
        chosen = set(_read_letters(given, len(self.options), "the letter of every right option"))
        wrong = sorted(chosen - self._right())
        remarks = [f"{letter(index)}: {self.options[index].explanation}" for index in wrong]
        missing = len(self._right() - chosen)
        if missing:
            remarks.append(f"{missing} right option{'s are' if missing > 1 else ' is'} missing.")
        return not remarks, "\n".join(remarks) or None

    def _right(self) -> set[int]:
        return {index for index, option in enumerate(self.options) if option.right}


@dataclass(frozen=True, slots=True)
class Order:
    """The options, by index, in the right order."""

    right: tuple[int, ...]

    def __str__(self) -> str:
        return " ".join(letter(index) for index in self.right)

    def judge(self, given: str) -> tuple[bool, str | None]:
        """Read letters in order, such as "b a c"."""
        order = _read_letters(given, len(self.right), "every letter, in order")
        if len(order) < len(self.right):
            raise UnreadableAnswerError(f"I need all {len(self.right)} letters, in order.")
        return tuple(order) == self.right, None


@dataclass(frozen=True, slots=True)
class Line:
    """The number of a line in the code shown, counted from 1."""

    number: int
    lines: int

    def __str__(self) -> str:
        return f"line {self.number}"

    def judge(self, given: str) -> tuple[bool, str | None]:
        """Read a line number, such as "4" or "line 4"."""
        match = re.fullmatch(r"(?:line\s*)?([0-9]{1,3})[.:]?", given.casefold())
        if match is None or not 1 <= int(match[1]) <= self.lines:
            raise UnreadableAnswerError(f"I need a line's number, from 1 to {self.lines}.")
        return int(match[1]) == self.number, None


@dataclass(frozen=True, slots=True)
class Output:
    """What a program prints."""

    text: str

    def __str__(self) -> str:
        return self.text

    def judge(self, given: str) -> tuple[bool, str | None]:
        """Compare what is printed; spacing, case and backticks are forgiven."""
        if not tokens(given):
            raise UnreadableAnswerError("I need what the program prints, as text.")
        return tokens(given) == tokens(self.text), None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A misconception: phrases that give it away, and what to say about it."""

    phrases: tuple[str, ...]
    explanation: str


@dataclass(frozen=True, slots=True)
class Rubric:
    """A sentence is right when it has one phrase of every group in `needs` and none that is refused.

    A phrase is matched as whole words; `accumulat*` matches any ending.
    """

    model: str
    needs: tuple[tuple[str, ...], ...]
    refusals: tuple[Refusal, ...] = field(default=())

    def __str__(self) -> str:
        return self.model

    def judge(self, given: str) -> tuple[bool, str | None]:
        """Look for the phrases; the remark is the refused misconception's, if there is one."""
        if not re.search(r"[^\W\d_]{2}", given):
            raise UnreadableAnswerError("I need a sentence in your own words.")
        for refusal in self.refusals:
            if _says(given, refusal.phrases):
                return False, refusal.explanation
        return all(_says(given, group) for group in self.needs), None


def _says(text: str, phrases: tuple[str, ...]) -> bool:
    patterns = (re.escape(phrase.casefold()).replace(r"\*", r"\w*") for phrase in phrases)
    return any(re.search(rf"(?<!\w){pattern}(?!\w)", text.casefold()) for pattern in patterns)
