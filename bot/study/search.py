"""Which setting a search tries next, by optuna: asked anew each time, of a study made from the sweep's own runs.

There is no second database: trials are rows of the run's table, and the sampler's seed comes from the sweep and the
trial's number, so that a bot that was killed asks for the same setting again. A trial's value is the mean
**validation** score of its seeds; `runner.sweep_scores` says why never the hidden test's. A trial without a score
counts as worse than any that has one (optuna's pruned trials do), so that a search leaves where training diverges.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from runner.exercise import Metric
from runner.sweep import Axis, Range, Setting, SweepPlan
from runner.sweep_scores import Cell

ATTEMPTS = 40  # at a setting that is new and valid
BY_CHANCE = 10  # from this attempt on by chance: TPE asks for what it likes best again and again


@dataclass(frozen=True, slots=True)
class Trial:
    """One setting that was tried; without scores and still `live` its value is to come."""

    cell: Cell
    live: bool = False


def ask(
    plan: SweepPlan,
    trials: Sequence[Trial],
    metric: Metric,
    sweep_id: str,
    is_valid: Callable[[Setting], bool],
) -> Setting | None:
    """Return the setting to try next; None when all that comes has been tried or is not valid.

    Blocks for some milliseconds.
    """
    tried = [trial.cell.setting for trial in trials]
    for attempt in range(ATTEMPTS):
        seed = zlib.crc32(f"{sweep_id}/{len(trials)}/{attempt}".encode())
        setting = _asked(plan, trials, metric, seed, by_chance=plan.sampler == "random" or attempt >= BY_CHANCE)
        if setting not in tried and is_valid(setting):
            return setting
    return None


def _asked(plan: SweepPlan, trials: Sequence[Trial], metric: Metric, seed: int, by_chance: bool) -> Setting:
    import optuna  # 0.3 s, and few sweeps search

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler: Any = optuna.samplers.RandomSampler(seed=seed)
    if not by_chance:
        # Its default of 10 random trials would leave nothing of a search of 8; a third of them is chance.
        startup = min(10, max(2, plan.trials // 3))
        sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=startup, constant_liar=True)
    study = optuna.create_study(direction="maximize" if metric.higher_is_better else "minimize", sampler=sampler)
    space = {axis.key: _distribution(axis) for axis in plan.axes}
    for trial in trials:
        study.add_trial(_stored(trial, plan, space))
    asked = study.ask(space).params
    return {axis.key: _value(axis, asked[axis.key]) for axis in plan.axes}


def _distribution(axis: Axis) -> Any:
    from optuna import distributions

    if not isinstance(axis, Range):  # by index: a value may be a section, and optuna takes only scalars
        return distributions.CategoricalDistribution(range(len(axis.values)))
    if axis.whole:
        return distributions.IntDistribution(int(axis.low), int(axis.high), log=axis.log)
    return distributions.FloatDistribution(axis.low, axis.high, log=axis.log)


def _value(axis: Axis, asked: Any) -> Any:
    return axis.fit(asked) if isinstance(axis, Range) else axis.values[asked]


def _stored(trial: Trial, plan: SweepPlan, space: dict[str, Any]) -> Any:
    from optuna.trial import TrialState, create_trial

    setting = trial.cell.setting
    return create_trial(
        params={a.key: setting[a.key] if isinstance(a, Range) else a.values.index(setting[a.key]) for a in plan.axes},
        distributions=space,
        value=trial.cell.mean if trial.cell.scores and not trial.live else None,
        state=TrialState.RUNNING if trial.live else TrialState.COMPLETE if trial.cell.scores else TrialState.PRUNED,
    )
