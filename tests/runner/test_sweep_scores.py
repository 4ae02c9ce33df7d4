import math

import pytest
from scipy.stats import t

from runner.exercise import exercises
from runner.sweep_scores import Cell, Difference, difference, half_width, matters, ranked, tied

ACCURACY = exercises()["match"].metric
BITS = exercises()["stdlib"].metric


def cell(*scores: float, lost: int = 0, **setting: float) -> Cell:
    return Cell(setting, dict(enumerate(scores)), lost)


def test_the_interval_is_students_t_over_seeds_and_one_seed_has_none():
    scores = [0.81, 0.83, 0.79]
    low, high = t.interval(0.95, 2, loc=0.81, scale=0.02 / math.sqrt(3))
    assert half_width(scores) == pytest.approx((high - low) / 2)
    assert half_width([0.81]) is None
    assert half_width([]) is None


def test_the_best_comes_first_in_the_metrics_direction_and_what_has_no_score_last():
    low, high, none = cell(1.0, 1.2), cell(2.0), cell(lost=2)
    assert ranked([none, low, high], ACCURACY) == [high, low, none]
    assert ranked([none, high, low], BITS) == [low, high, none]
    assert math.isnan(none.mean)


def test_cells_nearer_than_the_metrics_tie_are_told_as_a_tie():
    best = cell(0.80, 0.82)
    assert tied(cell(0.79), best, ACCURACY)
    assert not tied(cell(0.77), best, ACCURACY)
    assert not tied(best, best, ACCURACY)
    assert tied(cell(0.79, 0.70), best, ACCURACY)  # 7 points behind, and a paired interval of 70
    assert not tied(cell(lost=1), best, ACCURACY)


def test_a_difference_is_paired_by_seed_and_over_the_seeds_that_both_have():
    base, changed = Cell({}, {1: 0.70, 2: 0.75, 3: 0.80}), Cell({}, {2: 0.80, 3: 0.85, 4: 0.1})
    found = difference(changed, base)
    assert found
    assert found.mean == pytest.approx(0.05)
    assert found.half == pytest.approx(0.0, abs=1e-9)
    assert difference(Cell({}, {4: 0.5}), base) is None


@pytest.mark.parametrize(
    ("mean", "half", "does"),
    [(0.03, 0.01, True), (-0.03, 0.01, True), (0.03, 0.04, False), (0.02, 0.001, False), (0.03, None, True)],
)
def test_a_difference_matters_over_the_tie_and_outside_its_interval(mean, half, does):
    assert matters(Difference(mean, half), ACCURACY) is does
