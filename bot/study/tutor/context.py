"""What the model is given to read, within its size: instructions, data marked as data, the last turns, the question."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from bot.study.tutor.llm import REPLY, Said

PROMPT = Path(__file__).with_name("prompt.md")
MODES = ("explain", "quiz", "debug", "review", "plan")
SPARE = 64  # tokens, for what a chat template adds
DATA_SHARE = 0.7  # of what is left beside instructions and question; the last turns get the rest
LEAST = 60  # tokens; less of a text is not worth reading

_TAG = re.compile(r"<(\s*/?\s*)data", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Data:
    """Something quoted; `name` says what it is."""

    name: str
    text: str

    def __str__(self) -> str:
        """Mark it as data that it cannot end."""
        return f'<data name="{quoted(self.name)}">\n{quoted(self.text)}\n</data>'


@dataclass(frozen=True, slots=True)
class Past:
    """A turn that was answered."""

    question: str
    answer: str


def quoted(text: str) -> str:
    """Return a text in which no mark of ours can be read."""
    return _TAG.sub(r"‹\1data", text).replace("\0", "")


def tokens(text: str) -> int:
    """Estimate a text's tokens, rather too many: a third of its ASCII characters and every other one."""
    plain = sum(map(str.isascii, text))
    return plain // 3 + len(text) - plain + 1


def clip(text: str, room: int) -> str:
    """Return the beginning of a text that takes at most `room` tokens, with an ellipsis where it was cut."""
    while text and tokens(text) > room:
        text = text[: max(0, int(len(text) * min(0.95, room / tokens(text))) - 1)]
        if text and tokens(text + "…") <= room:
            return text + "…"
    return text


@cache
def instructions(mode: str) -> str:
    """Return what the model is told for a mode."""
    common, *parts = re.split(r"(?m)^## ", PROMPT.read_text(encoding="utf-8"))
    own = next(part for part in parts if part.startswith(mode))
    return f"{common.strip()}\n\nNow: {own.removeprefix(mode).strip()}"


def pack(mode: str, data: Sequence[Data], past: Sequence[Past], question: str, context: int) -> list[Said]:
    """Return the conversation that fits: data in order of importance, the oldest turns dropped first."""
    system = instructions(mode)
    room = context - REPLY - SPARE - tokens(system)
    question = clip(quoted(question), max(LEAST, room // 3))
    room -= tokens(question)
    kept = _fitting(data, int(room * DATA_SHARE))
    turns = _latest(past, room - sum(tokens(str(each)) for each in kept))
    asked = "\n\n".join([*map(str, kept), f"The learner says:\n{question}"])
    return [Said("system", system), *turns, Said("user", asked)]


def _fitting(data: Sequence[Data], room: int) -> list[Data]:
    kept = []
    for each in data:
        frame = tokens(str(Data(each.name, "")))
        if room - frame < LEAST:
            break
        fitting = Data(each.name, clip(quoted(each.text), room - frame))
        kept.append(fitting)
        room -= tokens(str(fitting))
    return kept


def _latest(past: Sequence[Past], room: int) -> list[Said]:
    turns: list[Said] = []
    for each in reversed(past):
        pair = [Said("user", quoted(each.question)), Said("assistant", quoted(each.answer))]
        room -= sum(tokens(said.content) for said in pair)
        if room < 0:
            break
        turns[:0] = pair
    return turns
