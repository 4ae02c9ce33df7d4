"""The coach on the bench's runs: real ones, trained on one H100, good configs and bad."""

import tarfile
from pathlib import Path

import pytest

from bot.store.tables import Run
from bot.study import coach
from bot.study.run import changed_config
from runner.config import parse
from tests.bench import coach as bench

KEPT = Path(bench.__file__).with_name("coach_runs.tar.xz")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    with tarfile.open(KEPT) as kept:
        kept.extractall(folder, filter="data")
    return folder


@pytest.mark.parametrize("c", [*bench.CASES, *bench.HELD_OUT], ids=lambda c: c.name)
def test_a_run_is_told_what_is_wrong_with_it_and_nothing_else(runs, c):
    told = bench.tell(runs, c)
    assert (told.wrong, told.missed) == (set(), set()), str(told)


@pytest.mark.parametrize("c", [*bench.CASES, *bench.HELD_OUT], ids=lambda c: c.name)
def test_every_change_that_is_advised_is_a_config_that_would_train(runs, c):
    seen = bench.observed(runs, c)
    for finding in coach.diagnose(seen.history, seen.config, seen.result):
        changed = parse(changed_config(Run(config=c.config), finding.change)).config
        assert finding.change == {} or changed != seen.config


def test_every_rule_is_met_in_a_kept_run():
    made_for = {rule for c in (*bench.CASES, *bench.HELD_OUT) for fault in c.faults for rule in fault}
    proven = {"worse_than_baseline", "batch_too_small"}
    assert {rule.__name__ for rule in coach.RULES} == made_for | proven
