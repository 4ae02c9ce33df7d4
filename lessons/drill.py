"""Drills: one question each, with everything that is needed to mark an answer and to explain it."""

from dataclasses import dataclass
from typing import Literal, get_args

from lessons.answer import Answer, Option, UnreadableAnswerError

Kind = Literal["choice", "several", "number", "order", "spot", "output", "short"]
KINDS: tuple[Kind, ...] = get_args(Kind)

# Nobody types more than this in earnest, and reading it stays cheap.
_LONGEST_ANSWER = 2_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of an answer. One that was not understood is not wrong: ask again with `explanation`."""

    right: bool
    explanation: str
    expected: str
    understood: bool = True


def mark(answer: Answer, explanation: str, given: str) -> Verdict:
    """Mark what somebody gave as an answer; never raises."""
    try:
        right, remark = answer.judge(given[:_LONGEST_ANSWER].strip())
    except UnreadableAnswerError as problem:
        return Verdict(False, str(problem), str(answer), understood=False)
    return Verdict(right, remark or explanation, str(answer))


@dataclass(frozen=True, slots=True)
class Drill:
    """One question of a lesson; `question` is CommonMark and does not contain the options.

    `line` is where it stands in the lesson's file. A drill kept for placement stays out of daily drills.
    """

    id: str
    lesson: str
    kind: Kind
    difficulty: int
    question: str
    options: tuple[Option, ...]
    answer: Answer
    hints: tuple[str, ...]
    explanation: str
    placement: bool
    line: int

    def check(self, given: str) -> Verdict:
        """Mark what a learner typed or pressed ("b", "a,c", "1,234", "line 4"); never raises."""
        return mark(self.answer, self.explanation, given)
