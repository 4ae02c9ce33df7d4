"""Watches over sweeps: makes the runs of what is to be tried next, and ends sweeps whose runs have ended.

All that it knows is in the store: each step is a conditional UPDATE in one transaction with the rows that it makes, so
it may be killed at any moment and several may run at once.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from itertools import islice
from typing import Any

from bot.store.database import Store
from bot.store.tables import Group, Learner, Run, Sweep
from bot.study import catalog, drill, sweep
from bot.study.finding import Finding
from bot.study.run import ENDED, add
from bot.study.search import ask
from bot.study.sweep_result import trials_of, unstable
from runner.catalog import Catalog
from runner.config import ConfigError, parse
from runner.exercise import Metric
from runner.sweep import Setting, SweepPlan
from runner.sweep_scores import ranked
from runner.sweep_source import read_sweep

log = logging.getLogger(__name__)


class SweepWatch:
    """Moves every sweep on each time `tick` is called; `runs` is the URL under which run directories are made."""

    def __init__(self, store: Store, runs: str, clock: Callable[[], datetime]) -> None:
        self._store = store
        self._runs = runs
        self._clock = clock

    async def tick(self, slots: int) -> bool:
        """Look at every running sweep; return whether any has moved. A search keeps `slots` runs under way."""
        async with self._store.read() as session:
            under_way = await sweep.running(session)
        moved = False
        for found in under_way:
            try:
                moved = await self._follow(found, slots) or moved
            except Exception:  # one broken sweep must not stop the others
                log.exception("cannot follow sweep %s", found.id)
        return moved

    async def _follow(self, found: Sweep, slots: int) -> bool:
        async with self._store.read() as session:
            runs = await sweep.runs_of(session, found)
        live = sum(run.status not in ENDED for run in runs)
        if found.asked == found.trials:
            return not live and await self._end(found, runs)
        if found.kind == "search" and live >= slots:  # the more it knows, the better it chooses
            return False
        return await self._try_next(found, runs)

    async def _try_next(self, found: Sweep, runs: list[Run]) -> bool:
        """Make the runs of the next setting, one a seed; when there is nothing more to try, the sweep ends early."""
        async with self._store.read() as session:
            offered = await catalog.of_sweep(session, found)
        configs, setting = await asyncio.to_thread(_next_configs, found, runs, offered)
        return await self._make(found, setting, configs, offered)

    async def _make(self, found: Sweep, setting: Setting | None, configs: list[str], offered: Catalog) -> bool:
        now = self._clock()
        async with self._store.write() as session:
            if setting is None:
                await sweep.cut_short(session, found)
                return True
            if not await sweep.claim_trial(session, found):
                return False
            learner = await session.get_one(Learner, found.learner_id)
            group = await session.get_one(Group, found.group_id)
            where: dict[str, Any] = {"channel": found.channel, "runs": self._runs, "now": now}
            part: dict[str, Any] = {"sweep_id": found.id, "trial": found.asked, "setting": setting}
            for config in configs:
                await add(session, learner, group, config, offered, **where, **part)
        return True

    async def _end(self, found: Sweep, runs: list[Run]) -> bool:
        now = self._clock()
        async with self._store.read() as session:
            metric = (await catalog.exercise_of_sweep(session, found)).metric
        finding, best = await asyncio.to_thread(_diagnose, runs, metric)
        async with self._store.write() as session:
            ended = await sweep.end(session, found, finding.as_json() if finding else None, now)
            if ended and finding and best:
                await drill.want(session, found.learner_id, finding.lesson, best.id, now)
        return ended


def _next_configs(found: Sweep, runs: list[Run], offered: Catalog) -> tuple[list[str], Setting | None]:
    """Return what is tried next, and its configs; None when there is nothing more. Blocks."""
    try:
        plan = read_sweep(found.submitted, offered)
    except ConfigError:  # accepted by an older version with other rules
        log.warning("sweep %s has a config that is no longer valid; it ends with what it has", found.id)
        return [], None
    if plan is None:
        return [], None
    if plan.kind == "search":
        metric = offered.exercises[found.exercise].metric
        setting = ask(plan, trials_of(runs), metric, found.id, lambda setting: _is_valid(plan, setting, offered))
    else:
        setting = next(islice(plan.settings(), found.asked, None), None)
    return plan.configs(setting) if setting is not None else [], setting


def _is_valid(plan: SweepPlan, setting: Setting, offered: Catalog) -> bool:
    try:
        for config in plan.configs(setting):
            parse(config, offered)
    except ConfigError:
        return False
    return True


def _diagnose(runs: list[Run], metric: Metric) -> tuple[Finding | None, Run | None]:
    """Say whether the best setting depends on its seed, and which is its first run; blocks."""
    cells = ranked((trial.cell for trial in trials_of(runs)), metric)
    if not cells or not cells[0].scores:
        return None, None
    best = next(run for run in runs if (run.setting or {}) == cells[0].setting)
    try:
        training = parse(best.config, catalog.of_run(best)).config.training
    except ConfigError:  # accepted by an older version with other rules
        return None, best
    values = {"training.learning_rate": training.learning_rate, "training.warmup_steps": training.warmup_steps}
    return unstable(cells[0], metric, values), best
