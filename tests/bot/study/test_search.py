"""What a search tries next, by the real optuna."""

import math
import subprocess
import sys

import pytest

from bot.study.search import Trial, ask
from runner.exercise import Metric, exercises
from runner.sweep import Setting, SweepPlan
from runner.sweep_scores import Cell
from runner.sweep_source import read_sweep

ACCURACY = exercises()["match"].metric
BITS = exercises()["stdlib"].metric
RATE = "training.learning_rate"
SOURCE = "exercise: match\nmodel: tiny\ntraining: {learning_rate: {from: 1e-6, to: 1e-1, scale: log}}\n"


def plan_of(options: str, source: str = SOURCE) -> SweepPlan:
    plan = read_sweep(f"{source}sweep: {options}\n")
    assert plan
    return plan


def valid(_: Setting) -> bool:
    return True


def searched(plan: SweepPlan, metric: Metric, score, name: str = "s1") -> list[Trial]:
    """Search to the end; `score` says what a setting comes to, or None where training fails."""
    trials: list[Trial] = []
    for _ in range(plan.trials):
        setting = ask(plan, trials, metric, name, valid)
        assert setting is not None
        found = score(setting)
        trials.append(Trial(Cell(setting, {} if found is None else {42: found}, lost=int(found is None))))
    return trials


def nearness(setting: Setting) -> float:
    """A score that is best at a rate of 1e-4 and falls by a tenth with each power of ten from there."""
    return 0.9 - 0.1 * abs(math.log10(setting[RATE]) + 4)


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_the_same_history_is_asked_the_same_so_that_a_restart_changes_nothing(sampler: str):
    plan = plan_of(f"{{trials: 6, sampler: {sampler}}}")
    first, again = (searched(plan, ACCURACY, nearness) for _ in range(2))
    assert first == again
    assert len({trial.cell.setting[RATE] for trial in first}) == 6
    assert [trial.cell.setting for trial in searched(plan, ACCURACY, nearness, "s2")] != [t.cell.setting for t in first]


@pytest.mark.parametrize(("metric", "sign"), [(ACCURACY, 1), (BITS, -1)])
def test_tpe_comes_nearer_to_the_best_than_chance_in_the_metrics_direction(metric: Metric, sign: int):
    def late(sampler: str) -> float:
        """Mean score of the second half of 12 trials, over several searches."""
        plan = plan_of(f"{{trials: 12, sampler: {sampler}}}")
        runs = [searched(plan, metric, lambda s: sign * nearness(s), f"s{n}")[6:] for n in range(8)]
        scores = [sign * trial.cell.mean for trials in runs for trial in trials]
        return sum(scores) / len(scores)

    assert late("tpe") > late("random") + 0.03


def test_a_search_leaves_where_training_fails():
    plan = plan_of("{trials: 16}")
    diverging = [
        trial.cell.setting[RATE] > 1e-3
        for n in range(6)
        for trial in searched(plan, ACCURACY, lambda s: None if s[RATE] > 1e-3 else 0.7, f"s{n}")[8:]
    ]
    assert sum(diverging) / len(diverging) < 0.25  # chance alone: two of five


def test_trials_under_way_are_not_asked_again():
    plan = plan_of("{trials: 8}")
    live: list[Trial] = []
    for _ in range(4):
        setting = ask(plan, live, ACCURACY, "s1", valid)
        assert setting is not None
        live.append(Trial(Cell(setting, {}), live=True))
    assert len({trial.cell.setting[RATE] for trial in live}) == 4


def test_lists_whole_numbers_and_sections_are_searched_too_and_nothing_twice():
    source = (
        "exercise: multi\nmodel: tiny\nfreeze_layers: {from: 0, to: 1}\n"
        "multi: {loss_weights: [{library: 1, kind: 1}, {library: 2, kind: 1}]}\n"
    )
    plan = plan_of("{trials: 4}", source)
    settings = [trial.cell.setting for trial in searched(plan, ACCURACY, lambda s: 0.5)]
    assert all(settings.count(setting) == 1 for setting in settings)
    assert {setting["freeze_layers"] for setting in settings} == {0, 1}
    assert ask(plan, [Trial(Cell(s, {1: 0.5})) for s in settings], ACCURACY, "s1", valid) is None


def test_only_valid_settings_are_asked():
    plan = plan_of("{trials: 8}")
    setting = ask(plan, [], ACCURACY, "s1", lambda setting: setting[RATE] < 1e-5)
    assert setting is not None
    assert setting[RATE] < 1e-5
    assert ask(plan, [], ACCURACY, "s1", lambda setting: False) is None


def test_the_bot_starts_without_loading_optuna_or_torch():
    code = "import bot.app, sys; sys.exit(bool({'optuna', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
