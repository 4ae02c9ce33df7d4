"""A group with people in it, as the store keeps them."""

from collections.abc import Callable
from itertools import count
from typing import Any

import pytest

from bot.store.tables import Group, Learner, Run
from bot.study.membership import Sender, identify


@pytest.fixture
async def people(store, clock) -> tuple[Group, list[Learner]]:
    """The lab, with Ann, Bo and Cy as its members."""
    async with store.write() as session:
        found = [
            await identify(session, Sender("local", name, name.capitalize(), "UTC"), ("#lab", "lab"), clock.now)
            for name in ("ann", "bo", "cy")
        ]
    group = found[0][1]
    assert group is not None
    return group, [learner for learner, _ in found]


@pytest.fixture
def group(people) -> Group:
    """The lab."""
    return people[0]


@pytest.fixture
def new_run(group, clock) -> Callable[..., Run]:
    """Make runs in the lab, of a learner and with whatever values a test cares about."""
    numbers = count(1)

    def make(learner: Learner, **values: Any) -> Run:
        number = next(numbers)
        usual = {"exercise": "match", "queued_at": clock.now, "data_hash": "d"}
        return Run(
            id=f"r{number}",
            number=number,
            group_id=group.id,
            learner_id=learner.id,
            submitted="",
            config="",
            chat="local",
            channel="#lab",
            run_dir="/nowhere",
            **(usual | values),
        )

    return make
