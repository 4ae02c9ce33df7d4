"""The placement items with their parameters: fitted ones where there are some, else their author's difficulty.

The scale: topics lie evenly from -2 to 2 logits in the order of the curriculum, and a step of an author's difficulty,
which is relative to the lesson, is half a logit.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.tables import Item
from bot.study.item_response import Array
from lessons import Curriculum, Drill

TOPICS = 13
LOWEST, HIGHEST = -2.0, 2.0  # logits: the first and the last topic
DIFFICULTY_STEP = 0.5  # logits
# An author's difficulty is off by about AUTHOR_SD logits, which makes items look flatter than they are: 1.25 is what
# a bank with a median of 1.35 is best scored with (tests/bench/placement.py).
AUTHOR_SD = 0.6
DISCRIMINATION = 1.25


@dataclass(frozen=True, slots=True)
class ItemBank:
    """Items and their parameters, one array element an item; `topics` counts from 0."""

    drills: tuple[Drill, ...]
    topics: npt.NDArray[np.int_]
    discrimination: Array
    difficulty: Array
    guess: Array

    def indices(self, drills: Iterable[str]) -> dict[str, int]:
        """Return where those of `drills` stand that the bank has."""
        places = {drill.id: index for index, drill in enumerate(self.drills)}
        return {name: places[name] for name in drills if name in places}


def topic_place(number: int) -> float:
    """Return where a topic, counted from 1, lies on the scale."""
    return LOWEST + (HIGHEST - LOWEST) * (number - 1) / (TOPICS - 1)


def author_difficulty(topic: int, difficulty: int) -> float:
    """Return where a drill of an author's difficulty 1 to 5 lies on the scale."""
    return topic_place(topic) + DIFFICULTY_STEP * (difficulty - 3)


def author_bank(curriculum: Curriculum) -> ItemBank:
    """Return the items as their authors judge them."""
    found = [(drill, lesson.topic) for lesson in curriculum.lessons for drill in lesson.drills if drill.placement]
    return ItemBank(
        tuple(drill for drill, _ in found),
        np.array([topic - 1 for _, topic in found], dtype=int),
        np.full(len(found), DISCRIMINATION),
        np.array([author_difficulty(topic, drill.difficulty) for drill, topic in found], dtype=float),
        np.array([1.0 / len(drill.options) if drill.options else 0.0 for drill, _ in found], dtype=float),
    )


async def item_bank(session: AsyncSession, curriculum: Curriculum) -> ItemBank:
    """Return the items with their fitted parameters where they have been calibrated."""
    bank = author_bank(curriculum)
    fitted = {item.drill: item for item in await session.exec(select(Item))}
    for name, index in bank.indices(fitted).items():
        bank.discrimination[index] = fitted[name].discrimination
        bank.difficulty[index] = fitted[name].difficulty
    return bank
