"""How far a learner is with a project: what their runs have done, and the questions that they have answered.

No table is kept for it. A milestone of runs is done when each of its configs is contained in a run that succeeded; a
question is done by a `Progress` row under a name that no lesson can have.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from bot.store.database import insert_new
from bot.store.tables import Learner, Progress, Run
from bot.study import streak
from bot.study.catalog import of_run
from lessons import Milestone, Project
from runner.config import ConfigError, parse
from runner.yaml_source import read

RUNS_READ = 100  # of each exercise, the latest


@dataclass(frozen=True, slots=True)
class Step:
    """A milestone as a learner stands with it: for each of its configs the latest run that has it, None without one."""

    milestone: Milestone
    answered: bool
    runs: tuple[Run | None, ...]

    @property
    def done(self) -> bool:
        """Say whether nothing is left to do."""
        return all(self.runs) if self.milestone.configs else self.answered


async def steps(session: AsyncSession, learner: Learner, project: Project) -> tuple[Step, ...]:
    """Return a project's milestones with what a learner has done of each."""
    configs = [config for milestone in project.milestones for config in milestone.configs]
    runs = await _succeeded(session, learner, {str(wanted(config)["exercise"]) for config in configs})
    found = await asyncio.to_thread(_match, configs, runs)
    answered = await _answered(session, learner, project)
    return tuple(
        Step(each, each.number in answered, tuple(found[config] for config in each.configs))
        for each in project.milestones
    )


async def tick(session: AsyncSession, learner: Learner, project: Project, milestone: Milestone, now: datetime) -> None:
    """Note that a learner has dealt with a milestone's question; doing it twice changes nothing."""
    row = Progress(learner_id=learner.id, lesson=_name(project, milestone.number), status="read", changed_at=now)
    if await insert_new(session, row):
        await streak.note_activity(session, learner, now)


@cache
def wanted(config: str) -> Mapping[str, Any]:
    """Return what a run has to have for a config that a task shows: dotted key → value, nothing that it leaves open."""
    given, whole = read(config).data, parse(config).config.model_dump()
    return {
        key: _value(whole, key)
        for section, value in given.items()
        for key in ([f"{section}.{name}" for name in value] if isinstance(value, Mapping) else [section])
    }


def contains(config: Mapping[str, Any], keys: Mapping[str, Any]) -> bool:
    """Say whether a run's whole config has these values under these dotted keys."""
    return all(_value(config, key) == value for key, value in keys.items())


def _value(config: Mapping[str, Any], key: str) -> Any:
    section, _, name = key.partition(".")
    return config[section][name] if name else config[section]


def _match(configs: Iterable[str], runs: Sequence[Run]) -> dict[str, Run | None]:
    """Find the latest run for each config; reading a hundred configs takes a while."""
    trained = [(run, whole) for run in runs if (whole := _whole(run))]
    return {
        config: next((run for run, whole in trained if contains(whole, wanted(config))), None) for config in configs
    }


def _whole(run: Run) -> dict[str, Any]:
    """Return a run's config; nothing for one from before a key was renamed, which is no reason to fail."""
    try:
        return parse(run.config, of_run(run)).config.model_dump()
    except ConfigError:
        return {}


async def _succeeded(session: AsyncSession, learner: Learner, exercises: Iterable[str]) -> list[Run]:
    mine = select(Run).where(
        Run.learner_id == learner.id, Run.status == "succeeded", col(Run.exercise).in_(sorted(exercises))
    )
    return list(await session.exec(mine.order_by(col(Run.queued_at).desc()).limit(RUNS_READ)))


async def _answered(session: AsyncSession, learner: Learner, project: Project) -> set[int]:
    names = {_name(project, milestone.number): milestone.number for milestone in project.milestones}
    rows = select(Progress.lesson).where(Progress.learner_id == learner.id, col(Progress.lesson).in_(names))
    return {names[name] for name in await session.exec(rows)}


def _name(project: Project, number: int) -> str:
    return f"project:{project.name}:{number}"
